"""Shared by the tests of the Real-World RL domains: tasks, actions, and a perturbed model."""

import numpy as np
import pytest

from envs.rwrl.env import DOMAINS

TASKS = [(name, task) for name, domain in DOMAINS.items() for task in domain.tasks]
LAST_TASKS = [(name, domain.tasks[-1]) for name, domain in DOMAINS.items()]
every_task = pytest.mark.parametrize(("domain", "task"), TASKS)
every_domain = pytest.mark.parametrize(("domain", "task"), LAST_TASKS)


def random_actions(env, count, seed=0):
    """Returns actions (count, a) drawn from the whole action space of the environment."""
    low, high = env.action_space.low, env.action_space.high
    return np.random.default_rng(seed).uniform(low, high, (count, *low.shape))


def perturbed(env, **values):
    """Returns the environment's model after a reset with these perturbations."""
    env.perturb({name: np.array([value]) for name, value in values.items()}, np.array([0]))
    env.reset(seed=0)
    return env.model


def same_parts(ours, theirs):
    """Checks that two observations have the same numbers in the same blocks."""
    for name, part in theirs.items():
        np.testing.assert_array_equal(ours[name].ravel(), np.ravel(part), err_msg=name)
