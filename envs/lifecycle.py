"""Checks the order of calls to an environment: reset, then steps and pictures, then `close`."""

import numpy as np
from gymnasium.error import ClosedEnvironmentError, ResetNeeded

from utils.rendering.pictures import View


class Lifecycle:
    """Base of single environments: refuses steps before the first reset, and any use after `close`; renders pictures.

    A subclass sets `_camera`, calls `_check_open` in `reset`, and sets `_was_reset` once a reset is done.
    """

    _camera: View
    _was_reset = False
    _was_closed = False

    def check_step(self) -> None:
        """Raises ClosedEnvironmentError after `close`, and ResetNeeded before the first reset."""
        self._check_open()
        if not self._was_reset:
            raise ResetNeeded(f"{type(self).__name__} must be reset before its first step")

    def render(self):
        """Returns a picture as described in `utils.rendering.pictures.Pictures`; None in mode "human"."""
        self._check_open()
        return self._camera.frame()

    def close(self):
        """Closes the viewer and frees the renderer; a second call does nothing."""
        self._was_closed = True
        self._camera.close()

    def _check_open(self) -> None:
        check_open(self, self._was_closed)


def check_open(env, closed: bool) -> None:
    """Raises ClosedEnvironmentError, naming the environment's class, if it is `closed`."""
    if closed:
        raise ClosedEnvironmentError(f"{type(env).__name__} is closed: make a new one")


def check_all(started: np.ndarray, what: str) -> None:
    """Raises ResetNeeded for the simulations where `started` (n,) bool is False; `what` ends the sentence about them."""
    if not started.all():
        listed = np.flatnonzero(~started).tolist()
        raise ResetNeeded(f"simulations {listed} {what}: reset them, alone with options={{'reset_mask': ...}}")


def check_step(env) -> None:
    """Checks that an environment, single or vector, can be stepped; wrappers call it before they draw random numbers.

    Raises:
        ClosedEnvironmentError: it is closed.
        ResetNeeded: an episode must be started first.
    """
    base = env.unwrapped
    for part in (base,) if hasattr(base, "check_step") else getattr(base, "envs", ()):
        check = getattr(part.unwrapped, "check_step", None)  # environments of other packages have none
        if check is not None:
            check()
