"""What a sweep may choose from: numbers and choices by their place in a training's config.

A space is a mapping, in Python or in a YAML file, from a dotted name such as `ppo.learning_rate` or `env.residual_scale`
to `{low: 1e-5, high: 1e-3, log: true}` (whole numbers if both ends are; `step` is possible) or `{choices: [relu, elu]}`.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from training.config import TrainConfig
from utils.config import as_plain, nearest_name, read_yaml, updated
from utils.console.options import overruled

Space = dict[str, BaseDistribution]

# The table of the plan this project began with. Steps and batches are powers of two: SB3 wants whole minibatches.
_PLAN = {
    "ppo.learning_rate": {"low": 1e-5, "high": 1e-3, "log": True},
    "env.residual_scale": {"low": 0.01, "high": 0.05},
    "ppo.n_steps": {"choices": [1024, 2048, 4096]},
    "ppo.batch_size": {"choices": [32, 64, 128, 256]},
    "ppo.ent_coef": {"low": 0.0, "high": 0.1},
    "ppo.gamma": {"low": 0.95, "high": 0.995},
    "ppo.clip_range": {"low": 0.1, "high": 0.3},
}
# What of it SAC has.
_PLAN_SAC = {
    "sac.learning_rate": _PLAN["ppo.learning_rate"],
    "env.residual_scale": _PLAN["env.residual_scale"],
    "sac.batch_size": _PLAN["ppo.batch_size"],
    "sac.gamma": _PLAN["ppo.gamma"],
}
_REWARD = {
    "env.weights.orientation": {"low": -6.0, "high": -0.5},
    "env.weights.smoothness": {"low": -0.1, "high": -0.005, "log": False},
    "env.weights.heading": {"low": 0.0, "high": 1.0},
    "env.weights.fall": {"low": -500.0, "high": 0.0},
}
_NETS = {"choices": [[64, 64], [128, 128], [256, 128], [256, 256, 128]]}
_WIDE = {
    **_PLAN,
    "ppo.learning_rate": {"low": 5e-5, "high": 3e-3, "log": True},
    "ppo.n_steps": {"choices": [64, 128, 256]},  # of the 64 simulations that all presets but `plan` have
    "ppo.batch_size": {"choices": [512, 1024, 2048, 4096]},
    "ppo.ent_coef": {"low": 0.0, "high": 0.01},
    "ppo.n_epochs": {"low": 2, "high": 10},
    "ppo.gae_lambda": {"low": 0.9, "high": 0.99},
    "ppo.net_arch": _NETS,
    "ppo.activation": {"choices": ["relu", "elu", "tanh"]},
    "ppo.log_std_init": {"low": -2.5, "high": 0.0},
    **_REWARD,
}
_WIDE_SAC = {
    **_PLAN_SAC,
    "sac.batch_size": {"choices": [128, 256, 512, 1024]},
    "sac.tau": {"low": 0.002, "high": 0.05, "log": True},
    "sac.gradient_steps": {"choices": [2, 4, 8, 16]},
    "sac.net_arch": _NETS,
    **_REWARD,
}
SPACES = {"plan": {"ppo": _PLAN, "sac": _PLAN_SAC}, "wide": {"ppo": _WIDE, "sac": _WIDE_SAC}}
RANGE, CHOICES = {"low", "high", "log", "step"}, {"choices"}
OTHER = {"ppo": "sac", "sac": "ppo"}


def read_space(name: str, algo: str, walks: bool = True) -> dict[str, Mapping]:
    """Returns the space of that name for an algorithm, or the one in the YAML file of that name, as plain data.

    What does not walk has no residuals and none of the walk's rewards: named spaces then leave them out.

    Raises:
        ValueError: there is neither.
    """
    if name in SPACES:
        return {place: entry for place, entry in SPACES[name][algo].items() if walks or not place.startswith("env.")}
    if Path(name).suffix not in (".yaml", ".yml"):
        raise ValueError(f"no space is called {name!r}{nearest_name(name, SPACES)}; a file of one's own ends in .yaml")
    return read_yaml(name)


def distributions(space: Mapping, base: TrainConfig, fixed: set[str]) -> Space:
    """Returns Optuna's distributions of a space, after trying each end and choice in the config `base`.

    Raises:
        ValueError: a name is no number of the config or of the other algorithm's, or is `fixed`; an entry is malformed, or
            the config refuses a value.
    """
    if not space:
        raise ValueError("the space names nothing to choose")
    return {name: _checked(name, entry, base, fixed) for name, entry in space.items()}


def changes(params: Mapping) -> dict:
    """Returns a trial's parameters, by dotted name, as nested changes of a config: lists are lists again."""
    nested: dict = {}
    for name, value in params.items():
        *path, last = name.split(".")
        place = nested
        for key in path:
            place = place.setdefault(key, {})
        place[last] = json.loads(value) if isinstance(value, str) and value.startswith("[") else value
    return nested


def merged(first: Mapping, second: Mapping) -> dict:
    """Returns two nested mappings as one, in which the second has the last word."""
    both = [
        key for key in first.keys() & second.keys() if isinstance(first[key], Mapping) and isinstance(second[key], Mapping)
    ]
    return {**first, **second, **{key: merged(first[key], second[key]) for key in both}}


def _checked(name, entry, base, fixed):
    if not isinstance(name, str) or name.split(".")[0] in fixed | {OTHER[base.algo]}:
        raise ValueError(f"space: {name} is not for a sweep of {base.algo} to choose")
    if not isinstance(entry, Mapping) or not (set(entry) == CHOICES or {"low", "high"} <= set(entry) <= RANGE):
        raise ValueError(f"space: {name} must be {{low, high, and perhaps log or step}} or {{choices}}, got {entry!r}")
    try:
        distribution, ends = _distribution(entry)
        for value in ends:
            _try(base, name, value)
    except (ValueError, TypeError) as error:
        raise ValueError(f"space: {name}: {error}") from error
    return distribution


def _try(base, name, value):
    """Raises ValueError if the config refuses a value, or puts another in its place."""
    wanted = changes({name: value})
    for _, made in overruled(wanted, as_plain(updated(base, wanted))):
        raise ValueError(f"the training sets it to {made!r}, whatever a sweep chooses")


def _distribution(entry):
    """Returns an entry's distribution, and the values that a config must accept."""
    if "choices" in entry:
        if not isinstance(entry["choices"], (list, tuple)):
            raise ValueError(f"choices must be a list, got {entry['choices']!r}")
        # Optuna knows no lists: they travel as text.
        values = [json.dumps(value) if isinstance(value, (list, tuple)) else value for value in entry["choices"]]
        return CategoricalDistribution(values), values
    whole = all(isinstance(entry[end], int) for end in ("low", "high"))
    kind = IntDistribution if whole else FloatDistribution
    return kind(**entry), (entry["low"], entry["high"])
