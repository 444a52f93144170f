"""Callbacks change and record their documented values, on every kind of SB3 vector."""

import io

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

import train
from algorithms.ppo import PPO
from algorithms.vec_env import make_batch_vec_env
from callbacks.curriculum_callback import TerrainCurriculumCallback
from callbacks.episode_callback import EpisodeCallback
from callbacks.progress_callback import ProgressCallback
from callbacks.threads_callback import ThreadsCallback
from evaluation.judges import Judge

ID = "envs:ResidualWalk-v0"


def make_single():
    return gym.make(ID, max_episode_steps=20)


VECTORS = {
    "ours": lambda: make_batch_vec_env(ID, 2, max_episode_steps=20),
    "dummy": lambda: DummyVecEnv([make_single] * 2),
    "subprocess": lambda: SubprocVecEnv([make_single] * 2, start_method="spawn"),
}


def scales(env):
    tasks = env.env.unwrapped.task if hasattr(env, "env") else None
    return [tasks.terrain_scale] * 2 if tasks else [task.terrain_scale for task in env.get_attr("task")]


def ppo(env, **kwargs):
    return PPO("MlpPolicy", env, n_steps=32, batch_size=64, n_epochs=1, device="cpu", seed=0, **kwargs)


@pytest.mark.parametrize("name", ["ours", "dummy"])
def test_the_curriculum_rises_linearly_and_reaches_every_environment(name):
    env, seen = VECTORS[name](), []
    curriculum = TerrainCurriculumCallback(0.2, 0.8, total_steps=192)

    class Watch(TerrainCurriculumCallback):
        def _on_rollout_start(self):
            seen.append(scales(env))

    ppo(env).learn(320, callback=[curriculum, Watch()])
    np.testing.assert_allclose(seen, np.repeat([[0.2], [0.4], [0.6], [0.8], [0.8]], 2, axis=1))


def test_the_curriculum_works_across_processes():
    env = VECTORS["subprocess"]()
    ppo(env).learn(64, callback=TerrainCurriculumCallback(0.3, 0.3))
    assert scales(env) == [0.3, 0.3]
    env.close()


def test_a_curriculum_without_time_is_refused():
    with pytest.raises(ValueError, match="at least one step, got 0"):
        TerrainCurriculumCallback(total_steps=0)


def test_reward_terms_success_and_level_are_logged_per_rollout():
    model = ppo(VECTORS["ours"]())
    logged = {}

    class Watch(EpisodeCallback):
        def _on_rollout_end(self):
            super()._on_rollout_end()
            logged.update(self.logger.name_to_value)

    model.learn(64, callback=Watch())
    terms = [name for name in logged if name.startswith("reward/")]
    assert len(terms) == 10
    episodes = model.ep_info_buffer
    per_step = sum(episode["r"] for episode in episodes) / sum(episode["l"] for episode in episodes)
    assert sum(logged[name] for name in terms) == pytest.approx(per_step)
    assert logged["rollout/survival_rate"] == 1.0 and logged["rollout/physics_failures"] == 0
    assert "rollout/success_rate" not in logged  # a walk reports no success


def test_the_progress_line_tells_rate_and_time_left():
    stream = io.StringIO()
    ppo(VECTORS["ours"]()).learn(64, callback=ProgressCallback(64, stream))
    assert "64 of 64 steps" in stream.getvalue() and "0.0 min left" in stream.getvalue()


def test_torch_has_one_thread_in_rollouts_and_all_in_updates():
    before, seen = torch.get_num_threads(), {}
    model = ppo(VECTORS["ours"]())
    train = model.train
    model.train = lambda: seen.update(update=torch.get_num_threads()) or train()

    class Watch(ThreadsCallback):
        def _on_step(self):
            seen.update(rollout=torch.get_num_threads())
            return True

    try:
        model.learn(64, callback=Watch(2))
    finally:
        torch.set_num_threads(before)
    assert seen == {"rollout": 1, "update": 2}


def test_evaluations_in_a_training_have_one_torch_thread_and_updates_all(tmp_path, monkeypatch):
    before, seen = torch.get_num_threads(), {"update": set(), "evaluation": set()}
    train_step, judge = PPO.train, Judge.summary
    monkeypatch.setattr(PPO, "train", lambda self: seen["update"].add(torch.get_num_threads()) or train_step(self))
    noted = lambda *args, **kwargs: seen["evaluation"].add(torch.get_num_threads()) or judge(*args, **kwargs)  # noqa: E731
    monkeypatch.setattr(Judge, "summary", noted)
    small = "--env Toy-v0 --total-timesteps 128 --num-envs 2 --ppo.n-steps 32 --ppo.batch-size 64 --num-threads 3"
    try:
        arguments = [*small.split(), "--eval-every", "64", "--eval-episodes", "2", "--run-dir", str(tmp_path / "run")]
        assert train.main(arguments) == 0
    finally:
        torch.set_num_threads(before)
    assert seen == {"update": {3}, "evaluation": {1}}
