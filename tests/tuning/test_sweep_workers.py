"""Workers of a sweep: no trial is lost or run twice, and failures have a reason. A formula replaces the trainings."""

import json
from dataclasses import replace

import optuna
import pytest
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState

from callbacks.guard_callback import TrainingDiverged
from callbacks.interrupt_callback import TrainingInterrupted
from tuning import worker
from tuning.report import refused, summary
from tuning.studies import JOURNAL, PLACE, open_study
from tuning.sweep import SweepConfig
from utils.config import read_yaml
from utils.console.interrupts import Terminated

SWEEP = SweepConfig(study="s", trials=6, pruner="none", num_threads=1)


@pytest.fixture(autouse=True)
def trainings(tmp_path, monkeypatch):
    """Makes each training return a value computed from its learning rate; returns the folders of the trainings."""
    monkeypatch.chdir(tmp_path)
    made = []

    def trained(config, run, episodes, argv, watch=None):
        made.append(run)
        return {"distance_m": 1000 * config.ppo.learning_rate + config.seed}

    monkeypatch.setattr(worker, "trained", trained)
    return made


def let_trainings(monkeypatch, what):
    """Makes every training raise `what`, or call it if it can be called."""

    def trained(config, run, episodes, argv, watch=None):
        if callable(what):
            return {"distance_m": what(config, watch)}
        raise what

    monkeypatch.setattr(worker, "trained", trained)


def work(sweep=SWEEP, study=None):
    """Works until no trial is left; returns the study."""
    study = study or open_study(sweep)
    worker.work(study, sweep, [], say=lambda text: None)
    return study


def states(study):
    return [trial.state for trial in study.trials]


def test_a_sweep_has_as_many_trials_as_it_should_and_begun_again_adds_none(trainings):
    study = work()
    assert states(study) == [TrialState.COMPLETE] * 6 and len(work().trials) == 6 and len(trainings) == 6
    assert len(work(replace(SWEEP, trials=8)).trials) == 8
    for trial in study.trials:
        assert trial.value == pytest.approx(1000 * trial.params["ppo.learning_rate"] + 42)
        recipe = read_yaml(SWEEP.folder / f"trials/{trial.number:04d}/recipe.yaml")
        assert recipe["config"]["preset"] == "plan" and recipe["config"]["ppo"]["gamma"] == trial.params["ppo.gamma"]


@pytest.mark.parametrize("sampler", ["tpe", "gp", "random"])
def test_a_sweep_in_two_sittings_tries_what_one_in_one_sitting_tries(sampler):
    sweep = replace(SWEEP, sampler=sampler, trials=13)  # TPE and GP draw at random until they have ten trials
    whole = [trial.params for trial in work(sweep).trials]
    other = replace(sweep, study="other")
    work(replace(other, trials=11))
    assert [trial.params for trial in work(other).trials] == whole
    assert len({json.dumps(params) for params in whole}) == 13


def test_workers_share_the_trials_and_take_no_other_worker_s(trainings):
    first, second = open_study(SWEEP), open_study(SWEEP)
    trial, held = worker.claim(first, SWEEP)
    with held:
        work(study=second)
        assert states(second) == [TrialState.RUNNING] + [TrialState.COMPLETE] * 5
        worker.finish(first, trial, SWEEP, [])
    assert states(second) == [TrialState.COMPLETE] * 6 and len({*trainings}) == 6


def test_a_dead_worker_s_trial_is_taken_up_with_its_numbers_and_counts_once():
    trial, held = worker.claim(open_study(SWEEP), SWEEP)
    held.close()  # as the operating system does when a process ends for any reason
    study = work()
    assert states(study) == [TrialState.COMPLETE] * 6 and study.trials[0].params == trial.params


def test_a_trial_whose_worker_died_before_it_had_all_its_numbers_gets_the_others():
    study = open_study(SWEEP)
    chosen = study.ask().suggest_float("ppo.learning_rate", 1e-5, 1e-3, log=True)
    assert states(work()) == [TrialState.COMPLETE] * 6
    assert study.trials[0].params["ppo.learning_rate"] == chosen and set(study.trials[0].params) == set(SWEEP.choices)


