"""Policies without learning, to compare trained policies with."""

import numpy as np
from gymnasium.spaces import Box
from gymnasium.vector import VectorEnv

from evaluation.episodes import Policy

UNBOUNDED = 1.0  # bound of random actions where the action space has no bound


def zero_actions(env: VectorEnv) -> Policy:
    """Returns a policy whose actions are all 0."""
    zeros = np.zeros(env.action_space.shape, env.action_space.dtype)
    return lambda observation: zeros


def random_actions(env: VectorEnv) -> Policy:
    """Returns a policy of independent actions, uniform in the action space; always the same sequence."""
    space = env.action_space
    if not isinstance(space, Box):
        space.seed(0)
        return lambda observation: space.sample()
    low, high = (np.where(np.isfinite(end), end, sign * UNBOUNDED) for end, sign in ((space.low, -1), (space.high, 1)))
    generator = np.random.default_rng(0)
    return lambda observation: generator.uniform(low, high).astype(np.float32)
