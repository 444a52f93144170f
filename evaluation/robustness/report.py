"""Report of the sweeps of several policies: a table, a picture for each parameter, a map for each pair."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from evaluation.robustness.files import Conditions, named_values, read_sweeps, short_hash, sweep_file
from evaluation.robustness.metrics import iqm, iqm_interval, robust_auc, robust_auc_spread
from evaluation.robustness.sweep import Point, Sweep
from utils.console.outputs import marked, picture_mark
from utils.files import write_aside

PROGRAM = "robustness"
WIDEST_NAME = 50  # characters of a model's path in a picture
LOW, HIGH = 0.10, 0.90  # quantiles of the band
SuccessKey = Callable[[str], str]  # environment id -> its judge's `success_key`
HEAD = ("policy", "parameter", "mean", "10 % quantile", "worst point", "Robust-AUC", "IQM (95 %)", "successes", "failed")


def table(sweeps: Sequence[Sweep], success_key: SuccessKey) -> str:
    """Returns a Markdown table with one line for each sweep; returns and successes are means over episodes.

    The worst point has the lowest mean. Robust-AUC and its uncertainty exist for sweeps of one parameter only.
    """
    lines = [f"| {' | '.join(HEAD)} |", "|" + "---|" * len(HEAD)]
    return "\n".join(lines + [f"| {' | '.join(_cells(sweep, success_key(sweep.env_id)))} |" for sweep in sweeps])


def failures(sweeps: Sequence[Sweep]) -> list[str]:
    """Returns a sentence for every point that failed."""
    return [
        f"{sweep.model}, {_at(sweep, point)}: {point.error}"
        for sweep in sweeps
        for point in sweep.points
        if point.error is not None
    ]


def draw(folder: Path, sweeps: Sequence[Sweep], settings: str = "") -> list[Path]:
    """Draws one PNG for all sweeps of the same parameters: lines with bands, or maps; returns the files.

    If several parameters were swept, all.png shows them side by side, on the same scale. A picture of other ranges, of other
    settings or of another program is not overwritten: the new picture then gets another name.
    """
    by_name = {name: [sweep for sweep in sweeps if sweep.name == name and sweep.whole] for name in _names(sweeps)}
    by_name = {name: group for name, group in by_name.items() if group}
    figures = {name: _lines([group]) if len(group[0].axes) == 1 else _maps(group) for name, group in by_name.items()}
    lines = [group for group in by_name.values() if len(group[0].axes) == 1]
    if len(lines) > 1:
        figures["all"] = _lines(lines)
    axes = {name: group[0].axes for name, group in by_name.items()}
    axes["all"] = [axis for group in lines for axis in group[0].axes]
    marks = {name: f"{PROGRAM}: {settings}; {short_hash(json.dumps(named_values(axes[name])))};" for name in figures}
    files = {name: _picture_file(folder, name, mark) for name, mark in marks.items()}
    for name, figure in figures.items():
        write_aside(files[name], partial(figure.savefig, format="png", dpi=110, metadata=picture_mark(marks[name])))
    return [*files.values()]


def grouped(folder: Path, sweeps: Sequence[Sweep], made: Conditions) -> dict[Conditions, list[Sweep]]:
    """Returns `sweeps` and all other sweeps in a folder, by conditions. The conditions `made` of `sweeps` come first.

    Leaves out sweeps of a model that has changed since.
    """
    groups = {made: [*sweeps]}
    digests = {Path(sweep.model).resolve(): sweep.digest for sweep in sweeps}
    for conditions, sweep in read_sweeps(folder, [sweep_file(folder, each, made) for each in sweeps]):
        if digests.get(Path(sweep.model).resolve(), sweep.digest) == sweep.digest:
            groups.setdefault(conditions, []).append(sweep)
    return groups


def markdown(groups: Mapping[Conditions, Sequence[Sweep]], success_key: SuccessKey) -> str:
    """Returns the report of a folder: a table for each group, the first without a heading."""
    sections = ["\n".join([table(sweeps, success_key), "", *failures(sweeps)]) for sweeps in groups.values()]
    heads = [f"\n{made.settings}; {made.made_with}:\n\n" for made in groups]
    return "\n".join(head + text for head, text in zip(["", *heads[1:]], sections)) + "\n"


def _picture_file(folder, name, mark):
    """Returns the file of a picture: NAME.png, with a hash in front if that file is another picture."""
    plain = folder / f"{name}.png"
    free = not plain.exists() or marked(mark)(plain)
    return plain if free else folder / f"{short_hash(mark)}_{name}.png"


def _names(sweeps):
    return dict.fromkeys(sweep.name for sweep in sweeps)


def _cells(sweep, success_key):
    points = sweep.whole
    failed = str(len(sweep.points) - len(points))
    if not points:
        return [sweep.model, _parameters(sweep.axes), *["-"] * 6, failed]
    returns = [point.returns for point in points]
    everything = np.concatenate(returns)
    worst = min(points, key=lambda point: np.mean(point.returns))
    low, high = iqm_interval(returns)
    return [
        sweep.model,
        _parameters(sweep.axes),
        f"{everything.mean():.1f}",
        f"{np.quantile(everything, LOW):.1f}",
        f"{np.mean(worst.returns):.1f} at {', '.join(f'{value:.4g}' for value in worst.values)}",
        _auc(sweep, returns),
        f"{iqm(everything):.1f} ({low:.1f} to {high:.1f})",
        _successes(points, success_key),
        failed,
    ]


def _parameters(axes):
    """Returns the parameters with their ranges and numbers of values."""
    return ", ".join(f"{a.name} ({a.values[0]:.4g} to {a.values[-1]:.4g}, {len(a.values)} values)" for a in axes)


def _auc(sweep, returns):
    if len(sweep.axes) > 1:
        return "-"
    values = [point.values[0] for point in sweep.whole]
    return f"{robust_auc(values, returns):.1f} [{robust_auc_spread(values, returns):.1f}]"


def _successes(points: list[Point], key: str) -> str:
    """Returns the mean number of successes per episode, or "-" if no record has the key."""
    reported = [float(episode[key]) for point in points for episode in point.episodes if key in episode]
    return f"{np.mean(reported):.2f}" if reported else "-"


def _at(sweep, point):
    return ", ".join(f"{axis.name} {value:.4g}" for axis, value in zip(sweep.axes, point.values))


def _lines(panels):
    """Returns a figure with a panel for each parameter's sweeps."""
    figure, axes = _figure(len(panels), share=True)
    for axis, sweeps in zip(axes, panels):
        for i, sweep in enumerate(sweeps):
            _line(axis, sweep, f"C{i}")
        (swept,) = sweeps[0].axes
        axis.axvline(swept.nominal, color="black", lw=0.8, ls=":")
        axis.set_xlabel(f"{swept.name} (dotted: nominal)")
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=8)
    figure.supylabel("return: mean, 10 to 90 % of episodes")
    return figure


