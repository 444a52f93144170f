"""Pictures of a simulation: a camera without a display (EGL, else OSMesa), MuJoCo's viewer with one, and videos."""

import ctypes
import importlib
import os
import platform
import time
import weakref
from pathlib import Path

import mujoco
import numpy as np
from mujoco.batch import Batch

from utils.outputs import MARK

FOLLOWING_CAMERA = "follow"
_EGL_PLATFORM_DEVICE = 0x313F  # from the extension EGL_EXT_platform_device
_NO_GL = (
    "rendering without a display needs a GL library, and neither EGL nor OSMesa is to be had: install it, on Debian and "
    "Ubuntu with 'apt-get install libegl1 libgl1-mesa-dri' (or libosmesa6)"
)
_NO_DISPLAY = 'render_mode "human" needs a display, and there is none: use render_mode "rgb_array"'


class Camera:
    """Looks at simulation `index` of a batch through its model's camera `name`, or the free one if it has none.

    Nothing is opened before the first picture.
    """

    def __init__(self, sim: Batch, index: int, width: int = 640, height: int = 480, name: str = FOLLOWING_CAMERA):
        self._sim, self._index, self._size, self._name = sim, index, (height, width), name
        self._renderer = self._viewer = self._data = None
        self._due = 0.0

    def frame(self) -> np.ndarray:
        """Returns a picture (height, width, 3) uint8.

        Raises:
            RuntimeError: there is no GL library; the message names the package to install.
        """
        if self._renderer is None:
            use_gl_without_display()
            self._renderer = mujoco.Renderer(self._sim.model, *self._size)
            # At exit the GL library goes before Python's objects do, so whoever forgets to close gets it closed in time.
            weakref.finalize(self, self._renderer.close)
        camera = mujoco.mj_name2id(self._sim.model, int(mujoco.mjtObj.mjOBJ_CAMERA), self._name)
        self._data = self._sim.get_data(self._index, self._data)
        self._renderer.update_scene(self._data, camera)
        return self._renderer.render()

    def show(self, dt: float) -> None:
        """Draws the current state in MuJoCo's viewer and waits until `dt`, s, have passed since the last call.

        Raises:
            RuntimeError: there is no display.
        """
        self._data = self._sim.get_data(self._index, self._data)
        if self._viewer is None:
            self._viewer = _open_viewer(self._sim.model, self._data)
        self._viewer.sync()
        time.sleep(max(0.0, self._due - time.monotonic()))
        self._due = time.monotonic() + dt

    def close(self) -> None:
        """Frees the renderer and closes the viewer."""
        for window in filter(None, (self._renderer, self._viewer)):
            window.close()
        self._renderer = self._viewer = None


class Video:
    """An MP4 file that is written as the frames come; a context manager."""

    def __init__(self, path: str | Path, fps: float):
        import imageio

        self._path = Path(path)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        metadata = ["-metadata", f"comment={MARK}"]
        self._writer = imageio.get_writer(str(self._path), fps=fps, macro_block_size=16, output_params=metadata)

    def add(self, frame: np.ndarray) -> None:
        """Appends a frame (height, width, 3) uint8, sides in multiples of 16."""
        self._writer.append_data(frame)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._writer.close()


def has_display() -> bool:
    """Returns whether a window could be opened."""
    return platform.system() != "Linux" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def use_gl_without_display() -> None:
    """Makes MuJoCo render through EGL, else OSMesa, if there is no display and MUJOCO_GL does not say otherwise.

    MuJoCo decides when it is imported, which may be long ago; this works at any time before the first picture.

    Raises:
        RuntimeError: neither library works here.
    """
    if has_display() or os.environ.get("MUJOCO_GL"):
        return
    backend = "egl" if _egl_works() else "osmesa" if _loads("libOSMesa.so.8", "libOSMesa.so") else None
    if backend is None:
        raise RuntimeError(_NO_GL)
    context = importlib.import_module(f"mujoco.{backend}").GLContext
    importlib.import_module("mujoco.rendering.classic.gl_context").GLContext = context


def can_render() -> bool:
    """Returns whether pictures can be made here."""
    try:
        use_gl_without_display()
    except RuntimeError:
        return False
    return True


def _egl_works():
    """Asks every EGL device for a display, as MuJoCo will; in ctypes, as a failed PyOpenGL would bar the way to OSMesa."""
    egl = _loads("libEGL.so.1", "libEGL.so")
    if egl is None:
        return False
    egl.eglGetProcAddress.restype = ctypes.c_void_p
    query, display_of = (egl.eglGetProcAddress(name) for name in (b"eglQueryDevicesEXT", b"eglGetPlatformDisplayEXT"))
    if not (query and display_of):
        return False
    pointer = ctypes.c_void_p
    devices, count = (pointer * 16)(), ctypes.c_int()
    ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, pointer, pointer)(query)(16, devices, ctypes.byref(count))
    get_display = ctypes.CFUNCTYPE(pointer, ctypes.c_int, pointer, pointer)(display_of)
    displays = [get_display(_EGL_PLATFORM_DEVICE, devices[i], None) for i in range(count.value)]
    return any(display and egl.eglInitialize(pointer(display), None, None) for display in displays)


def _loads(*names):
    """Returns the first of these shared libraries that can be loaded, or None."""
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def _open_viewer(model, data):
    if not has_display():
        raise RuntimeError(_NO_DISPLAY)
    import mujoco.viewer

    viewer = mujoco.viewer.launch_passive(model, data, show_left_ui=False, show_right_ui=False)
    viewer.cam.type = int(mujoco.mjtCamera.mjCAMERA_TRACKING)
    viewer.cam.trackbodyid, viewer.cam.distance = 1, 0.8
    return viewer
