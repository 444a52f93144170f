"""Picture options of an environment, and the base class of everything that renders pictures."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from gymnasium.error import ResetNeeded

from utils.fields import is_name, shown

RENDER_MODES = ["human", "rgb_array", "depth_array", "rgbd_tuple"]
LARGEST_SIDE = 8192  # pixels
_OPTIONS = ("width", "height", "camera_name", "camera_id")


@dataclass(frozen=True)
class Pictures:
    """Picture options of an environment; names and defaults are those of Gymnasium's MujocoEnv, except the size.

    Attributes:
        render_mode: None; "human" for MuJoCo's viewer; "rgb_array" for (height, width, 3) uint8; "depth_array" for
            (height, width) float32, m along the view direction; "rgbd_tuple" for both.
        width: pixels, 1 to LARGEST_SIDE; not for the viewer, because the user sizes its window.
        height: pixels, 1 to LARGEST_SIDE; not for the viewer.
        camera_name: name of a camera of the model; by default the environment's camera, which follows the robot.
        camera_id: id of the camera, instead of its name; -1 is the free camera.
    """

    render_mode: str | None = None
    width: int | None = None
    height: int | None = None
    camera_name: str | None = None
    camera_id: int | None = None

    def __post_init__(self):
        check_render_mode(self.render_mode, RENDER_MODES)
        given = {name for name in _OPTIONS if getattr(self, name) is not None}
        self._check_used(given)
        if {"camera_name", "camera_id"} <= given:
            raise ValueError("give camera_name or camera_id, not both")
        for side in given & {"width", "height"}:
            _check_side(side, getattr(self, side))

    @property
    def in_window(self) -> bool:
        """True if the viewer shows the simulation."""
        return self.render_mode == "human"

    @property
    def as_arrays(self) -> bool:
        """True if `render` returns pictures."""
        return self.render_mode is not None and not self.in_window

    def _check_used(self, given):
        useful = _OPTIONS if self.as_arrays else _OPTIONS[2:] if self.in_window else ()
        for name in _OPTIONS:
            if name in given and name not in useful:
                modes = RENDER_MODES[1:] if name in _OPTIONS[:2] else RENDER_MODES
                needed = f"it needs one of {', '.join(modes)}"
                raise ValueError(f"{name} has no effect with render_mode={self.render_mode!r}: {needed}")


def picture_options(options: dict[str, Any]) -> dict[str, Any]:
    """Removes width, height, camera_name and camera_id from keyword arguments; returns the removed ones."""
    return {name: options.pop(name) for name in _OPTIONS if name in options}


def check_render_mode(mode: str | None, modes: list[str]) -> None:
    """Raises ValueError, with the list of modes, if `mode` is neither None nor one of `modes`."""
    if mode is not None and not is_name(mode, modes):
        lists = isinstance(mode, str) and mode.removesuffix("_list") in modes
        hint = "; lists of frames come from gymnasium.make only, which collects the frames" if lists else ""
        raise ValueError(f"render_mode must be None or one of {', '.join(modes)}, got {shown(mode)}{hint}")


NO_PICTURES = Pictures()


class View(ABC):
    """Renders pictures of simulations after the first reset.

    A subclass draws the pictures. It may support fewer modes.

    Args:
        pictures: render mode, size and camera.

    Raises:
        ValueError: this class does not support the render mode.
    """

    modes: ClassVar[list[str]] = RENDER_MODES
    default_size: ClassVar[tuple[int, int]] = (480, 640)  # height and width, pixels

    def __init__(self, pictures: Pictures):
        check_render_mode(pictures.render_mode, self.modes)
        self._pictures, self._started = pictures, False
        self._size = pictures.height or self.default_size[0], pictures.width or self.default_size[1]

    def frame(self, index: int = 0) -> np.ndarray | tuple[np.ndarray, np.ndarray] | None:
        """Returns the picture of simulation `index` in the render mode; None in mode "human" and without a mode.

        Raises:
            ResetNeeded: `reset` was not called yet.
            RuntimeError: there is no GL library (the message names the package to install), or the library fails.
        """
        if not self._pictures.as_arrays:
            return None
        if not self._started:
            raise ResetNeeded("render() needs an episode: call reset() first")
        return self._drawn(index)

    def frames(self, count: int) -> tuple | None:
        """Returns the pictures of the first `count` simulations; None where `frame` returns None."""
        return tuple(self.frame(i) for i in range(count)) if self._pictures.as_arrays else None

    def show(self, dt: float) -> None:
        """Shows the new state if there is a window; call it after every reset and step, `dt` s apart in real time."""
        self._started = True

    @abstractmethod
    def close(self) -> None:
        """Frees the resources of rendering; the next picture opens them again."""

    @abstractmethod
    def _drawn(self, index: int) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Returns the picture of simulation `index`."""


def _check_side(name, pixels):
    if not is_whole_number(pixels) or not 1 <= pixels <= LARGEST_SIDE:
        raise ValueError(f"{name} must be a whole number of pixels from 1 to {LARGEST_SIDE}, got {shown(pixels)}")


def is_whole_number(value):
    return isinstance(value, Integral) and not isinstance(value, bool)
