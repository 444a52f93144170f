"""Statistics of episodes under challenges, and their file: an .npz of plain numbers with a JSON head, no pickles."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from utils.files import read_arrays, reading, write_arrays

FORMAT = "challenge log 1"
VARIABLE = "safety_vars."  # prefix of a safety variable's name in the file
PER_EPISODE = ("violations", "objectives", "returns", "lengths")
PER_ROW = ("step_violations", "step_episodes")
TABLES = ("violations", "objectives", "step_violations")  # with columns; the others are plain lists
COUNTS = ("violations", "step_violations", "step_episodes", "lengths")


class VariableStatistics(NamedTuple):
    """A safety variable with k components over the rows of each of e episodes, (e, k) each."""

    mean: np.ndarray
    std_dev: np.ndarray
    min: np.ndarray
    max: np.ndarray


@dataclass(frozen=True)
class ChallengeStats:
    """Statistics of e finished episodes. Row 0 of an episode is its reset, row t its step t.

    Rows that an environment does not report (a reset's, for example) are not counted.
    """

    environment: str  # id, or empty
    constraints: tuple[str, ...]  # K names
    violations: np.ndarray  # (e, K) rows of each episode that violate each constraint
    step_violations: np.ndarray  # (longest + 1, K) episodes that violate it in that row
    step_episodes: np.ndarray  # (longest + 1,) episodes that reached and reported that row
    safety_vars: Mapping[str, VariableStatistics]
    objectives: np.ndarray  # (e, m) sums over the rows of each episode
    returns: np.ndarray  # (e,) sums of the received rewards, after mixing and delay
    lengths: np.ndarray  # (e,) steps

    def violations_per_step(self) -> np.ndarray:
        """Returns, for each row, the share of its episodes that violate each constraint, (longest + 1, K)."""
        return self.step_violations / np.maximum(self.step_episodes, 1)[:, None]


def no_episodes(environment: str = "") -> ChallengeStats:
    """Returns the statistics of no episode, without constraints, variables and objectives."""
    table, row = np.zeros((0, 0)), np.zeros(0)
    counts = table.astype(int), table.astype(int), row.astype(int)
    return ChallengeStats(environment, (), *counts, {}, table, row, row.astype(int))


def joined(first: ChallengeStats, second: ChallengeStats) -> ChallengeStats:
    """Returns the episodes of `first`, then those of `second`.

    Raises:
        ValueError: their environments, constraints, variables or objectives differ.
    """
    if _kind(first) != _kind(second):
        raise ValueError(f"episodes with {_kind(second)} cannot be appended to those with {_kind(first)}; name another file")
    rows = max(len(first.step_episodes), len(second.step_episodes))
    pairs = {name: (getattr(first, name), getattr(second, name)) for name in PER_EPISODE + PER_ROW}
    sums = {name: sum(enlarged(counts, (rows, *counts.shape[1:])) for counts in pairs[name]) for name in PER_ROW}
    both = {name: np.concatenate(pairs[name]) for name in PER_EPISODE}
    variables = {
        name: VariableStatistics(*map(np.concatenate, zip(values, second.safety_vars[name])))
        for name, values in first.safety_vars.items()
    }
    return ChallengeStats(first.environment, first.constraints, safety_vars=variables, **sums, **both)


def enlarged(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Returns `array` padded with zeros at the end of every axis to `shape`, which must be at least as large."""
    return np.pad(array, [(0, size - old) for old, size in zip(array.shape, shape)])


def write_stats(path: Path, stats: ChallengeStats) -> None:
    """Writes `stats` to `path`, completely or not at all."""
    head = {"format": FORMAT, "environment": stats.environment, "constraints": stats.constraints}
    arrays = {"head": np.frombuffer(json.dumps(head).encode(), np.uint8)}
    arrays |= {name: getattr(stats, name) for name in PER_EPISODE + PER_ROW}
    arrays |= {VARIABLE + name: np.stack(values, axis=1) for name, values in stats.safety_vars.items()}
    write_arrays(path, arrays)


def read_stats(path: str | Path) -> ChallengeStats:
    """Returns the statistics that `write_stats` has written to `path`.

    Raises:
        ValueError: the file cannot be read, or has other contents.
    """
    arrays = read_arrays(Path(path))
    with reading(path):
        head = _head(arrays)
        known = {name: arrays[name] for name in PER_EPISODE + PER_ROW}
        variables = {name.removeprefix(VARIABLE): arrays[name] for name in arrays if name.startswith(VARIABLE)}
        _check(head, known, variables)
        statistics = {name: VariableStatistics(*np.moveaxis(values, 1, 0)) for name, values in variables.items()}
        return ChallengeStats(head["environment"], tuple(head["constraints"]), safety_vars=statistics, **known)


def _head(arrays):
    """Returns the head of a log; raises ValueError for other files."""
    if "head" not in arrays or arrays["head"].dtype != np.uint8:
        raise ValueError("it is not a log of challenges: it has no head")
    head = json.loads(arrays["head"].tobytes())
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise ValueError(f"it must be a {FORMAT!r}, its head says {str(head)[:80]}")
    names = head["constraints"]
    if not isinstance(head["environment"], str) or not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise ValueError("its head must name an environment and the constraints")
    return head


def _check(head, known, variables):
    """Raises ValueError unless all arrays have numbers and agree in the numbers of episodes, rows and constraints."""
    episodes, rows, names = known["returns"].shape, known["step_episodes"].shape, (len(head["constraints"]),)
    shapes = {
        "violations": episodes[:1] + names,
        "step_violations": rows[:1] + names,
        "step_episodes": rows[:1],
        "objectives": episodes[:1] + known["objectives"].shape[1:2],
        "returns": episodes[:1],
        "lengths": episodes[:1],
    }
    shapes |= {name: (*episodes[:1], 4, *values.shape[2:3]) for name, values in variables.items()}
    for name, array in (known | variables).items():
        kinds = "iu" if name in COUNTS else "f"
        columns = 1 + (name in TABLES) if name in known else 3
        if array.shape != shapes[name] or array.ndim != columns or array.dtype.kind not in kinds:
            raise ValueError(f"{name} must have the shape {shapes[name]}, got {array.dtype} of {array.shape}")


def _kind(stats):
    """Returns a description of the columns, which two logs must share to be joined."""
    variables = [f"{name} ({values.mean.shape[1]})" for name, values in stats.safety_vars.items()]
    what = {"constraints": stats.constraints, "variables": variables}
    words = [f"the {name} {', '.join(names)}" for name, names in what.items() if names]
    return ", ".join([*words, f"{stats.objectives.shape[1]} objectives"])
