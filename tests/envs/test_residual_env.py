"""Basic use of the environment, as in a first user program."""

import numpy as np
import pytest

from envs.residual_walk_env import ResidualWalkEnv


def test_env_creation():
    env = ResidualWalkEnv()
    assert env.observation_space is not None
    assert env.action_space is not None


def test_reset():
    env = ResidualWalkEnv()
    obs, info = env.reset()
    assert obs.shape == env.observation_space.shape
    assert isinstance(info, dict)


def test_step():
    env = ResidualWalkEnv()
    env.reset()
    obs, reward, terminated, truncated, info = env.step(env.action_space.sample())
    assert obs.shape == env.observation_space.shape
    assert isinstance(reward, (float, np.floating))
    assert isinstance(terminated, bool)
    assert isinstance(truncated, bool)
    assert isinstance(info, dict)


def test_zero_residuals():
    env = ResidualWalkEnv()
    env.reset()
    for _ in range(100):
        _, _, terminated, _, _ = env.step(np.zeros(12))
        if terminated:
            pytest.fail("Robot fell with zero residuals on flat ground")


def test_residual_clipping():
    env = ResidualWalkEnv()
    env.reset()
    obs, *_ = env.step(np.ones(12) * 100)
    assert np.all(np.isfinite(obs))
