"""Whether a sweep's win is real: its best trials, and the numbers nobody tuned, trained again with new seeds."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import optuna
from scipy import stats

from evaluation.held_out_seeds import CONFIRM
from tuning.report import ranked
from tuning.sweep import SweepConfig
from tuning.trainings import lock_if_free, trained
from utils.files import write_aside

FOLDER, TABLE, PICTURE = "reseed", "reseed.md", "reseed.png"
UNTUNED = "untuned"
CONFIDENCE = 0.95  # of all intervals together


@dataclass(frozen=True)
class Arm:
    """Parameters by a name, and what they reached with each new seed that has been trained."""

    name: str
    params: dict
    values: dict[int, float]


def reseed(study: optuna.Study, sweep: SweepConfig, argv: list[str], say: Callable[[str], None] = print) -> str:
    """Trains the best trials and the untuned numbers with new seeds; returns, and writes, a table of the differences.

    What was trained before is not trained again, and what another worker trains is left to it.

    Raises:
        ValueError: no trial has finished.
        TrainingInterrupted: a signal came; what was trained is saved, and the same command goes on.
    """
    best = ranked(study)[: sweep.top]
    if not best:
        raise ValueError(f"no trial of {sweep.name} has finished: there is nothing to train again")
    arms = [Arm(UNTUNED, {}, {}), *(Arm(f"trial {trial.number}", trial.params, {}) for trial in best)]
    for seed in sweep.new_seeds:
        for arm in arms:
            if _train(arm, seed, sweep, argv):
                say(f"{arm.name}, seed {seed}: {sweep.objective} {arm.values[seed]:.3f}")
    missing = sum(sweep.reseed - len(arm.values) for arm in arms)
    if missing:
        return f"{missing} trainings are in other workers' hands; the same command makes the table when they are done"
    text = comparison(arms, sweep)
    write_aside(sweep.folder / TABLE, lambda aside: aside.write_text(text + "\n"))
    write_aside(sweep.folder / PICTURE, lambda aside: draw(arms, sweep, aside))
    return text


def comparison(arms: list[Arm], sweep: SweepConfig) -> str:
    """Returns a Markdown table of what each arm reached, its difference from the first with an interval, and a verdict.

    The intervals are Welch's (B. L. Welch, Biometrika 34, 1947), each so wide that all of them hold together at 95 %
    (Bonferroni): the best of several trials looks good by chance.
    """
    first, *others = arms
    lines = [f"| | {sweep.objective}: mean | lowest to highest | difference, 95 % | is it real |", "|" + "---|" * 5]
    lines.append(f"| {first.name} | {_mean(first):.3f} | {_range(first)} | | |")
    for arm in others:
        low, high = difference_interval([*arm.values.values()], [*first.values.values()], len(others))
        real = "better" if low > 0 else "worse" if high < 0 else "not shown"
        difference = f"{_mean(arm) - _mean(first):+.3f} ({low:+.3f} to {high:+.3f})"
        lines.append(f"| {arm.name} | {_mean(arm):.3f} | {_range(arm)} | {difference} | {real} |")
    seeds = ", ".join(map(str, first.values))
    about = f"{sweep.steps:,} steps each, seeds {seeds}, {sweep.final_episodes} episodes each on terrain that chose none"
    return "\n".join([*lines, "", about])


def difference_interval(values: list[float], others: list[float], comparisons: int = 1) -> tuple[float, float]:
    """Returns Welch's interval of the difference of two means, for one of so many comparisons that must hold together."""
    if len({*values}) == len({*others}) == 1:  # nothing varies: the difference is what it is
        return (values[0] - others[0],) * 2
    interval = stats.ttest_ind(values, others, equal_var=False).confidence_interval(1 - (1 - CONFIDENCE) / comparisons)
    return float(interval.low), float(interval.high)


def draw(arms: list[Arm], sweep: SweepConfig, path: Path) -> None:
    """Draws every training as a dot, and the means, into the PNG `path`."""
    figure, axis = plt.subplots(figsize=(1.6 + 1.4 * len(arms), 3.6))
    for place, arm in enumerate(arms):
        axis.scatter([place] * len(arm.values), [*arm.values.values()], s=22, alpha=0.6, color="tab:blue")
        axis.hlines(_mean(arm), place - 0.25, place + 0.25, color="black", lw=2)
    axis.set_xticks(range(len(arms)), [arm.name for arm in arms])
    axis.set_ylabel(sweep.objective)
    axis.set_title(f"{sweep.steps:,} steps, {sweep.reseed} new seeds; bars are means", fontsize=9)
    axis.grid(axis="y", alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _train(arm, seed, sweep, argv):
    """Trains and judges an arm with a seed, unless another worker does; tells whether it did."""
    run = sweep.folder / FOLDER / f"{arm.name.replace(' ', '_')}_seed_{seed}"
    held = lock_if_free(run)
    if held is None:
        return False
    with held:
        training = sweep.training(arm.params, seed)
        summary = trained(training, run, sweep.final_episodes, argv, seeds=CONFIRM)
        arm.values[seed] = summary[sweep.objective]
    return True


def _mean(arm):
    return statistics.fmean(arm.values.values())


def _range(arm):
    return f"{min(arm.values.values()):.3f} to {max(arm.values.values()):.3f}"
