"""A worker of a sweep: resumes an abandoned trial or asks for a new one, trains it, evaluates it, reports its value."""

import traceback
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import optuna
from filelock import FileLock
from optuna.trial import FrozenTrial, TrialState

from callbacks.guard_callback import TrainingDiverged
from callbacks.interrupt_callback import TrainingInterrupted
from training.recipes import RECIPE, trial_folder, write_recipe
from training.step_notes import step_notes
from tuning.storages import of_storage
from tuning.studies import LOCK, make_sampler, place
from tuning.sweep import SweepConfig
from tuning.trainings import lock_if_free, trained
from utils.console.interrupts import Terminated
from utils.files import write_aside

OWNER, STARTS, REASON, NOTE = "place", "begun", "reason", "note"  # keys of a trial's user attributes
TRACEBACK = "traceback.txt"  # file in the folder of a failed trial
MOST_STARTS = 3  # starts of a trial whose worker died each time


def work(study: optuna.Study, sweep: SweepConfig, argv: list[str], say: Callable[[str], None] | None = None) -> None:
    """Trains trials until every trial of the sweep is finished or is being trained by another worker.

    Raises:
        TrainingInterrupted: a signal came; the training is saved, and the next worker resumes the trial.
        OSError, or ValueError caused by an OSError: files cannot be written; the next worker resumes the trial.
    """
    say = say or partial(print, flush=True)  # line by line also when the output is a file
    while (claimed := claim(study, sweep)) is not None:
        trial, lock = claimed
        with lock:
            say(f"trial {trial.number}: {describe(trial.params)}")
            for note in notes(trial, sweep):
                say(f"trial {trial.number}: {note}")
            finish(study, trial, sweep, argv)
            say(f"trial {trial.number} {outcome(study.trials[trial.number], sweep)}")


def claim(study: optuna.Study, sweep: SweepConfig) -> tuple[optuna.Trial, ExitStack] | None:
    """Returns a trial to train and the lock of its folder, or None if no trial is left.

    A running trial of this folder whose lock is free has lost its worker; the next worker resumes it from its newest
    checkpoint. The operating system frees the lock when a process ends, so that each trial has at most one worker and no
    trial is lost.
    """
    with FileLock(sweep.folder / LOCK):
        for abandoned in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            here = abandoned.user_attrs.get(OWNER, place(sweep)) == place(sweep)
            if here and (lock := lock_if_free(trial_folder(sweep.folder, abandoned.number))):
                trial = optuna.Trial(study, abandoned._trial_id)  # Optuna has no public way to resume a trial
                return _started(trial, sweep), lock
        trials = study.get_trials(deepcopy=False)
        if len(trials) >= sweep.trials and not any(trial.state == TrialState.WAITING for trial in trials):
            return None
        study.sampler = make_sampler(sweep, len(trials))
        trial = study.ask()
        return _started(trial, sweep), lock_if_free(trial_folder(sweep.folder, trial.number))


def finish(study: optuna.Study, trial: optuna.Trial, sweep: SweepConfig, argv: list[str]) -> None:
    """Trains a trial to its end, evaluates it and reports to the study: value, pruned, or the reason of a failure."""
    starts = trial.user_attrs.get(STARTS, 0)
    trial.set_user_attr(STARTS, starts + 1)
    if starts >= MOST_STARTS:
        fail(study, trial, f"its worker died {starts} times")
        return
    try:
        value = train_and_judge(trial, sweep, argv)
    except optuna.TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)
    except (TrainingInterrupted, KeyboardInterrupt, Terminated):
        trial.set_user_attr(STARTS, starts)  # a requested stop does not count as a death
        raise
    except Exception as error:  # SB3, torch and environments raise errors of all kinds for bad hyperparameters
        if of_storage(error):
            raise
        if isinstance(error, OSError) or isinstance(error.__cause__, OSError):  # a full disk: not the trial's fault
            trial.set_user_attr(STARTS, starts)
            raise
        write_traceback(trial_folder(sweep.folder, trial.number), error)
        fail(study, trial, sentence(error))
    else:
        study.tell(trial, value)


def train_and_judge(trial: optuna.Trial, sweep: SweepConfig, argv: list[str]) -> float:
    """Returns the mean of the objective over the trial's seeds, measured on the final policies.

    Raises:
        TrialPruned: the first training falls behind other trials at the same evaluation.
    """
    folder, values = trial_folder(sweep.folder, trial.number), []
    for seed in range(sweep.seed, sweep.seed + sweep.seeds):
        run = folder if sweep.seeds == 1 else folder / f"seed_{seed}"
        watch = _pruning(trial, sweep) if seed == sweep.seed else None
        summary = trained(sweep.training(trial.params, seed), run, sweep.final_episodes, argv, watch)
        values.append(summary[sweep.objective])
    return sum(values) / len(values)


def fail(study: optuna.Study, trial: optuna.Trial, why: str) -> None:
    """Reports to the study that a trial failed, and the reason."""
    trial.set_user_attr(REASON, why.splitlines()[0])
    study.tell(trial, state=TrialState.FAIL)


def sentence(error: Exception) -> str:
    """Returns the first line of an error, after its type if the text alone may be unclear."""
    text = (str(error).strip() or "no reason given").splitlines()[0]
    known = isinstance(error, (TrainingDiverged, AssertionError)) or type(error) is ValueError
    return text if known and str(error).strip() else f"{type(error).__name__}: {text}"


def write_traceback(folder: Path, error: Exception) -> None:
    """Writes the traceback of an error to the folder of its trial; the study stores only one line."""
    text = "".join(traceback.format_exception(error))
    write_aside(folder / TRACEBACK, lambda aside: aside.write_text(text))


def describe(params: dict) -> str:
    """Returns a trial's parameters as one line."""
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in params.items()
    )


def notes(trial: optuna.Trial, sweep: SweepConfig) -> list[str]:
    """Returns notes on steps that differ from those asked for, and stores them with the trial for the report."""
    try:
        found = step_notes(sweep.training(trial.params, sweep.seed))
    except (ValueError, TypeError):  # the hyperparameters are refused: the training reports the reason
        return []
    if found:
        trial.set_user_attr(NOTE, " ".join(found))
    return found


def outcome(trial: FrozenTrial, sweep: SweepConfig) -> str:
    """Returns the outcome of a trial, as the end of a sentence."""
    if trial.state == TrialState.COMPLETE:
        return f"has {sweep.objective} {trial.value:.3f}"
    if trial.state == TrialState.PRUNED:
        return f"was pruned at evaluation {trial.last_step} with {sweep.objective} {trial.value:.3f}"
    return f"failed: {trial.user_attrs.get(REASON, 'unknown reason')}"


def _started(trial, sweep):
    """Draws the parameters that a trial does not have yet and writes its recipe; returns the trial."""
    trial.set_user_attr(OWNER, place(sweep))
    for name, distribution in sweep.choices.items():
        trial._suggest(name, distribution)  # as study.ask does for a new trial
    write_recipe(trial_folder(sweep.folder, trial.number) / RECIPE, sweep.recipe(trial.params))
    return trial


def _pruning(trial, sweep):
    """Returns a function that reports evaluations as steps 1, 2, ... and raises TrialPruned for a bad trial."""
    every = sweep.base.eval_every

    def watch(steps: int, summary: dict) -> None:
        number = steps // every
        if number not in trial.study.trials[trial.number].intermediate_values:  # a resumed training evaluates again
            trial.report(summary[sweep.objective], number)
        if trial.should_prune():
            raise optuna.TrialPruned

    return watch
