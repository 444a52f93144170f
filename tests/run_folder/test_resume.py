"""A resumed training equals one that was never stopped: after kills at any moment, signals and a full disk."""

import random
import signal
from shutil import copytree

import pytest

from run_folder.runs import load_run, locked, resumable
from tests.helpers.training_runs import PPO, SAC, fingerprint, kill_after, start, started, train

KILLS = [3, pytest.param(5, marks=pytest.mark.slow)]


@pytest.fixture(scope="module", params=[PPO, SAC], ids=["ppo", "sac"])
def straight(request, tmp_path_factory):
    """Returns the arguments of a training, and the fingerprint and folder of a run that was never stopped."""
    run = tmp_path_factory.mktemp("straight") / "run"
    train(*request.param, "--run-dir", run)
    return request.param, fingerprint(run), run


@pytest.mark.parametrize("most", KILLS)
def test_a_training_killed_several_times_at_random_moments_ends_as_one_that_was_not(straight, tmp_path, most):
    arguments, wanted, _ = straight
    run, draws = tmp_path / "run", random.Random(most)
    kills, goes_on = 0, (*arguments, "--run-dir", run)
    while kills < most and kill_after(draws.randint(1, 2), draws.uniform(0.0, 0.3), run, *goes_on):
        kills, goes_on = kills + 1, ("--resume", run)
        assert resumable(run)
    assert kills > 1  # on a fast machine it may end between two of them
    if kills == most:
        train(*goes_on)
    assert fingerprint(run) == wanted


def test_a_training_killed_after_its_last_checkpoint_comes_to_its_end(straight, tmp_path):
    run = copytree(straight[2], tmp_path / "run")
    (run / "card.json").unlink(), (run / "policy.json").unlink()
    train("--resume", run)
    assert fingerprint(run) == straight[1] and (run / "card.json").is_file()


@pytest.mark.parametrize("number, code", [pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_says_how_to_go_on(straight, tmp_path, number, code):
    arguments, wanted, _ = straight
    process = start(*arguments, "--run-dir", tmp_path / "run")
    started(process)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == code and f"resume with: python train_residual_ppo.py --resume {tmp_path / 'run'}" in output
    assert [load_run(tmp_path / "run").folder] == resumable(tmp_path / "run")
    train("--resume", tmp_path / "run")
    made = fingerprint(tmp_path / "run")
    assert made["scalars"] == wanted["scalars"] and made["progress"] == wanted["progress"]
    assert wanted["files"].items() <= made["files"].items()


def test_a_second_signal_ends_at_once(tmp_path):
    process = start(*PPO, "--run-dir", tmp_path / "run", "--ppo.n-steps", "8192")  # a rollout of half a minute
    started(process)
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        process.stdout.readline()
    process.communicate(timeout=5)
    assert process.returncode == 130 and not resumable(tmp_path / "run")
    with locked(tmp_path / "run"):
        pass
