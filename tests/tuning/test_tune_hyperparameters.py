"""Sweeps end to end with real trainings: the files that remain, killed workers and storages."""

import re
import signal
import socket
import time
from dataclasses import replace

import imageio.v3 as iio
import optuna
import pytest
import yaml
from optuna.trial import TrialState

import train_residual_ppo
import tune_hyperparameters
from run_folder.runs import load_run
from tests.helpers.sweep_runs import (
    SMALL,
    await_checkpoint,
    free_port,
    postgres_server,
    start_worker,
    write_files,
)
from training.tasks import find_task
from tuning.spaces import read_space
from tuning.storages import open_storage
from utils.files import read_json


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Returns the folder in which a sweep of three trials was run."""
    folder = tmp_path_factory.mktemp("swept")
    write_files(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert tune_hyperparameters.main([*SMALL, "--trials", "3"]) == 0
    return folder


@pytest.fixture
def standing(swept, monkeypatch):
    """Changes to the folder of the sweep; returns the folder of its study."""
    monkeypatch.chdir(swept)
    return swept / "runs/studies/s"


def trials_of(place):
    """Returns the trials of the study s in a storage."""
    storage = open_storage(str(place))
    trials = optuna.load_study(study_name="s", storage=storage).trials
    if "://" in str(place):
        storage.remove_session(), storage.engine.dispose()
    return trials


def test_every_trial_is_a_run_folder_and_its_value_is_that_of_its_policy(standing):
    trials = trials_of(standing / "journal.log")
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 3
    for trial in trials:
        run = standing / f"trials/{trial.number:04d}"
        assert load_run(run).act(load_run(run).make_env().reset(seed=0)[0]).shape == (1, 12)
        assert read_json(run / "card.json")["judged"]["distance_m"] == trial.value
        assert [*trial.intermediate_values] == [1, 2]
        config = yaml.safe_load((run / "config.yaml").read_text())["config"]
        assert config["ppo"]["learning_rate"] == trial.params["ppo.learning_rate"]
        assert config["env"]["residual_scale"] == trial.params["env.residual_scale"]


def test_the_best_parameters_are_a_file_to_train_with(standing):
    best = max(trials_of(standing / "journal.log"), key=lambda trial: trial.value)
    config = train_residual_ppo.parse(["--config", str(standing / "best.yaml")])
    assert config.ppo.learning_rate == best.params["ppo.learning_rate"]
    assert list(config.ppo.net_arch) == yaml.safe_load(best.params["ppo.net_arch"])
    assert (config.terrain, config.ppo.num_envs, config.total_timesteps) == ("slope", 8, 4_000_000)  # the preset's, in full
    same = train_residual_ppo.parse(["--from-trial", f"s:{best.number}"])
    assert replace(config, config=None) == replace(same, from_trial=None) and same.from_trial is not None


def test_a_trial_is_trained_in_full(standing, tmp_path):
    arguments = ["--from-trial", f"{standing}:1", "--total-timesteps", "256", "--run-dir", str(tmp_path / "full")]
    assert train_residual_ppo.main([*arguments, "--num-threads", "1"]) == 0
    config = yaml.safe_load((tmp_path / "full/config.yaml").read_text())["config"]
    assert config["ppo"]["learning_rate"] == trials_of(standing / "journal.log")[1].params["ppo.learning_rate"]
    assert config["eval_every"] == 1_000_000 and config["from_trial"] == f"{standing}:1"


def test_pictures_and_a_table_of_the_best_are_left(standing):
    for name in ("history", "slices", "importances"):
        assert iio.imread(standing / f"{name}.png").std() > 10
    report = (standing / "report.md").read_text()
    assert report.startswith("s: 3 trials, 3 finished") and len(re.findall(r"^\| \d", report, re.MULTILINE)) == 3


def test_the_same_command_again_trains_nothing_and_reports(standing, capsys):
    before = {path: path.stat().st_mtime_ns for path in standing.glob("trials/**/*")}
    assert tune_hyperparameters.main([*SMALL, "--trials", "3"]) == 0
    assert before == {path: path.stat().st_mtime_ns for path in standing.glob("trials/**/*")}
    assert "s: 3 trials, 3 finished" in capsys.readouterr().out


def test_the_best_are_trained_again_with_new_seeds_beside_the_untuned(standing, capsys):
    again = [*SMALL, "--trials", "3", "--top", "1", "--reseed", "2"]
    assert tune_hyperparameters.main(again) == 0
    first = capsys.readouterr().out
    cards = sorted(standing.glob("reseed/*/card.json"))
    assert [card.parent.name.split("_seed_")[1] for card in cards] == ["1042", "1043"] * 2
    assert "| untuned |" in first and re.search(r"(better|worse|not shown) \|\n", first)
    assert iio.imread(standing / "reseed.png").std() > 10 and "seeds 1042, 1043" in (standing / "reseed.md").read_text()
    times = [card.stat().st_mtime_ns for card in cards]
    assert tune_hyperparameters.main(again) == 0 and times == [card.stat().st_mtime_ns for card in cards]


@pytest.mark.parametrize("arguments", [["--algo", "sac", "--steps", "256"], ["--env", "AdaptiveWalk-v0", "--steps", "256"]])
def test_other_algorithms_and_environments_are_swept(tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    algo = "sac" if "sac" in arguments else "ppo"
    write_files(tmp_path, {f"{algo}.gamma": {"low": 0.9, "high": 0.99}})
    assert tune_hyperparameters.main([*SMALL, *arguments, "--trials", "1"]) == 0
    assert load_run(tmp_path / "runs/studies/s/trials/0000").env_id == (
        "ResidualWalk-v0" if algo == "sac" else "AdaptiveWalk-v0"
    )


def test_a_trial_whose_losses_are_not_finite_fails_and_the_next_is_trained(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path, {"ppo.learning_rate": {"choices": [1e30, 1e-4]}})
    assert tune_hyperparameters.main([*SMALL, "--trials", "4", "--sampler", "random", "--steps", "512"]) == 0
    trials = trials_of(tmp_path / "runs/studies/s/journal.log")
    assert {trial.state for trial in trials} == {TrialState.FAIL, TrialState.COMPLETE}
    for trial in trials:
        assert (trial.params["ppo.learning_rate"] == 1e30) == (trial.state == TrialState.FAIL)
        assert trial.state == TrialState.COMPLETE or "not finite after" in trial.user_attrs["reason"]
    assert "failed: " in capsys.readouterr().out


def test_a_space_that_is_refused_in_every_trial_is_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path, {"ppo.batch_size": {"choices": [100_000]}})  # more than one rollout
    assert tune_hyperparameters.main([*SMALL, "--trials", "2"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("tune_hyperparameters: every trial of s failed") and said.err.count("\n") == 1
    assert "batch_size" in said.err and "best.yaml" not in said.out
    for trial in trials_of(tmp_path / "runs/studies/s/journal.log"):
        assert (
            trial.state == TrialState.FAIL and trial.user_attrs["begun"] == 1 and "batch_size" in trial.user_attrs["reason"]
        )


def kill_one_of_two_workers(folder, storage):
    """Lets two workers share three trials and kills the first during a trial; returns the trials and the output."""
    write_files(folder)
    arguments = ("--storage", storage, "--trials", "3")
    workers = [start_worker(folder, *arguments)]
    await_checkpoint(folder / "runs/studies/s/trials/0000", workers[0])
    workers.append(start_worker(folder, *arguments))
    workers[0].kill()
    workers[0].communicate()
    said, _ = workers[1].communicate(timeout=300)
    assert workers[1].returncode == 0, said
    return trials_of(storage), said


DATABASES = [pytest.param(kind, marks=pytest.mark.slow) for kind in ("postgres", "sqlite")]


@pytest.mark.parametrize("kind", ["journal", *DATABASES])
def test_of_two_workers_one_is_killed_and_no_trial_is_lost_or_counted_twice(tmp_path, kind):
    if kind == "postgres":
        with postgres_server() as url:
            trials, said = kill_one_of_two_workers(tmp_path, url)
    else:
        place = tmp_path / "j.log" if kind == "journal" else f"sqlite:///{tmp_path}/study.db"
        trials, said = kill_one_of_two_workers(tmp_path, place)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 3
    assert sorted(re.findall(r"^trial (\d) has", said, re.MULTILINE)) == [*"012"]
    assert len({str(trial.params) for trial in trials}) == 3
    assert trials[0].user_attrs["begun"] == 2 and trials[1].user_attrs["begun"] == 1


@pytest.mark.slow
def test_two_workers_at_once_share_the_trials(tmp_path):
    write_files(tmp_path)
    workers = [start_worker(tmp_path, "--trials", "6") for _ in range(2)]
    said = [worker.communicate(timeout=300)[0] for worker in workers]
    done = [re.findall(r"^trial (\d) has", words, re.MULTILINE) for words in said]
    assert all(done) and sorted(done[0] + done[1]) == [*"012345"], said
    assert len(trials_of(tmp_path / "runs/studies/s/journal.log")) == 6


def server_in_the_background(*arguments):
    """Starts a server program as a shell does with &: with Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return start_worker(*arguments, sweep=())
    finally:
        signal.signal(signal.SIGINT, before)


