"""Results of a study: a row for each method, seed, budget and condition, as CSV and as arrays."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from pathlib import Path

import numpy as np

from utils.files import reading, write_aside

KEYS = ("method", "seed", "budget", "training_steps", "cpu_minutes", "condition", "group", "reach", "episodes")
# Budgets: the policy after equal steps, the policy after equal time, or one policy that is both.
STEPS, TIME, BOTH = "steps", "time", "both"
ALL = "all"  # in place of a group: all groups except those apart, each of which counts equally
_WHOLE = ("seed", "training_steps", "episodes")
_WORDS = ("method", "budget", "condition", "group", "reach")


def write_results(path: Path, rows: Iterable[Mapping], metrics: Sequence[str]) -> None:
    """Writes rows with the keys KEYS and `metrics` as CSV, with five significant digits; None is empty."""
    names = (*KEYS, *metrics)

    def write(aside):
        with aside.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(names)
            writer.writerows([_text(row[name]) for name in names] for row in rows)

    write_aside(path, write)


def read_results(path: Path, metrics: Sequence[str]) -> list[dict]:
    """Returns the rows that `write_results` wrote.

    Raises:
        ValueError: the file cannot be read, has other columns, has no rows, or has a cell twice or with a wrong value.
    """
    names = [*KEYS, *metrics]
    with reading(path), path.open(newline="") as file:
        table = csv.DictReader(file)
        if table.fieldnames != names:
            raise ValueError(f"it must have the columns {', '.join(names)}")
        rows = [_read_row(names, row, table.line_num) for row in table]
        if not rows:
            raise ValueError("it contains no results")
        _check_unique(rows)
        return rows


def read_parts(paths: Iterable[Path], metrics: Sequence[str]) -> list[dict]:
    """Returns the rows of several files of one study, in order.

    Raises:
        ValueError: as `read_results`, two files contain the same training, or their numbers of episodes differ.
    """
    rows, origin = [], {}
    for path in paths:
        part = read_results(path, metrics)
        for training in dict.fromkeys((row["method"], row["seed"]) for row in part):
            if training in origin:
                raise ValueError(f"{origin[training]} and {path} both contain {' '.join(map(str, training))}: leave one out")
            origin[training] = path
        rows += part
    if len(counts := {row["episodes"] for row in rows}) > 1:
        raise ValueError(f"all results must have the same number of episodes, got {' and '.join(map(str, sorted(counts)))}")
    return rows


class Results:
    """Values of trainings under conditions, as arrays (s, c): a row for each training in the order of seeds.

    A training counts if it has all conditions that occur in the results, so that all rows have the same columns.

    Args:
        rows: rows as `read_results` returns them.
        apart: groups that do not count in means over groups.

    Attributes:
        methods: names of the methods in the order of their first rows.
        groups: conditions by group, in the order of their first rows.
        incomplete: method, seed and budget of the trainings that lack conditions.
    """

    def __init__(self, rows: Iterable[Mapping], apart: Sequence[str] = ()):
        self._cells: dict[tuple, dict[str, Mapping]] = {}
        self.groups: dict[str, list[str]] = {}
        for row in rows:
            for budget in _budgets(row):
                self._cells.setdefault((row["method"], budget, row["seed"]), {})[row["condition"]] = row
            known = self.groups.setdefault(row["group"], [])
            known += [row["condition"]] if row["condition"] not in known else []
        self.methods = list(dict.fromkeys(method for method, *_ in self._cells))
        wanted = {condition for group in self.groups.values() for condition in group}
        self._counted = {name: group for name, group in self.groups.items() if name not in apart}
        self.incomplete = [key for key, cells in self._cells.items() if cells.keys() != wanted]

    def only(self, methods: Iterable[str]) -> "Results":
        """Returns the same results with fewer `methods`."""
        part, names = copy(self), {*methods}
        part.methods = [method for method in self.methods if method in names]
        return part

    @property
    def conditions(self) -> list[str]:
        """The names of all conditions."""
        return [name for group in self.groups.values() for name in group]

    def seeds(self, method: str, budget: str = STEPS) -> list[int]:
        """Returns the seeds of the complete trainings of a method, ascending."""
        keys = [key for key in self._cells if key[:2] == (method, budget) and key not in self.incomplete]
        return sorted(seed for *_, seed in keys)

    def values(
        self, method: str, metric: str, budget: str = STEPS, conditions: Sequence[str] | None = None, seeds=None
    ) -> np.ndarray:
        """Returns the values (s, c) of a metric; by default of all conditions and all complete trainings. NaN is missing."""
        seeds = self.seeds(method, budget) if seeds is None else seeds
        names = self.conditions if conditions is None else conditions
        cells = [[self._cells[method, budget, seed][name][metric] for name in names] for seed in seeds]
        return np.array([[np.nan if value is None else value for value in row] for row in cells]).reshape(
            len(cells), len(names)
        )

    def training_means(self, method: str, metric: str, group: str, budget: str = STEPS, seeds=None) -> np.ndarray:
        """Returns the mean of a metric over a group's conditions, or over groups for ALL, of each training, (s,).

        NaN for ALL if the results have no groups except those apart.
        """
        groups = self._counted.values() if group == ALL else [self.groups[group]]
        means = [self.values(method, metric, budget, names, seeds).mean(axis=1) for names in groups]
        return np.mean(means, axis=0) if means else np.full(len(self.values(method, metric, budget, None, seeds)), np.nan)


def _text(value):
    if value is None:
        return ""
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _read_row(names, row, line):
    """Returns the values of a line. Raises ValueError, with the number of the line, if one is wrong, missing or too many."""
    try:
        if None in row or None in row.values():
            raise ValueError(f"it must have {len(names)} values")
        if row["budget"] not in (STEPS, TIME, BOTH):
            raise ValueError(f"budget must be {STEPS}, {TIME} or {BOTH}, got {row['budget']!r}")
        return {name: _value(name, row[name]) for name in names}
    except ValueError as error:
        raise ValueError(f"line {line}: {error}") from error


def _check_unique(rows):
    """Raises ValueError if a training has two values under a condition after the same budget."""
    seen = set()
    for row in rows:
        for budget in _budgets(row):
            cell = (row["method"], row["seed"], budget, row["condition"])
            if cell in seen:
                raise ValueError(f"it contains {' '.join(map(str, cell))} twice")
            seen.add(cell)


def _budgets(row):
    return (STEPS, TIME) if row["budget"] == BOTH else (row["budget"],)


def _value(name, text):
    if name in _WORDS:
        return text
    if text == "" and name not in KEYS:
        return None
    try:
        value = int(text) if name in _WHOLE else float(text)
    except ValueError:
        raise ValueError(f"{name} must be a number, got {text!r}") from None
    if not np.isfinite(value):
        raise ValueError(f"{name} must be finite, got {text}")
    return value
