"""Infos of vector environments with same-step autoreset, and the clock of an environment."""

from collections.abc import Mapping
from contextlib import suppress

import numpy as np

SUCCESSES = ("is_success", "successes")  # in infos: whether, or how often, an episode has reached its goal


def control_dt(env) -> float | None:
    """Returns the seconds of a control step of a Gymnasium environment, single or vector; None if it does not say them.

    `metadata["render_fps"]` is rounded: it serves only environments that have no `control_dt`.
    """
    base = env.unwrapped
    with suppress(AttributeError):
        return float(base.control_dt)
    with suppress(AttributeError):  # Gymnasium's own vectors
        return float(base.get_attr("control_dt")[0])
    fps = env.metadata.get("render_fps")
    return 1.0 / fps if fps else None


def numbers(values) -> np.ndarray | None:
    """Returns one number of each simulation, (n,), from an entry of a vector's info; None if it holds anything else.

    Gymnasium collects numpy's bools as objects, None where there is none, and arrays of one element as (n, 1).
    """
    if not isinstance(values, np.ndarray):
        return None
    if values.dtype == object and values.ndim == 1 and all(own is None or isinstance(own, np.bool_) for own in values):
        return values.astype(bool)
    values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    return values if values.ndim == 1 and values.dtype.kind in "fiub" else None


def successes(final_info: Mapping, num_envs: int) -> np.ndarray:
    """Returns how often episodes that ended reached their goal, (n,) float; NaN where an episode does not report it.

    `is_success` counts as 0 or 1 where there are no `successes`.
    """
    found = np.full(num_envs, np.nan)
    for name in SUCCESSES:
        if (reported := numbers(final_info.get(name))) is not None:
            having = final_info.get(f"_{name}", np.ones(num_envs, bool))
            found[having] = reported[having]
    return found


def info_of_step(info: dict, ended: np.ndarray) -> dict:
    """Returns an info in which everything belongs to the step itself and `reset_info` to the episodes that it began.

    `ended` (n,) bool tells whose episode it ended, of one simulation at least.

    Our own vectors give it so. Gymnasium's give the new episodes' values, and the ends' in `final_info`.
    """
    if "reset_info" in info:
        return info
    ends = {name: info.get(name) for name in ("final_obs", "_final_obs", "final_info", "_final_info")}
    began = {name: value for name, value in info.items() if name not in ends}
    return _merged(began, info.get("final_info", {}), ended) | ends | {"reset_info": began}


def _merged(began, final, ended):
    """Returns the values of `final` where `ended` (n,), and those of `began` elsewhere."""
    merged = {}
    for name in dict.fromkeys([*began, *final]):
        if name not in began or name not in final:
            merged[name] = final.get(name, began.get(name))
        elif isinstance(final[name], Mapping):
            merged[name] = _merged(began[name], final[name], ended)
        else:
            merged[name] = began[name].copy()
            merged[name][ended] = final[name][ended]
    return merged