def test_workers_reach_a_database_through_a_proxy_that_ends_at_ctrl_c(tmp_path):
    write_files(tmp_path)
    address, url = f"localhost:{free_port()}", f"sqlite:///{tmp_path}/study.db"
    server = server_in_the_background(tmp_path, "--storage", url, "--serve", address)
    host, port = address.split(":")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex((host, int(port))) == 0:
                break
        time.sleep(0.1)
    worker = start_worker(tmp_path, "--storage", f"grpc://{address}", "--trials", "1", "--steps", "256")
    said, _ = worker.communicate(timeout=120)
    server.send_signal(signal.SIGINT)
    try:
        server.communicate(timeout=20)
    finally:
        server.kill(), server.wait()
    assert worker.returncode == 0 and server.returncode == 130, said
    assert [trial.state for trial in trials_of(url)] == [TrialState.COMPLETE]


def test_ctrl_c_saves_and_the_same_command_goes_on(tmp_path, swept, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    worker = start_worker(tmp_path, "--trials", "3")
    await_checkpoint(tmp_path / "runs/studies/s/trials/0000", worker)
    worker.send_signal(signal.SIGINT)
    said, _ = worker.communicate(timeout=60)
    assert worker.returncode == 130 and "the same command resumes" in said
    assert tune_hyperparameters.main([*SMALL, "--trials", "3"]) == 0
    stopped = trials_of(tmp_path / "runs/studies/s/journal.log")
    straight = trials_of(swept / "runs/studies/s/journal.log")
    assert [(trial.params, trial.value, trial.intermediate_values) for trial in stopped] == [
        (trial.params, trial.value, trial.intermediate_values) for trial in straight
    ]


@pytest.mark.parametrize(
    "trial, words",
    [("s", "a trial is STUDY:NUMBER"), ("s:9", "the study has trials 0 to 2"), ("t:1", "studies there are s")],
)
def test_a_trial_that_is_not_there_is_named(standing, capsys, trial, words):
    assert train_residual_ppo.main(["--from-trial", trial]) == 2
    assert words in capsys.readouterr().err


def test_a_tasks_entries_stand_where_a_seeded_sampler_has_always_drawn_them():
    wide = [*read_space("wide", "ppo", find_task("ResidualWalk-v0"))]
    assert wide[:3] == ["ppo.learning_rate", "env.residual_scale", "ppo.n_steps"]
    assert wide[-4:] == [f"env.weights.{name}" for name in ("orientation", "smoothness", "heading", "fall")]
    assert [*read_space("plan", "sac", find_task("AdaptiveWalk-v0"))][1] == "env.residual_scale"
    assert not any(name.startswith("env.") for name in read_space("wide", "sac", find_task("CubeInHand-v0")))
