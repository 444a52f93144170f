"""Environments without physics whose observations encode simulation, episode and step."""

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import TimeLimit

from envs.wrappers import Objective
from tests.helpers.rwrl_challenge_checks import ToyEnv
from utils.perturbation import Perturbable

SAME_STEP, NEXT_STEP = AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP


class TellingToy(ToyEnv):
    """A `ToyEnv` with safety variables, reward terms, constraints, and a perturbable length that its infos report."""

    perturbations = {"length": Perturbable(1.0, 0.5, 2.0, 0.1)}  # noqa: RUF012
    default_perturbation = "length"

    def __init__(self, flat=False):
        super().__init__()
        self._next = self._length = np.array([1.0])
        self.flat = flat
        if flat:
            self.observation_space = Box(-np.inf, np.inf, (4,))

    def constraints(self, safety_coeff=1.0, limits=None):
        modulus = (limits or {}).get("even", 2)
        return {
            "even": lambda variables: variables["time"] % modulus == 0,
            "early": lambda variables: (variables["times"] < 1010 * safety_coeff).all(-1),
        }

    def optional_constraints(self, safety_coeff=1.0, limits=None):
        return {"third": lambda variables: variables["time"] % 3 == 0}

    def perturb(self, values, ids):
        if len(ids):
            self._next = values["length"].copy()

    def reset(self, *, seed=None, options=None):
        self._length = self._next
        self.episode = self.episode if seed is None else -1
        observation, _ = super().reset(seed=seed)
        return observation, self._told()

    def step(self, action):
        observation, reward, terminated, truncated, _ = super().step(action)
        return observation, reward, terminated, truncated, self._told()

    def _told(self):
        variables = {"time": np.array(self._time), "times": self._time + np.array([0.0, 1.0])}
        return {"safety_vars": variables, "reward_terms": {"task": self._time}, "length": self._length[0]}

    def _observation(self):
        named = super()._observation()
        return np.concatenate([*named.values()]).astype(np.float32) if self.flat else named


class TimeObjective(Objective):
    """The time in the safety variables, divided by 100."""

    def get_objectives(self, info):
        return np.asarray(info["safety_vars"]["time"])[..., None] / 100


def toy(steps=7, flat=False):
    return TimeLimit(TellingToy(flat), steps)


def toys(n, mode, steps=7, flat=False):
    """Returns a vector of toys; the i-th episode of each has `steps` + its index steps."""
    return SyncVectorEnv([lambda i=i: toy(steps + i, flat) for i in range(n)], autoreset_mode=mode)


def cheetahs(n, mode, steps=7):
    return SyncVectorEnv([lambda: gym.make("HalfCheetah-v5", max_episode_steps=steps)] * n, autoreset_mode=mode)
