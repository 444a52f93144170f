"""A training that was stopped goes on as if it had not been: after kills at any moment, signals and a full disk."""

import random
import signal

import pytest

from tests.training_runs import PPO, SAC, fingerprint, kill_after, start, started, train
from utils.runs import load_run, locked, resumable

KILLS = 5


@pytest.fixture(scope="module", params=[PPO, SAC], ids=["ppo", "sac"])
def straight(request, tmp_path_factory):
    """Returns the arguments of a training, and the fingerprint of one that was never stopped."""
    run = tmp_path_factory.mktemp("straight") / "run"
    train(*request.param, "--run-dir", run)
    return request.param, fingerprint(run)


def test_a_training_killed_five_times_at_random_moments_ends_as_one_that_was_not(straight, tmp_path):
    arguments, wanted = straight
    run, draws = tmp_path / "run", random.Random(0)
    for kill in range(KILLS):
        goes_on = ("--resume", run) if kill else (*arguments, "--run-dir", run)
        kill_after(draws.randint(1, 2), draws.uniform(0.0, 0.3), run, *goes_on)
        assert resumable(run)
    train("--resume", run)
    assert fingerprint(run) == wanted


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_says_how_to_go_on(straight, tmp_path, number, code):
    arguments, wanted = straight
    process = start(*arguments, "--run-dir", tmp_path / "run")
    started(process)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == code and f"go on with: python train_residual_ppo.py --resume {tmp_path / 'run'}" in output
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
