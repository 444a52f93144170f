"""The SB3 face shows what SB3's own vector of the single environments shows."""

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv

import envs  # noqa: F401
from utils.vec_env import BatchVecEnv, make_batch_vec_env

ID, LENGTH, N = "envs:ResidualWalk-v0", 40, 3


def test_it_equals_sb3s_own_vector_of_monitored_single_environments_bit_for_bit():
    ours = make_batch_vec_env(ID, N, seed=5, max_episode_steps=LENGTH)
    stock = DummyVecEnv([lambda: Monitor(gym.make(ID, max_episode_steps=LENGTH))] * N)
    stock.seed(5)
    np.testing.assert_array_equal(ours.reset(), stock.reset())
    generator = np.random.default_rng(0)
    ends = 0
    for _ in range(3 * LENGTH):
        actions = generator.uniform(-1, 1, (N, 12)).astype(np.float32)
        (rows, rewards, dones, infos), theirs = ours.step(actions), stock.step(actions)
        for mine, wanted in zip((rows, rewards, dones), theirs):
            np.testing.assert_array_equal(mine, wanted)
        for i in np.flatnonzero(dones):
            ends += 1
            np.testing.assert_array_equal(infos[i]["terminal_observation"], theirs[3][i]["terminal_observation"])
            assert infos[i]["TimeLimit.truncated"] == theirs[3][i]["TimeLimit.truncated"]
            assert infos[i]["episode"]["l"] == theirs[3][i]["episode"]["l"]
            assert infos[i]["episode"]["r"] == pytest.approx(theirs[3][i]["episode"]["r"], abs=1e-5)
    assert ends == 3 * N


def test_the_terms_of_an_episode_sum_to_its_return():
    env = make_batch_vec_env(ID, N, seed=0, max_episode_steps=LENGTH)
    env.reset()
    for _ in range(LENGTH):
        *_, infos = env.step(np.full((N, 12), 0.5))
    for info in infos:
        assert sum(info["episode"]["terms"].values()) == pytest.approx(info["episode"]["r"])


def test_methods_and_attributes_reach_the_environment():
    env = make_batch_vec_env(ID, N)
    env.env_method("set_terrain_scale", 0.25)
    assert env.env.unwrapped.task.terrain_scale == 0.25
    env.set_attr("residual_scale", 0.01)
    assert env.get_attr("residual_scale") == [0.01] * N


def test_an_environment_that_restarts_a_step_later_is_refused():
    with pytest.raises(ValueError, match="SAME_STEP"):
        BatchVecEnv(gym.vector.SyncVectorEnv([lambda: gym.make(ID)]))