def test_a_trial_that_kills_its_worker_is_given_up_at_last(monkeypatch):
    study = open_study(SWEEP)
    let_trainings(monkeypatch, SystemExit())
    for _ in range(worker.MOST_STARTS):
        with pytest.raises(SystemExit):
            work(study=study)
    let_trainings(monkeypatch, lambda config, watch: 1.0)
    work(study=study)
    assert states(study) == [TrialState.FAIL] + [TrialState.COMPLETE] * 5
    assert study.trials[0].user_attrs["reason"] == "its worker died 3 times"


# In a training, and Ctrl-C or SIGTERM in an evaluation.
@pytest.mark.parametrize("stop", [TrainingInterrupted(2, 100), KeyboardInterrupt(), Terminated(143)])
def test_a_requested_stop_is_no_death_and_no_failure(monkeypatch, stop):
    study = open_study(SWEEP)
    let_trainings(monkeypatch, stop)
    for _ in range(worker.MOST_STARTS + 1):
        with pytest.raises(type(stop)):
            work(study=study)
    assert states(study) == [TrialState.RUNNING]
    let_trainings(monkeypatch, lambda config, watch: 1.0)
    assert states(work(study=study)) == [TrialState.COMPLETE] * 6


@pytest.mark.parametrize("error", [TrainingDiverged("a loss is not finite"), ValueError("a loss is not finite")])
def test_a_trial_that_diverges_fails_with_its_reason_and_the_sweep_goes_on(monkeypatch, error):
    let_trainings(monkeypatch, error)
    study = work()
    assert states(study) == [TrialState.FAIL] * 6
    assert {trial.user_attrs["reason"] for trial in study.trials} == {"a loss is not finite"}


REFUSALS = [
    (
        AssertionError("`batch_size` must be greater than 1. See issue 440"),
        "`batch_size` must be greater than 1. See issue 440",
    ),
    (RuntimeError("expected scalar type Float\nand a second line"), "RuntimeError: expected scalar type Float"),
    (KeyError("gait"), "KeyError: 'gait'"),
    (TypeError(), "TypeError: no reason given"),
]


@pytest.mark.parametrize("error, reason", REFUSALS, ids=lambda value: type(value).__name__)
def test_a_trial_that_is_refused_fails_at_its_first_beginning_and_its_worker_goes_on(monkeypatch, error, reason):
    let_trainings(monkeypatch, error)
    study = work()
    assert states(study) == [TrialState.FAIL] * 6
    assert {trial.user_attrs["reason"] for trial in study.trials} == {reason}
    assert {trial.user_attrs["begun"] for trial in study.trials} == {1}
    assert "test_sweep_workers" in (SWEEP.folder / "trials/0003/traceback.txt").read_text()
    said = summary(study, SWEEP)
    assert said.count(reason) == 6 and refused(study) == f"every trial of s failed, 6 of 6 because: {reason}"


def test_one_finished_trial_is_enough_not_to_call_a_space_refused(monkeypatch):
    study = open_study(SWEEP)
    let_trainings(monkeypatch, lambda config, watch: 1.0 if len(study.trials) == 4 else float("x"))
    work(study=study)
    assert states(study).count(TrialState.FAIL) == 5 and refused(study) is None


@pytest.mark.parametrize("error", [OSError(28, "No space left"), StorageInternalError("the server went away")])
def test_what_the_machine_or_the_storage_does_is_no_failure_of_a_trial(monkeypatch, error):
    let_trainings(monkeypatch, error)
    study = open_study(SWEEP)
    with pytest.raises(type(error)):
        work(study=study)
    assert states(study) == [TrialState.RUNNING]
    let_trainings(monkeypatch, lambda config, watch: 1.0)
    assert states(work(study=study)) == [TrialState.COMPLETE] * 6


def test_a_full_disk_however_often_costs_no_trial(monkeypatch):
    let_trainings(monkeypatch, OSError(28, "No space left"))
    study = open_study(SWEEP)
    for _ in range(worker.MOST_STARTS + 1):
        with pytest.raises(OSError, match="No space left"):
            work(study=study)
    assert states(study) == [TrialState.RUNNING]


def test_a_trial_that_takes_other_steps_than_asked_for_says_so():
    sweep, said = replace(SWEEP, trials=1, steps=5000, space="plan"), []
    study = open_study(sweep)
    study.enqueue_trial({"ppo.n_steps": 2048})
    worker.work(study, sweep, [], said.append)
    sentence = "PPO takes whole rollouts of 8,192 steps (num_envs 4 x 2048): 8,192 steps, not 5,000."
    assert f"trial 0: {sentence}" in said and f"1 of the trials: {sentence}" in summary(study, sweep)


