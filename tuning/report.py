"""Results of a sweep: the best parameters as a file for --config, a table of the ten best trials, and pictures."""

import warnings
from collections import Counter
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import optuna
from matplotlib.ticker import NullFormatter
from optuna.trial import FrozenTrial, TrialState
from optuna.visualization.matplotlib import plot_optimization_history, plot_param_importances, plot_slice

from training.recipes import write_recipe
from tuning.sweep import SweepConfig
from tuning.worker import NOTE, REASON
from utils.files import write_aside

BEST, REPORT = "best.yaml", "report.md"
SHOWN = 10  # trials in the table
FEWEST = 2  # fewest finished trials for the importances of parameters


def write_report(study: optuna.Study, sweep: SweepConfig) -> str:
    """Writes best.yaml, report.md and the pictures into the study's folder; returns the report."""
    best = ranked(study)
    if best:
        comment = (
            f"# Trial {best[0].number} of {sweep.name}: {sweep.objective} {best[0].value:.4g} after {sweep.steps:,} steps\n"
        )
        write_recipe(sweep.folder / BEST, sweep.recipe(best[0].params), comment)
        draw(study, sweep.folder, sweep.objective)
    text = f"{summary(study, sweep)}\n\n{table(best[:SHOWN], sweep.objective)}\n"
    write_aside(sweep.folder / REPORT, lambda aside: aside.write_text(text))
    return text


def ranked(study: optuna.Study) -> list[FrozenTrial]:
    """Returns the finished trials, best first."""
    finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return sorted(finished, key=lambda trial: (-trial.value, trial.number))


def summary(study: optuna.Study, sweep: SweepConfig) -> str:
    """Returns the number of trials by outcome, the reasons of failures, and notes."""
    trials = study.get_trials(deepcopy=False)
    counts = {state: sum(trial.state == state for trial in trials) for state in TrialState}
    counted = f"{sweep.name}: {len(trials)} trials, " + ", ".join(
        f"{count} {WORDS[state]}" for state, count in counts.items() if count
    )
    reasons = [
        f"- trial {trial.number} failed: {trial.user_attrs.get(REASON)}" for trial in trials if REASON in trial.user_attrs
    ]
    notes = Counter(trial.user_attrs[NOTE] for trial in trials if NOTE in trial.user_attrs)
    return "\n".join([counted, *reasons, *(f"- {count} of the trials: {note}" for note, count in notes.items())])


def refused(study: optuna.Study) -> str | None:
    """Returns a sentence with the most common reason if every trial of the study failed; else None."""
    trials = study.get_trials(deepcopy=False)
    if not trials or any(trial.state != TrialState.FAIL for trial in trials):
        return None
    (reason, count), *_ = Counter(trial.user_attrs.get(REASON, "unknown") for trial in trials).most_common()
    return f"every trial of {study.study_name} failed, {count} of {len(trials)} because: {reason}"


def table(trials: list[FrozenTrial], objective: str) -> str:
    """Returns trials as a Markdown table, one line per trial."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    lines = [f"| trial | {objective} | {' | '.join(names)} |", "|" + "---|" * (2 + len(names))]
    for trial in trials:
        cells = [_cell(trial.params.get(name)) for name in names]
        lines.append(f"| {trial.number} | {trial.value:.3f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(study: optuna.Study, folder: Path, objective: str) -> None:
    """Draws history, importances and slices into the folder; without importances if there are too few trials."""
    pictures = {"history": plot_optimization_history, "slices": plot_slice}
    values = {trial.value for trial in ranked(study)}
    if len(ranked(study)) >= FEWEST and len(values) > 1:
        pictures["importances"] = plot_param_importances
    for name, plot in pictures.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Optuna warns that these pictures are experimental
            axes = plot(study, target=lambda trial: trial.value, target_name=objective)
            figure = np.ravel(axes)[0].figure
            write_aside(folder / f"{name}.png", lambda aside, figure=figure: _save(figure, aside))
        plt.close(figure)


def _save(figure, path):
    for axis in figure.axes:  # on a narrow logarithmic axis the minor labels overlap
        axis.xaxis.set_minor_formatter(NullFormatter())
    figure.set_size_inches(max(8.0, 2.4 * len(figure.axes)), 5.0)
    figure.savefig(path, dpi=90, bbox_inches="tight")


def _cell(value):
    return f"{value:.4g}" if isinstance(value, float) else f"{value}"


WORDS = {
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running or abandoned",
    TrialState.WAITING: "waiting",
}