def _line(axis, sweep, color):
    values = [point.values[0] for point in sweep.whole]
    low, high = np.array([np.quantile(point.returns, (LOW, HIGH)) for point in sweep.whole]).T
    axis.fill_between(values, low, high, color=color, alpha=0.2, lw=0)
    axis.plot(values, [np.mean(point.returns) for point in sweep.whole], ".-", color=color, label=_shown(sweep.model))


def _maps(sweeps):
    figure, axes = _figure(len(sweeps))
    means = [_grid(sweep) for sweep in sweeps]
    low, high = np.nanmin(means), np.nanmax(means)
    for axis, sweep, grid in zip(axes, sweeps, means):
        first, second = sweep.axes
        shown = axis.pcolormesh(second.values, first.values, grid, vmin=low, vmax=high, shading="nearest")
        axis.plot(second.nominal, first.nominal, "r+", ms=12)
        axis.set_xlabel(second.name)
        axis.set_ylabel(first.name)
        axis.set_title(_shown(sweep.model), fontsize=9)
    figure.colorbar(shown, ax=list(axes), label="mean return (cross: nominal; white: failed)")
    return figure


def _shown(model):
    """Returns the end of a model's path, shortened for a picture."""
    return model if len(model) <= WIDEST_NAME else f"...{model[3 - WIDEST_NAME :]}"


def _grid(sweep):
    """Returns the mean return at every point of a grid, NaN where the point failed."""
    means = [np.mean(point.returns) if point.error is None else np.nan for point in sweep.points]
    return np.reshape(means, [len(axis.values) for axis in sweep.axes])


def _figure(panels, share=False):
    """Returns a figure and its panels, at most four in a row."""
    from matplotlib.figure import Figure  # not pyplot: no window, no global state

    columns = min(panels, 4)
    rows = -(-panels // columns)
    figure = Figure(figsize=(6.5 if panels == 1 else 3.5 * columns, 4 if rows == 1 else 3 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, sharey=share, squeeze=False).ravel()
    for empty in axes[panels:]:
        empty.remove()
    return figure, axes[:panels]
