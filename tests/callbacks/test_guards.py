"""A failed simulation is recorded for inspection; losses or weights that are not finite stop the training."""

import numpy as np
import pytest
import torch

import play_residual_policy
import train_residual_ppo
from algorithms.ppo import PPO
from algorithms.vec_env import make_batch_vec_env
from callbacks.guard_callback import GuardCallback
from envs.step_memory import PhysicsFailure
from run_folder.bad_states import read_dump, write_dump
from run_folder.runs import resumable
from utils.monitor_training import read_scalars

SMALL = """--preset rough --total-timesteps 1024 --num-envs 4 --ppo.n-steps 32 --ppo.batch-size 64 --ppo.net-arch 8
--eval-every 0 --checkpoint-every 128 --level 0.3 --seed 3 --num-threads 1""".split()


def broken_at(steps):
    """Returns a callback step that breaks the second simulation's physics at these numbers of steps."""

    def step(self):
        if self.num_timesteps in steps:
            self.training_env.venv.env.unwrapped.task.sim.qvel[1] = np.nan
        return True

    return step


def test_simulations_that_go_wrong_are_counted_and_the_first_five_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its warning to a log file in the current directory
    monkeypatch.setattr(
        "callbacks.threads_callback.ThreadsCallback._on_step", broken_at({4 * (20 + 9 * i) for i in range(7)})
    )
    assert train_residual_ppo.main([*SMALL, "--run-dir", "run"]) == 0
    dumps = sorted((tmp_path / "run" / "bad_states").iterdir())
    assert [path.name for path in dumps] == [f"{4 * (21 + 9 * i):010d}_0001.npz" for i in range(5)]
    assert read_scalars("run")["rollout/physics_failures"][1][-1] == 7
    first = read_dump(dumps[0])
    assert first.states.shape == (21, len(first.states[0])) and first.actions.shape == (21, 12)
    assert np.isnan(first.states[-1]).any() and np.isfinite(first.states[:-1]).all()
    assert len(read_dump(dumps[1]).states) == 9  # counted in its episode


def test_simulations_that_report_no_failures_are_not_asked_at_every_step(tmp_path, monkeypatch):
    env = make_batch_vec_env("CartPole-v1", 2, seed=0)
    guard = GuardCallback(tmp_path)
    model = type("Model", (), {"get_env": lambda self: env, "logger": None, "num_timesteps": 0})()
    guard.init_callback(model)
    monkeypatch.setattr(env, "env_method", lambda *_: pytest.fail("each call lists all attributes and costs a step's time"))
    assert guard.on_step()


def test_a_dump_holds_the_last_hundred_steps(dump):
    kept = read_dump(dump)
    assert kept.states.shape[0] == kept.actions.shape[0] == 100
    assert np.abs(kept.actions).max() <= 1.0 and kept.reason


def test_a_dump_can_be_seen(dump, tmp_path, capsys, gl):
    whole = read_dump(dump)
    last = PhysicsFailure(1, whole.model, whole.states[-12:], whole.actions[-12:], whole.reason)  # a picture takes 0.1 s
    short, film = write_dump(tmp_path, 261, last), tmp_path / "bad.mp4"
    assert play_residual_policy.main(["--replay", str(short), "--video", str(film)]) == 0
    assert "12 steps until: " in capsys.readouterr().out and film.stat().st_size > 5_000


def test_a_distribution_whose_scale_is_lost_stops_the_training_in_one_sentence(tmp_path, capsys):
    wild = ["--ppo.learning-rate", "1e30", "--run-dir", str(tmp_path / "run")]
    assert train_residual_ppo.main([*SMALL, *wild]) == 1
    message = capsys.readouterr().err
    assert "is not finite after" in message and len(message.splitlines()) == 1


def poisoned(learner, when):
    """Returns a `train` method that writes NaN to a weight in its n-th call, before or after the update."""
    calls, genuine = [0], learner.train

    def method(self, *args, **kwargs):
        calls[0] += 1
        if calls[0] == 4 and when == "before":
            next(self.policy.parameters()).data[:] = torch.nan
        genuine(self, *args, **kwargs)
        if calls[0] == 4 and when == "loss":
            self.logger.record("train/loss", float("nan"))
        if calls[0] == 4 and when == "after":
            next(self.policy.parameters()).data[:] = torch.nan

    return method


@pytest.mark.parametrize(
    "when, words", [("before", "is not finite"), ("after", "the policy's weights"), ("loss", "train/loss")]
)
def test_lost_numbers_stop_the_training_and_name_the_last_good_checkpoint(tmp_path, monkeypatch, capsys, when, words):
    monkeypatch.setattr(PPO, "train", poisoned(PPO, when))
    assert train_residual_ppo.main([*SMALL, "--run-dir", str(tmp_path / "run")]) == 1
    message = capsys.readouterr().err
    newest = resumable(tmp_path / "run")[-1]
    assert words in message and f"the last good checkpoint is {newest}" in message and len(message.splitlines()) == 1
    assert newest.name == "0000000384" and not (tmp_path / "run" / "policy.safetensors").exists()
    monkeypatch.undo()
    assert train_residual_ppo.main(["--resume", str(tmp_path / "run")]) == 0
