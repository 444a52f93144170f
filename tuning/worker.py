"""A worker of a sweep: takes up a trial that somebody left or asks for a new one, trains it, judges it, tells the study."""

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
from utils.files import write_aside

OWNER, BEGUN, REASON, NOTE = "place", "begun", "reason", "note"  # what we write to a trial beside its numbers
TRACEBACK = "traceback.txt"  # in the folder of a trial that failed
MOST_BEGINNINGS = 3  # of a trial whose worker died each time


def work(study: optuna.Study, sweep: SweepConfig, argv: list[str], say: Callable[[str], None] | None = None) -> None:
    """Trains trials until all of the sweep's are finished or in other workers' hands.

    Raises:
        TrainingInterrupted: a signal came; what was trained is saved, and the next worker goes on with it.
        OSError, or ValueError caused by one: nothing can be written; the trial waits for the next worker as well.
    """
    say = say or partial(print, flush=True)  # into a file, too, line by line
    while (claimed := claim(study, sweep)) is not None:
        trial, held = claimed
        with held:
            say(f"trial {trial.number}: {describe(trial.params)}")
            for note in notes(trial, sweep):
                say(f"trial {trial.number}: {note}")
            finish(study, trial, sweep, argv)
            say(f"trial {trial.number} {outcome(study.trials[trial.number], sweep)}")


def claim(study: optuna.Study, sweep: SweepConfig) -> tuple[optuna.Trial, ExitStack] | None:
    """Returns a trial to train with the lock of its folder, or None if there is none left.

    A trial that is running, of this folder, with a free lock has lost its worker: whoever comes goes on with it, from its
    last checkpoint. The lock goes with its process, so that a trial has one worker at a time and none is given up.
    """
    with FileLock(sweep.folder / LOCK):
        for left in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            here = left.user_attrs.get(OWNER, place(sweep)) == place(sweep)
            if here and (held := lock_if_free(trial_folder(sweep.folder, left.number))):
                return _begun(optuna.Trial(study, left._trial_id), sweep), held  # Optuna has no public way to go on
        trials = study.get_trials(deepcopy=False)
        if len(trials) >= sweep.trials and not any(trial.state == TrialState.WAITING for trial in trials):
            return None
        study.sampler = make_sampler(sweep, len(trials))
        trial = study.ask()
        return _begun(trial, sweep), lock_if_free(trial_folder(sweep.folder, trial.number))


def finish(study: optuna.Study, trial: optuna.Trial, sweep: SweepConfig, argv: list[str]) -> None:
    """Trains a trial to its end, judges it and tells the study: its value, that it was pruned, or why it failed."""
    begun = trial.user_attrs.get(BEGUN, 0)
    trial.set_user_attr(BEGUN, begun + 1)
    if begun >= MOST_BEGINNINGS:
        fail(study, trial, f"its worker died {begun} times")
        return
    try:
        value = train_and_judge(trial, sweep, argv)
    except optuna.TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)
    except TrainingInterrupted:
        trial.set_user_attr(BEGUN, begun)  # it was asked to stop: that is no death
        raise
    except Exception as error:  # SB3, torch and environments refuse numbers with errors of all kinds
        if of_storage(error):
            raise
        if isinstance(error, OSError) or isinstance(error.__cause__, OSError):  # a full disk is no fault of its numbers
            trial.set_user_attr(BEGUN, begun)
            raise
        write_traceback(trial_folder(sweep.folder, trial.number), error)
        fail(study, trial, sentence(error))
    else:
        study.tell(trial, value)


def train_and_judge(trial: optuna.Trial, sweep: SweepConfig, argv: list[str]) -> float:
    """Returns the mean of the objective over the trial's seeds, of the policies at the end of their trainings.

    Raises:
        TrialPruned: the first of them falls behind what other trials had reached.
    """
    folder, values = trial_folder(sweep.folder, trial.number), []
    for seed in range(sweep.seed, sweep.seed + sweep.seeds):
        run = folder if sweep.seeds == 1 else folder / f"seed_{seed}"
        watch = _pruning(trial, sweep) if seed == sweep.seed else None
        summary = trained(sweep.training(trial.params, seed), run, sweep.final_episodes, argv, watch)
        values.append(summary[sweep.objective])
    return sum(values) / len(values)


def fail(study: optuna.Study, trial: optuna.Trial, why: str) -> None:
    """Tells the study that a trial failed, and why."""
    trial.set_user_attr(REASON, why.splitlines()[0])
    study.tell(trial, state=TrialState.FAIL)


def sentence(error: Exception) -> str:
    """Returns the first line of an error, after its type where the text alone may not say what happened."""
    text = (str(error).strip() or "no reason given").splitlines()[0]
    known = isinstance(error, (TrainingDiverged, AssertionError)) or type(error) is ValueError
    return text if known and str(error).strip() else f"{type(error).__name__}: {text}"


def write_traceback(folder: Path, error: Exception) -> None:
    """Writes where an error came from to the folder of its trial, whose reason in the study has one line only."""
    text = "".join(traceback.format_exception(error))
    write_aside(folder / TRACEBACK, lambda aside: aside.write_text(text))


def describe(params: dict) -> str:
    """Returns a trial's parameters as one line."""
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in params.items()
    )


def notes(trial: optuna.Trial, sweep: SweepConfig) -> list[str]:
    """Returns what the steps of a trial's training are other than asked for, and keeps it with the trial for the report."""
    try:
        found = step_notes(sweep.training(trial.params, sweep.seed))
    except (ValueError, TypeError):  # its numbers are refused: the training says why
        return []
    if found:
        trial.set_user_attr(NOTE, " ".join(found))
    return found


def outcome(trial: FrozenTrial, sweep: SweepConfig) -> str:
    """Returns how a trial ended, as the end of a sentence."""
    if trial.state == TrialState.COMPLETE:
        return f"has {sweep.objective} {trial.value:.3f}"
    if trial.state == TrialState.PRUNED:
        return f"was pruned at evaluation {trial.last_step} with {sweep.objective} {trial.value:.3f}"
    return f"failed: {trial.user_attrs.get(REASON, 'nobody said why')}"


def _begun(trial, sweep):
    """Returns a trial with what it tries, which is chosen now if it was not before, written down."""
    trial.set_user_attr(OWNER, place(sweep))
    for name, distribution in sweep.choices.items():
        trial._suggest(name, distribution)  # as study.ask does for a new one
    write_recipe(trial_folder(sweep.folder, trial.number) / RECIPE, sweep.recipe(trial.params))
    return trial


def _pruning(trial, sweep):
    """Returns what reports an evaluation as 1, 2, ... and ends a trial that falls behind."""
    every = sweep.base.eval_every

    def watch(steps: int, summary: dict) -> None:
        number = steps // every
        if number not in trial.study.trials[trial.number].intermediate_values:  # a resumed training evaluates again
            trial.report(summary[sweep.objective], number)
        if trial.should_prune():
            raise optuna.TrialPruned

    return watch
