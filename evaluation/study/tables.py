"""Markdown tables of a study: measures of each method, success under each condition, and differences from a baseline."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.study.results import ALL, STEPS, Results
from evaluation.study.statistics import cvar, iqm_over_trainings, is_clear, paired_difference

MISSING = "-"


@dataclass(frozen=True)
class Column:
    """A measure of a method in a table of methods.

    Attributes:
        title: heading.
        values: results, method -> values (s, k); their interquartile mean is shown.
        digits: digits after the decimal point.
        interval: whether the bootstrap interval over trainings is shown.
        scale: factor of the values.
    """

    title: str
    values: Callable[[Results, str], np.ndarray]
    digits: int = 2
    interval: bool = False
    scale: float = 1.0


def in_group(metric: str, group: str, budget: str = STEPS) -> Callable[[Results, str], np.ndarray]:
    """Returns the mean of a metric over a group's conditions, or over groups for ALL, (s, 1), for `Column.values`.

    It is empty without the group. An interquartile mean of single conditions would leave out the best and the worst of them.
    """

    def values(results, method):
        known = group == ALL or group in results.groups
        return results.training_means(method, metric, group, budget)[:, None] if known else np.zeros((0, 1))

    return values


def worst(metric: str, budget: str = STEPS) -> Callable[[Results, str], np.ndarray]:
    """Returns the lowest value of a metric among all conditions, (s, 1), for `Column.values`."""
    return lambda results, method: results.values(method, metric, budget).min(axis=1, keepdims=True)


def tail(metric: str, budget: str = STEPS) -> Callable[[Results, str], np.ndarray]:
    """Returns the mean of a metric over the worst tenth of all conditions, (s, 1), for `Column.values`."""
    return lambda results, method: cvar(results.values(method, metric, budget))[:, None]


def ratio(metric: str, baseline: str, methods: Collection[str]) -> Callable[[Results, str], np.ndarray]:
    """Returns a metric of each training divided by its mean over the baseline's trainings, (s, 1), for `Column.values`.

    It is empty for other methods than `methods`.
    """

    def values(results, method):
        own, base = (results.values(name, metric, STEPS)[:, :1] for name in (method, baseline))
        return own / base.mean() if method in methods and len(base) and base.mean() > 0.0 else np.zeros((0, 1))

    return values


def methods_table(results: Results, columns: Iterable[Column], titles: Mapping[str, str]) -> str:
    """Returns a table with a row for each method; `titles` are the methods' names in the table."""
    columns = [*columns]
    rows = [[titles.get(m, m), *(_shown(c.scale * c.values(results, m), c) for c in columns)] for m in results.methods]
    return markdown(["method", *(column.title for column in columns)], rows)


def conditions_table(results: Results, metric: str, titles: Mapping[str, str], budget: str = STEPS) -> str:
    """Returns a table with a row for each group of conditions, and the interval of each method over its trainings."""
    rows = [
        [group, *(_shown(in_group(metric, group, budget)(results, method), _PLAIN) for method in results.methods)]
        for group in (*results.groups, ALL)
    ]
    return markdown(["condition", *(titles.get(method, method) for method in results.methods)], rows)


def each_condition_table(results: Results, columns: Mapping[str, str], titles: Mapping[str, str]) -> str:
    """Returns a table with a row for each condition; `columns` are headings of metrics, each with a column per method."""
    head = [f"{titles.get(method, method)}: {title}" for title in columns for method in results.methods]
    rows = [
        [name, *(_shown(results.values(m, c, conditions=[name]), _PLAIN) for c in columns.values() for m in results.methods)]
        for name in results.conditions
    ]
    return markdown(["condition", *head], rows)


def difference(
    results: Results, metric: str, side: tuple[str, str, str], other: tuple[str, str, str]
) -> tuple[float, float, float] | None:
    """Returns the mean difference of a metric between two sides, paired by seed, and its interval (low, high).

    A side is the method, the group of conditions or ALL, and the budget. None for fewer than two common seeds, or if the
    results lack a group or a value.
    """
    (method, group, budget), (rival, place, limit) = side, other
    seeds = sorted({*results.seeds(method, budget)} & {*results.seeds(rival, limit)})
    if len(seeds) < 2 or not {group, place} <= {*results.groups, ALL}:
        return None
    own, base = (results.training_means(name, metric, *rest, seeds) for name, *rest in (side, other))
    return paired_difference(own, base) if np.isfinite([own, base]).all() else None


def differences_table(
    results: Results,
    metric: str,
    baseline: str,
    titles: Mapping[str, str],
    budget: str = STEPS,
    scale: float = 1.0,
    digits: int = 2,
    methods_as_rows: bool = False,
) -> str:
    """Returns a table of differences from a baseline on the same episodes, paired by seed, with Student's intervals.

    A difference is bold if its interval excludes 0. The line below the table says how many would be by chance.

    Args:
        results: the results.
        metric: name of the measure.
        baseline: name of the method that the others are compared with, after equal steps.
        titles: names of the methods in the table.
        budget: budget of the other methods.
        scale: factor of the values.
        digits: digits after the decimal point.
        methods_as_rows: whether each method is a row and each condition a column, instead of the reverse.
    """
    others, groups = [method for method in results.methods if method != baseline], [*results.groups, ALL]
    pairs = [[((method, group, budget), (baseline, group, STEPS)) for method in others] for group in groups]
    texts = [[_difference(difference(results, metric, *pair), scale, digits) for pair in row] for row in pairs]
    names = [titles.get(method, method) for method in others]
    if methods_as_rows:
        table = markdown(["method", *groups], [[name, *column] for name, *column in zip(names, *texts)])
    else:
        table = markdown(["condition", *names], [[group, *row] for group, row in zip(groups, texts)])
    count = sum(text != MISSING for row in texts for text in row)
    chance = f"{count} intervals of 95 %: without any effect, about {count / 20:.1f} of them would exclude 0 by chance."
    return f"{table}\n\n{chance}"


def _difference(found, scale, digits):
    """Returns a mean difference with its interval as text; MISSING for None."""
    if found is None:
        return MISSING
    mean, low, high = (f"{scale * value:+.{digits}f}" for value in found)
    return f"{f'**{mean}**' if is_clear(found[1:]) else mean} ({low} to {high})"


def _shown(values, column):
    """Returns an interquartile mean as text, with its interval if wanted; columns with missing values are left out."""
    whole = values[:, np.isfinite(values).all(axis=0)]
    if not whole.size:
        return MISSING
    middle, low, high = iqm_over_trainings(whole)
    if not column.interval or not np.isfinite([low, high]).all():
        return f"{middle:.{column.digits}f}"
    return f"{middle:.{column.digits}f} ({low:.{column.digits}f} to {high:.{column.digits}f})"


_PLAIN = Column("", lambda results, method: np.zeros((0, 0)), interval=True)


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