def test_a_worker_has_one_thread_unless_told_otherwise():
    assert SweepConfig().num_threads == SweepConfig().base.num_threads == 1


def test_a_full_disk_stops_the_sweep_and_costs_no_trial(monkeypatch):
    full = ValueError("cannot write: No space left on device")
    full.__cause__ = OSError(28, "No space left on device")
    let_trainings(monkeypatch, full)
    study = open_study(SWEEP)
    for _ in range(worker.MOST_STARTS + 1):
        with pytest.raises(ValueError, match="No space left"):
            work(study=study)
    assert states(study) == [TrialState.RUNNING]


def test_a_trial_of_another_machine_s_folder_is_left_alone():
    worker.claim(open_study(SWEEP), SWEEP)[1].close()
    (SWEEP.folder / PLACE).unlink()  # a different folder with the same name
    assert states(work()) == [TrialState.RUNNING] + [TrialState.COMPLETE] * 5


def test_a_trial_that_falls_behind_is_pruned_at_its_evaluation(monkeypatch):
    sweep = replace(SWEEP, pruner="median", trials=8, evaluations=4, steps=400)

    def train(config, watch):
        number = len(study.trials)
        for evaluation in (1, 2, 3, 4):
            watch(100 * evaluation + 7, {"distance_m": evaluation - number})  # each trial is worse than the previous ones
        return -number

    study = open_study(sweep)
    let_trainings(monkeypatch, train)
    work(sweep, study)
    assert states(study) == [TrialState.COMPLETE] * 5 + [TrialState.PRUNED] * 3
    assert study.trials[0].intermediate_values == {1: 0, 2: 1, 3: 2, 4: 3}
    assert [trial.last_step for trial in study.trials[5:]] == [2, 2, 2]  # the first evaluation prunes no trial


def test_evaluations_that_a_resumed_trial_repeats_count_once(monkeypatch):
    sweep = replace(SWEEP, trials=1, evaluations=2, steps=200)

    def train(config, watch):
        watch(100, {"distance_m": 1.0})
        watch(105, {"distance_m": 9.0})  # the same evaluation, repeated after the training returned to its checkpoint
        return 2.0

    let_trainings(monkeypatch, train)
    assert work(sweep).trials[0].intermediate_values == {1: 1.0}


def test_a_trial_of_several_seeds_is_worth_their_mean(trainings):
    study = work(replace(SWEEP, seeds=3, trials=1))
    assert study.best_value == pytest.approx(1000 * study.best_params["ppo.learning_rate"] + 43)
    assert [run.name for run in trainings] == ["seed_42", "seed_43", "seed_44"]


def test_what_a_user_queued_is_tried_first():
    study = open_study(SWEEP)
    study.enqueue_trial({"ppo.gamma": 0.97})
    assert work().trials[0].params["ppo.gamma"] == 0.97 and len(work().trials) == 6


@pytest.mark.parametrize(
    "change, name",
    [
        ({"steps": 50_000}, "training.total_timesteps"),
        ({"seeds": 2}, "seeds"),
        ({"objective": "return"}, "objective"),
        ({"preset": "rough"}, "training.preset"),
        ({"space": "wide", "preset": "plan"}, "space"),
    ],
)
def test_trials_that_cannot_be_compared_are_kept_apart(change, name):
    open_study(SWEEP)
    with pytest.raises(ValueError, match=f"the study s was created with another {name}.*give another --study"):
        open_study(replace(SWEEP, **change))
    open_study(replace(SWEEP, sampler="random", trials=99, num_threads=2))


def test_a_last_line_cut_off_by_a_full_disk_costs_that_line_only():
    work(replace(SWEEP, trials=3))
    journal = SWEEP.folder / JOURNAL
    with journal.open("ab") as file:
        file.write(b'{"op_code":4,"worker')
    assert states(work()) == [TrialState.COMPLETE] * 6


def test_a_name_that_climbs_out_of_the_folder_is_refused():
    for name in ("../x", "a/b", "", ".hidden"):
        with pytest.raises(ValueError, match="a study's name must consist of letters, digits, dots and dashes"):
            SweepConfig(study=name)


def test_optuna_is_asked_for_what_the_issue_calls_it():
    assert isinstance(open_study(SWEEP).pruner, optuna.pruners.NopPruner)
    assert isinstance(open_study(replace(SWEEP, pruner="hyperband")).pruner, optuna.pruners.HyperbandPruner)
