"""Search spaces of sweeps: ranges and choices by dotted name in the config of a training.

A space is a mapping, in Python or in a YAML file, from a dotted name such as `ppo.learning_rate` or `env.residual_scale`
to `{low: 1e-5, high: 1e-3, log: true}` (whole numbers if both ends are; `step` is possible) or `{choices: [relu, elu]}`.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from algorithms.learners import LEARNERS
from training.config import TrainConfig
from training.tasks import TaskRow
from utils.config import as_plain, nearest_name, read_yaml, updated
from utils.console.options import overruled

Space = dict[str, BaseDistribution]

RANGE, CHOICES = {"low", "high", "log", "step"}, {"choices"}


def read_space(name: str, algo: str, task: TaskRow) -> dict[str, Mapping]:
    """Returns the named space for an algorithm and a task, or the content of a YAML file, as plain data.

    The order of the entries is fixed, because the sampler draws values in this order: learning rate, entries of the task,
    other entries of the learner and, in `wide`, reward weights.

    Raises:
        ValueError: there is no such space, the name is not a YAML file, or an entry of the file is malformed.
    """
    spaces = LEARNERS[algo].spaces
    if name in spaces:
        first, *others = ((f"{algo}.{field}", entry) for field, entry in spaces[name].items())
        return dict([first, *task.space.items(), *others, *(task.reward_space.items() if name == "wide" else ())])
    if Path(name).suffix not in (".yaml", ".yml"):
        raise ValueError(f"no space is called {name!r}{nearest_name(name, spaces)}; the name of a file must end in .yaml")
    entries = read_yaml(name)
    for name, entry in entries.items():
        _check_form(name, entry)
    return entries


def distributions(space: Mapping, base: TrainConfig, fixed: set[str]) -> Space:
    """Returns Optuna's distributions of a space. Checks each end and choice in the config `base`.

    Raises:
        ValueError: a name is not a field of the config, belongs to another learner, or is `fixed`; an entry is malformed,
            or the config refuses a value.
    """
    if not space:
        raise ValueError("the space is empty")
    return {name: _checked(name, entry, base, fixed) for name, entry in space.items()}


def changes(params: Mapping) -> dict:
    """Returns a trial's parameters, by dotted name, as nested changes of a config; lists in text become lists."""
    nested: dict = {}
    for name, value in params.items():
        *path, last = name.split(".")
        inner = nested
        for key in path:
            inner = inner.setdefault(key, {})
        inner[last] = json.loads(value) if isinstance(value, str) and value.startswith("[") else value
    return nested


def merged(first: Mapping, second: Mapping) -> dict:
    """Returns two nested mappings as one; values of the second replace values of the first."""
    both = [
        key for key in first.keys() & second.keys() if isinstance(first[key], Mapping) and isinstance(second[key], Mapping)
    ]
    return {**first, **second, **{key: merged(first[key], second[key]) for key in both}}


def _checked(name, entry, base, fixed):
    if not isinstance(name, str) or name.split(".")[0] in fixed | LEARNERS.keys() - {base.algo}:
        raise ValueError(f"space: a sweep of {base.algo} cannot choose {name}")
    _check_form(name, entry)
    try:
        distribution, ends = _distribution(entry)
        for value in ends:
            _try(base, name, value)
    except (ValueError, TypeError) as error:
        raise ValueError(f"space: {name}: {error}") from error
    return distribution


def _check_form(name, entry):
    """Raises ValueError if an entry of a space is neither a range nor a list of choices."""
    if not isinstance(entry, Mapping) or not (set(entry) == CHOICES or {"low", "high"} <= set(entry) <= RANGE):
        raise ValueError(f"space: {name} must be {{low, high, optionally log or step}} or {{choices}}, got {entry!r}")
    if "choices" in entry and not (isinstance(entry["choices"], (list, tuple)) and entry["choices"]):
        raise ValueError(f"space: {name}: choices must be a list of at least one value, got {entry['choices']!r}")


def _try(base, name, value):
    """Raises ValueError if the config refuses a value or replaces it."""
    wanted = changes({name: value})
    for _, made in overruled(wanted, as_plain(updated(base, wanted))):
        raise ValueError(f"it has no effect: the training sets it to {made!r}")


def _distribution(entry):
    """Returns the distribution of an entry, and the values that the config must accept."""
    if "choices" in entry:
        # Optuna has no lists as choices: they are stored as JSON text.
        values = [json.dumps(value) if isinstance(value, (list, tuple)) else value for value in entry["choices"]]
        return CategoricalDistribution(values), values
    whole = all(isinstance(entry[end], int) for end in ("low", "high"))
    kind = IntDistribution if whole else FloatDistribution
    return kind(**entry), (entry["low"], entry["high"])
