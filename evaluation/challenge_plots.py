"""Plots of challenge logs: learning curves with intervals, and violations of constraints by step of the episode."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from envs.wrappers.challenge_logs.stats import ChallengeStats
from evaluation.learning_curve import CONFIDENCE, WINDOW, learning_statistics, moving_mean
from utils.console.outputs import picture_mark
from utils.files import write_aside

PROGRAM = "challenge log"


def plot_learning_curves(
    out: str | Path, runs: Mapping[str, np.ndarray], window: int = WINDOW, confidence: float = CONFIDENCE
) -> Path:
    """Draws the moving mean of each run's returns (e,) with its interval to the PNG `out`; returns its path.

    Each mean is drawn at the middle of its window. A dotted line marks convergence. A run with fewer episodes than a window
    is drawn as single episodes, without an interval.
    """
    figure, ((axis,),) = _panels(1)
    for (name, returns), colour in zip(runs.items(), _colours(len(runs))):
        if len(returns) < window:
            axis.plot(returns, ".-", color=colour, lw=0.8, ms=3, label=f"{name} (single episodes)")
            continue
        mean, low, high = moving_mean(returns, window, confidence)
        middle = np.arange(len(mean)) + (window - 1) / 2
        axis.plot(returns, ".", color=colour, ms=1.5, alpha=0.25)
        axis.fill_between(middle, low, high, color=colour, alpha=0.25, lw=0)
        axis.plot(middle, mean, color=colour, lw=1.4, label=name)
        axis.axvline(learning_statistics(returns, window, confidence).convergence_episode, color=colour, lw=1, ls=":")
    axis.set_xlabel(f"episode (mean of {window} around it, {confidence:.0%} interval; dotted: converged)")
    axis.set_ylabel("return")
    return _saved(figure, out)


def plot_violations(out: str | Path, runs: Mapping[str, ChallengeStats], constraints: Sequence[str] = ()) -> Path:
    """Draws the share of episodes that violate each constraint in each step to the PNG `out`; returns its path.

    There is a panel for each constraint in `constraints` (default: all), and a line for each run with that constraint.

    Raises:
        ValueError: no run has a constraint, or a name is unknown.
    """
    known = list(dict.fromkeys(name for stats in runs.values() for name in stats.constraints))
    unknown = [name for name in constraints if name not in known]
    if unknown or not known:
        raise ValueError(f"no run has the constraints {unknown or ''}; there are {', '.join(known) or 'none'}")
    names = list(constraints) or known
    figure, axes = _panels(len(names))
    for axis, name in zip(axes.flat, names):
        for (run, stats), colour in zip(runs.items(), _colours(len(runs))):
            if name in stats.constraints:
                share = stats.violations_per_step()[:, stats.constraints.index(name)]
                axis.plot(100 * share, color=colour, lw=0.8, alpha=0.75, label=run)
        axis.set_title(name, fontsize=9)
        axis.set_ylim(-3, 103)
        axis.set_xlabel("step of the episode (0: reset)")
        axis.set_ylabel("episodes that violate it (%)")
    return _saved(figure, out)


def _panels(number):
    """Returns a figure and its axes (rows, columns); surplus axes are invisible."""
    from matplotlib.figure import Figure  # not pyplot: no window, no global state, with every backend

    columns = math.ceil(math.sqrt(number))
    rows = -(-number // columns)
    width = 7.5 if number == 1 else 4.2 * columns
    figure = Figure(figsize=(width, (4 if number == 1 else 2.9) * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat[number:]:
        axis.set_visible(False)
    return figure, axes


def _colours(number):
    from matplotlib import colormaps

    return [colormaps["tab10"](i % 10) for i in range(number)]


def _saved(figure, out):
    for axis in figure.axes:
        axis.tick_params(labelsize=8)
        axis.xaxis.label.set_size(8)
        axis.yaxis.label.set_size(8)
        axis.grid(alpha=0.3)
    lines = {line.get_label(): line for axis in figure.axes for line in axis.get_legend_handles_labels()[0]}
    if lines:
        figure.axes[0].legend(handles=[*lines.values()], fontsize=8)
    write_aside(Path(out), lambda aside: figure.savefig(aside, dpi=110, metadata=picture_mark(PROGRAM)))
    return Path(out)
