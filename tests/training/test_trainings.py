"""A short training and its evaluation are made once, after any interruption between them."""

import os
import signal

import pytest

import train
from callbacks.interrupt_callback import TrainingInterrupted
from evaluation.held_out_seeds import JUDGE
from run_folder.runs import ended
from tuning import trainings
from tuning.trainings import trained

SMALL = """--env Pendulum-v1 --total-timesteps 256 --num-envs 2 --episode-steps 60 --num-threads 1 --eval-every 256
--eval-episodes 2 --ppo.n-steps 64 --ppo.batch-size 64 --ppo.net-arch 8""".split()


def stop(steps, summary):
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_stop_in_the_last_rollout_ends_the_sweep_and_not_only_the_training(tmp_path, monkeypatch):
    config, run = train.parse(SMALL), tmp_path / "run"
    with pytest.raises(TrainingInterrupted):  # the only evaluation is at the last step
        trained(config, run, 2, [], watch=stop)
    assert ended(run, 256)
    monkeypatch.setattr(trainings, "prepare", None)  # no second training
    assert trained(config, run, 2, [])["episodes"] == 2


def test_the_judgement_is_kept_and_is_that_of_the_last_policy(tmp_path, monkeypatch):
    config, run = train.parse(SMALL), tmp_path / "run"
    first = trained(config, run, 2, [])
    assert first["return"] == pytest.approx(trainings.judge(config, run, 2, JUDGE.at())["return"])
    monkeypatch.setattr(trainings, "judge", None)
    assert trained(config, run, 2, [])["return"] == first["return"]
