"""Checks of the arguments that environments share: actions, reset options, step limits, control rates, seeds."""

from collections.abc import Mapping, Sequence

import numpy as np
from gymnasium.vector import AutoresetMode

from utils.config import nearest_name
from utils.fields import FieldError, is_name, is_whole, number_within, shown
from utils.observation import Row

_MODES = {"same_step": AutoresetMode.SAME_STEP, "next_step": AutoresetMode.NEXT_STEP, "disabled": AutoresetMode.DISABLED}


def checked_action(action, shape: tuple[int, ...]) -> np.ndarray:
    """Returns an action as a float64 array.

    Raises:
        ValueError: the action has another shape, or contains NaN.
    """
    return checked_numbers(np.asarray(action, dtype=float), shape)


def checked_numbers(action, shape: tuple[int, ...]) -> np.ndarray:
    """Returns an action as an array of floating-point numbers; numbers of another type become float64.

    Raises:
        ValueError: as `checked_action`.
    """
    action = np.asarray(action)
    action = action if action.dtype.kind == "f" else action.astype(float)
    if action.shape != shape:
        raise ValueError(f"an action must have the shape {shape}, got {action.shape}")
    if np.isnan(action).any():
        raise ValueError("an action must be a number, got NaN")
    return action


def checked_command(values: Mapping[str, float], rows: Sequence[Row]) -> np.ndarray:
    """Returns the values of a command (rows,) in the order of its rows.

    Raises:
        ValueError: the names are not those of the rows, or a value is not a number in the range of its row.
    """
    if values.keys() != {row.name for row in rows}:
        wanted = ", ".join(row.name for row in rows) or "nothing: this task has no command"
        raise ValueError(f"a command needs {wanted}; got {', '.join(map(str, values)) or 'nothing'}")
    return np.array([number_within(row.name, values[row.name], row.low, row.high, row.unit) for row in rows])


def refuse_options(options: dict | None, known: tuple[str, ...] = ()) -> None:
    """Raises ValueError if a reset option is not among `known`; the message lists the known options."""
    unknown = sorted((options or {}).keys() - set(known))
    if unknown:
        raise ValueError(f"unknown reset options {unknown}; there are {', '.join(known) or 'none'}")


def step_limit(steps: int | None) -> int | None:
    """Returns the maximum number of steps of an episode, or None for no limit.

    None and -1 both mean no limit, as in Gymnasium.

    Raises:
        ValueError: `steps` is neither None, nor -1, nor a whole number of at least 1.
    """
    if steps is None or (is_whole(steps, -1) and steps == -1):
        return None
    if not is_whole(steps, 1):
        words = f"must be a whole number of steps, at least 1, or None or -1 for no limit, got {shown(steps)}"
        raise FieldError("max_episode_steps", words)
    return int(steps)


def whole_ratio(control_dt: float, sim_dt: float) -> int:
    """Returns the number of physics steps in a control step; both durations in s.

    Raises:
        ValueError: `control_dt` is not a whole multiple of `sim_dt`.
    """
    ratio = round(control_dt / sim_dt) if np.isfinite(control_dt) else 0
    if ratio < 1 or abs(ratio * sim_dt - control_dt) > 1e-9:
        raise ValueError(f"control_dt must be a whole multiple of {sim_dt} s, got {control_dt} s")
    return ratio


def autoreset(mode: AutoresetMode | str) -> AutoresetMode:
    """Returns the autoreset mode named "same_step", "next_step" or "disabled"; Gymnasium's modes are returned unchanged.

    Raises:
        ValueError: no mode has this name.
    """
    known = _MODES | {member.value: member for member in AutoresetMode}
    if isinstance(mode, AutoresetMode):
        return mode
    if not is_name(mode, known):
        raise ValueError(f"autoreset_mode must be one of {', '.join(_MODES)}, got {mode!r}{nearest_name(mode, _MODES)}")
    return known[mode]


def seeds_of(seed, num_envs: int) -> list[int | None]:
    """Returns the seed of each simulation of a vector: seed, seed + 1, ... for one number, otherwise the given list.

    Raises:
        ValueError: the list has another length, or a seed is neither None nor a whole number of at least 0.
    """
    if is_whole(seed, 0):
        return [int(seed) + i for i in range(num_envs)]
    seeds = list(seed) if isinstance(seed, (list, tuple, np.ndarray)) else [seed]
    for given in seeds:
        if given is not None and not is_whole(given, 0):
            raise ValueError(f"a seed must be a whole number, at least 0, got {shown(given)}")
    if len(seeds) != num_envs:
        raise ValueError(f"{num_envs} simulations need as many seeds, got {len(seeds)}")
    return [None if given is None else int(given) for given in seeds]
