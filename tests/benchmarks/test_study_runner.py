"""A study trains and evaluates nothing twice, shares its folder with other processes, and loses no results."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

import train
from benchmarks import study_runner, study_trainings
from benchmarks.study_runner import Plan, Study, StudyRunner, check_folder
from benchmarks.study_trainings import Method, RunOf, Saved, Share, Training, options, within_time
from evaluation.study.conditions import Condition
from evaluation.study.results import BOTH, KEYS, read_results, write_results
from run_folder.records import read_record
from run_folder.runs import digest, resumable
from tests.helpers.training_runs import stopped_early

SMALL = "--algo ppo --num-envs 2 --ppo.n-steps 16 --ppo.batch-size 32 --ppo.net-arch 4".split()
METHODS = (Method("plain", "Plain", (*SMALL,)), Method("slow", "Slow", (*SMALL, "--episode-steps", Share(0.25))))
STUDY = Study("# Toys", "Toy-v0", METHODS, "plain", ("success",), lambda results: f"report of {results.methods}")
CONDITIONS = (Condition("clean", "clean"), Condition("dark_1", "dark", "in"), Condition("dark_2", "dark", "out"))


@pytest.fixture
def programs(monkeypatch):
    """Trains in this process; returns the arguments of each training program."""
    calls = []

    def run_program(arguments, log):
        calls.append(arguments)
        return train.main([*arguments])

    monkeypatch.setattr(study_trainings, "run_program", run_program)
    return calls


@pytest.fixture
def played():
    """Returns the played cells: steps of the policy, condition."""
    return []


@pytest.fixture
def runner(tmp_path, programs, played):
    """Returns a function that makes a runner of all trainings, or of a plan with changes."""

    def play(run, condition):
        played.append((run.folder.name, condition.name))
        return {"success": len(played) / 100}

    def make(methods=METHODS, seeds=(1,), **changes):
        trainings = [Training(method, seed) for seed in seeds for method in methods]
        plan = Plan(check_folder(STUDY, tmp_path / "out"), 64, trainings, CONDITIONS, play, (4, 10))
        return StudyRunner(STUDY, replace(plan, **changes))

    return make


def set_cpu_time(run, seconds):
    """Writes the CPU time of the final policy and, in proportion, of every checkpoint."""
    for path in [run / "card.json", *run.glob("checkpoints/*/card.json")]:
        card = json.loads(path.read_text())
        path.write_text(json.dumps(card | {"cpu_time_s": seconds * card["steps"] / 64}))


def test_a_study_that_has_ended_trains_and_plays_nothing_again(runner, programs, played, tmp_path, capsys):
    assert runner().run() == 0
    assert [arguments[0] for arguments in programs] == ["--env", "--env"]
    first, count = (tmp_path / "out" / "results.csv").read_bytes(), len(played)
    assert count >= 2 * len(CONDITIONS) and "report of ['plain', 'slow']" in capsys.readouterr().out
    assert runner().run() == 0
    assert len(programs) == 2 and len(played) == count and (tmp_path / "out" / "results.csv").read_bytes() == first


def test_a_study_that_stops_between_two_cells_plays_only_the_others(runner, played, programs):
    def stops(run, condition):
        if condition.name == "dark_2":
            raise KeyboardInterrupt
        return plain.plan.play(run, condition)

    plain = runner(METHODS[:1])
    with pytest.raises(KeyboardInterrupt):
        runner(METHODS[:1], play=stops).run()
    assert [name for _, name in played] == ["clean", "dark_1"]
    assert plain.run() == 0
    assert [name for _, name in played] == ["clean", "dark_1", "dark_2"] and len(programs) == 1


def test_a_training_that_was_stopped_resumes_from_its_checkpoint(runner, programs, tmp_path):
    runner(METHODS[:1], evaluates=False).run()
    run = tmp_path / "out" / "plain_seed_1"
    whole, policy = run.rename(tmp_path / "whole"), (tmp_path / "whole" / "policy.safetensors").read_bytes()
    stopped_early(whole, run)
    assert runner(METHODS[:1], evaluates=False).run() == 0
    assert programs[1][:2] == ["--resume", str(run)] and (run / "policy.safetensors").read_bytes() == policy
    assert len(resumable(whole)) > 1


def test_other_options_or_another_length_are_refused_before_they_mix_with_a_training(runner):
    runner(METHODS[:1], evaluates=False).run()
    changed = Method("plain", "Plain", (*SMALL, "--ppo.gamma", "0.9"))
    fewer = Method("plain", "Plain", tuple(SMALL[:-2]))
    for other in (runner(METHODS[:1], steps=128), runner((changed,)), runner((fewer,))):
        with pytest.raises(ValueError, match="plain_seed_1 was started with other options or another length"):
            other.run()


def test_equal_time_is_the_last_policy_within_the_time_of_the_baseline_with_the_same_seed(runner, played, tmp_path):
    out = tmp_path / "out"
    runner(evaluates=False).run()
    set_cpu_time(out / "plain_seed_1", 60.0)
    set_cpu_time(out / "slow_seed_1", 100.0)
    assert runner().run() == 0
    rows = read_results(out / "results.csv", ("success",))
    found = {(row["method"], row["budget"], row["training_steps"], row["cpu_minutes"]) for row in rows}
    assert found == {("plain", "both", 64, 1.0), ("slow", "steps", 64, 1.6667), ("slow", "time", 32, 0.83333)}
    assert len(rows) == len(played) == 9


def test_a_study_of_equal_steps_plays_the_final_policies_alone(runner, played, tmp_path):
    made = runner()
    made.study = replace(STUDY, equal_time=False)
    made.run()
    set_cpu_time(tmp_path / "out" / "slow_seed_1", 1e6)
    played.clear()
    assert made.run() == 0 and not played
    assert {row["budget"] for row in read_results(tmp_path / "out" / "results.csv", STUDY.metrics)} == {"steps"}


def test_without_the_baseline_there_is_no_policy_of_equal_time(runner, tmp_path):
    runner(METHODS[1:]).run()
    rows = read_results(tmp_path / "out" / "results.csv", ("success",))
    assert {row["budget"] for row in rows} == {"steps"} and len(rows) == 3


def test_a_training_of_another_process_is_skipped_and_named(runner, programs, tmp_path, capsys):
    again = runner()
    with FileLock(tmp_path / "out" / ".plain_seed_1.lock"):
        assert again.run() == 0
    assert len(programs) == 1 and "other processes work on plain_seed_1" in capsys.readouterr().err
    assert again.run() == 0 and len(programs) == 2


def test_a_failed_training_is_named_and_the_others_go_on(runner, capsys, tmp_path):
    broken = Method("broken", "Broken", ("--algo", "ppo", "--ppo.batch-size", "99999"))
    assert runner((broken, METHODS[0])).run() == 1
    assert "the training broken_seed_1 has failed with exit code 2: see" in capsys.readouterr().err
    assert (tmp_path / "out" / "plain_seed_1" / "policy.json").is_file()


def test_a_training_starts_from_another_one_of_its_seed_once_that_has_ended(runner, programs, capsys, tmp_path):
    later = Method("later", "Later", (*SMALL, "--start-from", RunOf("plain")))
    assert runner((later,), evaluates=False).run() == 1 and not programs
    assert "later_seed_1 starts from plain_seed_1, which has not ended: train that first" in capsys.readouterr().err
    assert runner((METHODS[0], later), evaluates=False).run() == 0
    later, plain = (tmp_path / "out" / f"{name}_seed_1" for name in ("later", "plain"))
    assert read_record(later)["start"]["digest"] == digest(plain)


def test_a_training_can_be_longer_than_the_others_and_has_ended_at_its_own_length(runner, programs, tmp_path):
    twice = Method("twice", "Twice", (*SMALL, "--start-from", RunOf("plain"), "--episode-steps", Share(0.25)), length=2.0)
    wanted = options(Training(twice, 1), "RealAnt-v0", 400, tmp_path)
    assert wanted[wanted.index("--total-timesteps") + 1] == "800" and wanted[wanted.index("--episode-steps") + 1] == "200"
    for _ in range(2):  # the second time there is nothing to train
        assert runner((METHODS[0], twice), evaluates=False).run() == 0 and len(programs) == 2
    cards = (tmp_path / "out" / f"{name}_seed_1" / "card.json" for name in ("plain", "twice"))
    plain, longer = (json.loads(card.read_text())["steps"] for card in cards)
    assert longer == 2 * plain


def test_a_training_of_another_length_is_no_training_of_the_study(runner, tmp_path):
    assert runner().run() == 0
    before = (tmp_path / "out" / "results.csv").read_bytes()
    shorter = runner(seeds=(3,), steps=32, trains=False)
    assert not any(runner(steps=32).rows(training) for training in runner().plan.trainings)
    with pytest.raises(ValueError, match="contains results of plain_seed_1, slow_seed_1"):
        shorter.run()
    assert (tmp_path / "out" / "results.csv").read_bytes() == before


def test_a_study_that_was_moved_to_another_folder_goes_on(runner, programs, tmp_path):
    later = Method("later", "Later", (*SMALL, "--start-from", RunOf("plain")))
    assert runner((METHODS[0], later), evaluates=False).run() == 0
    moved = (tmp_path / "out").rename(tmp_path / "moved")
    assert runner((METHODS[0], later), evaluates=False, out=moved).run() == 0 and len(programs) == 2


def test_results_that_this_command_cannot_make_again_are_not_lost(runner, tmp_path, monkeypatch):
    assert runner(seeds=(1, 2)).run() == 0
    before = (tmp_path / "out" / "results.csv").read_bytes()
    monkeypatch.setattr(study_runner, "code_state", lambda: "code other")
    with pytest.raises(ValueError, match="contains results of plain_seed_2, slow_seed_2, made with other code"):
        runner(seeds=(1,)).run()
    assert (tmp_path / "out" / "results.csv").read_bytes() == before
    assert runner(seeds=(1, 2)).run() == 0


@pytest.mark.slow
def test_results_of_other_trainings_in_the_folder_stay_in_the_table(runner, tmp_path):
    runner(METHODS[:1], seeds=(1,)).run()
    runner(METHODS[:1], seeds=(7,)).run()
    rows = read_results(tmp_path / "out" / "results.csv", ("success",))
    assert [row["seed"] for row in rows] == [1] * 3 + [7] * 3


def test_shares_of_the_training_become_steps():
    words = options(Training(METHODS[1], 5), "Toy-v0", 2000, Path())
    assert words[words.index("--episode-steps") + 1] == "500"
    assert words[:6] == ["--env", "Toy-v0", "--seed", "5", "--total-timesteps", "2000"]
    assert words[words.index("--checkpoint-every") + 1] == "100"


def test_the_policy_within_a_time_is_the_last_one_or_none(tmp_path):
    policies = [Saved(10, 1.0, tmp_path), Saved(20, 2.0, tmp_path), Saved(30, 3.0, tmp_path)]
    assert within_time(policies, 2.5).steps == 20 and within_time(policies, 2.0).steps == 20
    assert within_time(policies, 0.5) is None and within_time(policies, 9.0).steps == 30


def test_a_run_without_cpu_times_is_refused(runner, tmp_path):
    runner(METHODS[:1], evaluates=False).run()
    card = tmp_path / "out" / "plain_seed_1" / "card.json"
    card.write_text(json.dumps({"steps": 64, "wall_time_s": 1.0}))
    with pytest.raises(ValueError, match="has no cpu_time_s"):
        runner(METHODS[:1]).run()


def test_results_of_a_method_that_the_study_does_not_have_are_refused(tmp_path):
    keys = ("quick", 1, BOTH, 64, 1.0, "clean", "clean", "", 4)
    write_results(tmp_path / "results.csv", [dict(zip(KEYS, keys)) | {"success": 1.0}], STUDY.metrics)
    with pytest.raises(ValueError, match=r"results\.csv: the study has no method quick"):
        STUDY.results(tmp_path / "results.csv")
