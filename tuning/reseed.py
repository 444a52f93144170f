"""Tests whether the gain of a sweep is real: trains its best trials and the untuned config again with new seeds."""

import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import optuna

from callbacks.guard_callback import TrainingDiverged
from evaluation.held_out_seeds import CONFIRM
from tuning.report import ranked
from tuning.sweep import SweepConfig
from tuning.trainings import lock_if_free, trained
from utils.files import write_aside

FOLDER, TABLE, PICTURE = "reseed", "reseed.md", "reseed.png"
UNTUNED = "untuned"
CONFIDENCE = 0.95  # simultaneous for all intervals


@dataclass(frozen=True)
class Arm:
    """A set of parameters with a name, the objective by new seed for each finished training, and the seeds that diverged."""

    name: str
    params: dict
    values: dict[int, float]
    diverged: set[int] = field(default_factory=set)


def reseed(study: optuna.Study, sweep: SweepConfig, argv: list[str], say: Callable[[str], None] = print) -> str:
    """Trains the best trials and the untuned config with new seeds; writes and returns a table of the differences.

    Skips trainings that are finished or that another worker runs. A training that diverges has no value.

    Raises:
        ValueError: no trial has finished.
        TrainingInterrupted: a signal came; the training is saved, and the same command resumes it.
    """
    best = ranked(study)[: sweep.top]
    if not best:
        raise ValueError(f"no trial of {sweep.name} has finished: there is nothing to train again")
    arms = [Arm(UNTUNED, {}, {}), *(Arm(f"trial {trial.number}", trial.params, {}) for trial in best)]
    for seed in sweep.new_seeds:
        for arm in arms:
            if _train(arm, seed, sweep, argv):
                value = f"{sweep.objective} {arm.values[seed]:.3f}" if seed in arm.values else "diverged"
                say(f"{arm.name}, seed {seed}: {value}")
    missing = sum(sweep.reseed - len(arm.values) - len(arm.diverged) for arm in arms)
    if missing:
        return f"other workers run {missing} trainings; the same command makes the table when they are finished"
    text = comparison(arms, sweep)
    write_aside(sweep.folder / TABLE, lambda aside: aside.write_text(text + "\n"))
    write_aside(sweep.folder / PICTURE, lambda aside: draw(arms, sweep, aside))
    return text


def comparison(arms: list[Arm], sweep: SweepConfig) -> str:
    """Returns a Markdown table: the objective of each arm, its difference from the first with an interval, a conclusion.

    The intervals are Welch's (B. L. Welch, Biometrika 34, 1947), with Bonferroni's correction: at 95 % all
    of them are right at once. Without it the best of several trials looks good by chance. Trainings that diverged are left
    out, and there is no interval for an arm with fewer than two others.
    """
    first, *others = arms
    lines = [f"| | {sweep.objective}: mean | lowest to highest | difference, 95 % | is it real |", "|" + "---|" * 5]
    lines.append(f"| {_alone(first)} | | |")
    for arm in others:
        lines.append(f"| {_alone(arm)} | {' | '.join(_compared(arm, first, len(others)))} |")
    seeds = ", ".join(map(str, sorted({*first.values} | first.diverged)))
    about = f"{sweep.steps:,} steps each, seeds {seeds}, {sweep.final_episodes} episodes each on new terrain"
    diverged = [f"{len(arm.diverged)} trainings of {arm.name} diverged, and are left out" for arm in arms if arm.diverged]
    return "\n".join([*lines, "", *diverged, about])


def difference_interval(values: list[float], others: list[float], comparisons: int = 1) -> tuple[float, float]:
    """Returns Welch's interval of the difference of two means, corrected for a number of simultaneous comparisons."""
    if len({*values}) == len({*others}) == 1:  # without variance the interval is the difference itself
        return (values[0] - others[0],) * 2
    from scipy import stats  # takes half a second to import, in every worker of a sweep

    interval = stats.ttest_ind(values, others, equal_var=False).confidence_interval(1 - (1 - CONFIDENCE) / comparisons)
    return float(interval.low), float(interval.high)


def draw(arms: list[Arm], sweep: SweepConfig, path: Path) -> None:
    """Draws every training as a dot, and the means, into the PNG `path`."""
    figure, axis = plt.subplots(figsize=(1.6 + 1.4 * len(arms), 3.6))
    for x, arm in ((x, arm) for x, arm in enumerate(arms) if arm.values):
        axis.scatter([x] * len(arm.values), [*arm.values.values()], s=22, alpha=0.6, color="tab:blue")
        axis.hlines(_mean(arm), x - 0.25, x + 0.25, color="black", lw=2)
    axis.set_xticks(range(len(arms)), [arm.name for arm in arms])
    axis.set_ylabel(sweep.objective)
    axis.set_title(f"{sweep.steps:,} steps, {sweep.reseed} new seeds; bars are means", fontsize=9)
    axis.grid(axis="y", alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _train(arm, seed, sweep, argv):
    """Trains an arm with a seed and evaluates it, unless it diverges; returns False if another worker does so already."""
    run = sweep.folder / FOLDER / f"{arm.name.replace(' ', '_')}_seed_{seed}"
    lock = lock_if_free(run)
    if lock is None:
        return False
    with lock:
        training = sweep.training(arm.params, seed)
        try:
            arm.values[seed] = trained(training, run, sweep.final_episodes, argv, seeds=CONFIRM)[sweep.objective]
        except TrainingDiverged as error:
            print(f"tune_hyperparameters: {error}", file=sys.stderr)
            arm.diverged.add(seed)
    return True


def _alone(arm):
    """Returns the first cells of an arm's line: its name, mean and range."""
    return f"{arm.name} | {_mean(arm):.3f} | {_range(arm)}" if arm.values else f"{arm.name} | - | -"


def _compared(arm, first, comparisons):
    """Returns the last cells of an arm's line: the difference from the first arm, and whether it is real."""
    if min(len(arm.values), len(first.values)) < 2:
        return "-", "not shown"
    low, high = difference_interval([*arm.values.values()], [*first.values.values()], comparisons)
    real = "better" if low > 0 else "worse" if high < 0 else "not shown"
    return f"{_mean(arm) - _mean(first):+.3f} ({low:+.3f} to {high:+.3f})", real


def _mean(arm):
    return statistics.fmean(arm.values.values())


def _range(arm):
    return f"{min(arm.values.values()):.3f} to {max(arm.values.values()):.3f}"
