"""Reads the infos of vector environments with same-step autoreset, and the control step of an environment."""

from collections.abc import Mapping
from contextlib import suppress

import numpy as np

SUCCESSES = ("is_success", "successes")  # info keys: whether, and how often, an episode reached its goal


def control_dt(env) -> float | None:
    """Returns the control step of a Gymnasium environment, single or vector, s; None if it is unknown.

    `metadata["render_fps"]` is rounded, so it is used only if the environment has no `control_dt`.
    """
    base = env.unwrapped
    with suppress(AttributeError):
        return float(base.control_dt)
    with suppress(AttributeError):  # vector classes of Gymnasium
        return float(base.get_attr("control_dt")[0])
    fps = env.metadata.get("render_fps")
    return 1.0 / fps if fps else None


def numbers(values) -> np.ndarray | None:
    """Returns an entry of a vector's info as one number per simulation, (n,); None if the entry has another form.

    Gymnasium stores numpy's bools in arrays of objects, with None where they are missing, and arrays of one element as
    (n, 1).
    """
    if not isinstance(values, np.ndarray):
        return None
    if values.dtype == object and values.ndim == 1 and all(item is None or isinstance(item, np.bool_) for item in values):
        return values.astype(bool)
    values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    return values if values.ndim == 1 and values.dtype.kind in "fiub" else None


def successes(final_info: Mapping, num_envs: int) -> np.ndarray:
    """Returns the number of times that each ended episode reached its goal, (n,) float; NaN where it is not reported.

    Without `successes`, the result is `is_success` as 0 or 1.
    """
    found = np.full(num_envs, np.nan)
    for name in SUCCESSES:
        if (reported := numbers(final_info.get(name))) is not None:
            present = final_info.get(f"_{name}", np.ones(num_envs, bool))
            found[present] = reported[present]
    return found


def info_of_step(info: dict, ended: np.ndarray) -> dict:
    """Normalises the info of a step with same-step autoreset: keys describe the finished step, `reset_info` the reset.

    `ended` (n,) bool marks the simulations whose episode ended; at least one is True.

    This project's vectors already use this form. In Gymnasium's vectors the keys describe the new episodes, and
    `final_info` describes the ended ones.
    """
    if "reset_info" in info:
        return info
    ends = {name: info.get(name) for name in ("final_obs", "_final_obs", "final_info", "_final_info")}
    current = {name: value for name, value in info.items() if name not in ends}
    return _merged(current, info.get("final_info", {}), ended) | ends | {"reset_info": current}


def _merged(current, final, ended):
    """Returns the values of `final` where `ended` (n,), and those of `current` elsewhere."""
    merged = {}
    for name in dict.fromkeys([*current, *final]):
        if name not in current or name not in final:
            merged[name] = final.get(name, current.get(name))
        elif isinstance(final[name], Mapping):
            merged[name] = _merged(current[name], final[name], ended)
        else:
            merged[name] = current[name].copy()
            merged[name][ended] = final[name][ended]
    return merged
