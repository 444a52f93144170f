"""Films a session to a video file, in simulated time, with MuJoCo's renderer."""

from pathlib import Path

from utils.console.outputs import check_output, marked
from utils.rendering.camera import Camera
from utils.rendering.pictures import Pictures
from utils.rendering.video import Video, check_suffix
from viewer.session import Session

FRAMES_PER_SECOND = 25
SIZE = {"width": 640, "height": 480}


class Film:
    """Adds a frame to a video for every 1 / FRAMES_PER_SECOND s of simulated time; call `take` after every step.

    A change of the ground is filmed, too. Only the first robot's simulation is in the picture.

    Args:
        path: the video file.
        session: the simulations; they must be MuJoCo's.

    Attributes:
        path: the file.
        frames: number of frames so far; without any, the file is not written.

    Raises:
        ValueError: the file cannot be written, or the environment has no MuJoCo bodies.
        RuntimeError: ffmpeg or a GL library is missing.
    """

    def __init__(self, path: Path, session: Session):
        if session.bodies is None:
            raise ValueError("this environment has no MuJoCo bodies to film")
        check_suffix(path)
        self.path, self._session = check_output(path, marked()), session
        self._bodies = self._camera = None
        self._open_camera()
        self._video = Video(self.path, FRAMES_PER_SECOND).__enter__()
        self._due = self._time = 0.0
        self.frames = 0

    def take(self) -> None:
        """Adds the frames that are due; raises RuntimeError if the file cannot be written."""
        if self._bodies is not self._session.bodies:
            self._open_camera()
        self._time += self._session.control_dt
        while self._due < self._time - 1e-9:  # sums of 0.01 exceed 1 by rounding
            self._video.add(self._camera.frame(0))
            self.frames += 1
            self._due += 1 / FRAMES_PER_SECOND

    def close(self) -> None:
        """Ends the video; raises RuntimeError if the file cannot be written."""
        self._camera.close()
        self._video.__exit__(None, None, None)

    def _open_camera(self):
        if self._camera is not None:
            self._camera.close()
        self._bodies = self._session.bodies
        self._camera = Camera(self._bodies, Pictures("rgb_array", **SIZE))
        self._camera.show(self._session.control_dt)
        self._camera.frame(0)  # raises now if pictures cannot be rendered
