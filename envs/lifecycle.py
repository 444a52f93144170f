"""The order of use: reset, then steps, then `close`; and when a vector starts the episodes that follow ended ones."""

import numpy as np
from gymnasium.error import ClosedEnvironmentError, ResetNeeded
from gymnasium.vector import AutoresetMode

from utils.config import nearest_name
from utils.fields import is_name, shown
from utils.specs import is_whole

_MODES = {"same_step": AutoresetMode.SAME_STEP, "next_step": AutoresetMode.NEXT_STEP, "disabled": AutoresetMode.DISABLED}


class Lifecycle:
    """Refuses steps before the first reset, and steps and resets after `close`, of a single environment."""

    _was_reset = False
    _was_closed = False

    def _check_open(self) -> None:
        """Raises ClosedEnvironmentError after `close`."""
        check_open(self, self._was_closed)

    def check_step(self) -> None:
        """Raises ClosedEnvironmentError after `close`, and ResetNeeded before the first reset."""
        self._check_open()
        if not self._was_reset:
            raise ResetNeeded(f"{type(self).__name__} must be reset before its first step")


def check_open(env, closed: bool) -> None:
    """Raises ClosedEnvironmentError, naming the environment's class, if it is `closed`."""
    if closed:
        raise ClosedEnvironmentError(f"{type(env).__name__} is closed: make a new one")


def check_all(started: np.ndarray, what: str) -> None:
    """Raises ResetNeeded, naming the simulations, if `started` (n,) bool is not true of all of them."""
    if not started.all():
        listed = np.flatnonzero(~started).tolist()
        raise ResetNeeded(f"simulations {listed} {what}: reset them, alone with options={{'reset_mask': ...}}")


def autoreset(mode: AutoresetMode | str) -> AutoresetMode:
    """Returns the mode with that name: "same_step", "next_step" or "disabled"; Gymnasium's own mode is returned as it is.

    Raises:
        ValueError: there is no such mode.
    """
    known = _MODES | {own.value: own for own in AutoresetMode}
    if isinstance(mode, AutoresetMode):
        return mode
    if not is_name(mode, known):
        raise ValueError(f"autoreset_mode must be one of {', '.join(_MODES)}, got {mode!r}{nearest_name(mode, _MODES)}")
    return known[mode]


def check_step(env) -> None:
    """Refuses a step that an environment, single or vector, refuses whatever the action; wrappers ask before they draw.

    Raises:
        ClosedEnvironmentError: it is closed.
        ResetNeeded: an episode must be started first.
    """
    base = env.unwrapped
    for own in getattr(base, "envs", (base,)):
        check = getattr(own.unwrapped, "check_step", None)  # environments of others have none
        if check is not None:
            check()


def seeds_of(seed, num_envs: int) -> list[int | None]:
    """Returns the seed of each simulation of a vector: seed, seed + 1, ... of one number, else those that are listed.

    Raises:
        ValueError: there is another number of them, or one is neither None nor a whole number from 0 on.
    """
    if is_whole(seed, 0):
        return [int(seed) + i for i in range(num_envs)]
    seeds = list(seed) if isinstance(seed, (list, tuple, np.ndarray)) else [seed]
    for own in seeds:
        if own is not None and not is_whole(own, 0):
            raise ValueError(f"a seed must be a whole number, at least 0, got {shown(own)}")
    if len(seeds) != num_envs:
        raise ValueError(f"{num_envs} simulations need as many seeds, got {len(seeds)}")
    return [None if own is None else int(own) for own in seeds]
