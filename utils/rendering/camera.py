"""A camera for MuJoCo simulations: renders pictures without a display, or shows MuJoCo's viewer on a display."""

import time

import mujoco
from mujoco.batch import Batch

from utils.fields import shown
from utils.rendering import gl
from utils.rendering.pictures import NO_PICTURES, Pictures, View, is_whole_number
from utils.rendering.renderers import Lease

FOLLOWING_CAMERA = "follow"
FREE_CAMERA = -1
_NO_DISPLAY = 'render_mode "human" needs a display, and there is none: use render_mode "rgb_array"'


class ViewerClosed(RuntimeError):
    """The user closed the window of the viewer."""

    def __init__(self):
        super().__init__('the window of render_mode "human" was closed: make a new environment to open another window')


class Camera(View):
    """Renders simulations of a batch, or of any object with `model` and `get_data(index, data)` like a batch.

    Resources are opened at the first picture. The model may be replaced at any time.

    Args:
        sim: the simulations.
        pictures: render mode, size and camera.
        default: name of the camera if `pictures` names none; the free camera if the model has no such camera.

    Raises:
        ValueError: the model has no such camera; the message lists those that exist.
    """

    def __init__(self, sim: Batch, pictures: Pictures = NO_PICTURES, default: str = FOLLOWING_CAMERA):
        super().__init__(pictures)
        self._sim, self._default = sim, default
        _camera_id(sim.model, pictures, default)
        self._model = self._lease = self._viewer = self._data = None
        self._due = 0.0

    def show(self, dt: float) -> None:
        """Shows simulation 0 in the viewer (mode "human" only); call it after every reset and step.

        Waits until `dt`, s, have passed since the last call.

        Raises:
            RuntimeError: there is no display.
            ViewerClosed: the user closed the window.
        """
        super().show(dt)
        if not self._pictures.in_window:
            return
        self._follow_model()
        self._data = self._sim.get_data(0, self._data)  # the same object at every call, because the viewer reads it
        if self._viewer is None:
            self._viewer = _open_viewer(self._model, self._data, _camera_id(self._model, self._pictures, None))
        if not self._viewer.is_running():
            raise ViewerClosed
        self._viewer.sync()
        time.sleep(max(0.0, self._due - time.monotonic()))
        self._due = time.monotonic() + dt

    def close(self) -> None:
        """Releases the renderer and closes the viewer; the next picture opens them again."""
        for opened in filter(None, (self._lease, self._viewer)):
            opened.close()
        self._lease = self._viewer = self._data = self._model = None

    def _drawn(self, index):
        self._follow_model()
        if self._lease is None:
            self._lease = Lease(self._model, *self._size)
        data = self._sim.get_data(index)  # not stored: for 64 hands this would take 320 MB
        view = _view(self._model, _camera_id(self._model, self._pictures, self._default))
        depths = {"rgb_array": (False,), "depth_array": (True,), "rgbd_tuple": (False, True)}[self._pictures.render_mode]
        drawn = tuple(self._lease.draw(self._model, data, view, depth) for depth in depths)
        return drawn if len(drawn) > 1 else drawn[0]

    def __getstate__(self):
        """Leaves out renderer, viewer and model, which cannot be copied or pickled; a copy opens new ones."""
        return self.__dict__ | dict.fromkeys(("_model", "_lease", "_viewer", "_data"))

    def _follow_model(self):
        """Replaces renderer and viewer if the model was replaced."""
        if self._sim.model is self._model:
            return
        former = self._lease
        self._lease = Lease(self._sim.model, *self._size) if former else None
        if former:  # closed last, so that a renderer that fits both models is reused
            former.close()
        if self._viewer:
            self._viewer.close()
        self._model, self._viewer, self._data = self._sim.model, None, None


def _camera_id(model, pictures, default):
    """Returns the id of the chosen camera, otherwise of `default` if it exists, otherwise FREE_CAMERA.

    Raises:
        ValueError: there is no such camera.
    """
    names = [model.camera(i).name for i in range(model.ncam)]
    name, number = pictures.camera_name, pictures.camera_id
    if name is None and number is None:
        return names.index(default) if default in names else FREE_CAMERA
    if name is None and is_whole_number(number) and FREE_CAMERA <= number < model.ncam:
        return int(number)
    if name in names:
        return names.index(name)
    wanted, existing = number if name is None else name, "".join(f", {i} ({name})" for i, name in enumerate(names))
    raise ValueError(
        f"there is no camera {shown(wanted)}; there are {FREE_CAMERA} (the free camera, by camera_id){existing}"
    )


def _view(model, camera_id):
    view = mujoco.MjvCamera()
    if camera_id == FREE_CAMERA:
        mujoco.mjv_defaultFreeCamera(model, view)
    else:
        view.type, view.fixedcamid = int(mujoco.mjtCamera.mjCAMERA_FIXED), camera_id
    return view


def _open_viewer(model, data, camera_id):
    if not gl.has_display():
        raise RuntimeError(_NO_DISPLAY)
    import mujoco.viewer

    viewer = mujoco.viewer.launch_passive(model, data, show_left_ui=False, show_right_ui=False)
    if camera_id != FREE_CAMERA:
        viewer.cam.type, viewer.cam.fixedcamid = int(mujoco.mjtCamera.mjCAMERA_FIXED), camera_id
    else:
        viewer.cam.type = int(mujoco.mjtCamera.mjCAMERA_TRACKING)
        viewer.cam.trackbodyid, viewer.cam.distance = 1, 0.8
    return viewer
