"""Films a plain MuJoCo simulation with the camera of the environments."""

import math

import mujoco
import numpy as np

from utils.rendering.camera import Camera
from utils.rendering.pictures import Pictures
from utils.rendering.video import Video


class Film:
    """Adds a frame to a video whenever a frame is due.

    Args:
        video: the open video.
        fps: frames per second of the video.
        model, data: the simulation.
        dt: time between two calls of `step`, s.
    """

    def __init__(self, video: Video, fps: int, model: mujoco.MjModel, data: mujoco.MjData, dt: float):
        self._video, self._fps, self._dt, self._steps, self._frames = video, fps, dt, 0, 0
        self._camera = Camera(_Simulation(model, data), Pictures("rgb_array"))
        self._camera.show(dt)

    def step(self) -> None:
        """Films the current state; a step longer than a frame gives several equal frames."""
        due, self._steps = math.floor(self._steps * self._dt * self._fps + 1e-6) + 1, self._steps + 1
        if due > self._frames:
            picture = self._camera.frame()
            for _ in range(due - self._frames):
                self._video.add(np.asarray(picture))
            self._frames = due

    def close(self) -> None:
        """Frees the resources of rendering."""
        self._camera.close()


class _Simulation:
    """One simulation as a batch, for the camera."""

    def __init__(self, model, data):
        self.model, self._data = model, data

    def get_data(self, index, data=None):
        return self._data
