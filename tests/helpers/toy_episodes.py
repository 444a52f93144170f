"""A toy environment with known episodes, for tests of challenge logs."""

from dataclasses import fields

import gymnasium as gym
import numpy as np

from envs.wrappers.challenge_logs.stats import ChallengeStats

NOTHING = np.array(0)


class Toy(gym.Env):
    """Observes 100 i + 10 e + t at step t of episode e (from 1) of simulation i, which ends after 2 + (e + i) % 3 steps."""

    observation_space = gym.spaces.Box(-1, 1, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, i=0, tells_resets=True):
        self.i, self.e, self.tells_resets = i, 0, tells_resets

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.e, self.t = self.e + 1, 0
        return np.zeros(1, np.float32), self.info() if self.tells_resets else {}

    def step(self, action):
        self.t += 1
        return np.zeros(1, np.float32), float(self.number()), self.t == 2 + (self.e + self.i) % 3, False, self.info()

    def number(self):
        return 100 * self.i + 10 * self.e + self.t

    def info(self):
        number = self.number()
        return {
            "constraints": {"even": bool(number % 2 == 0), "small": np.bool_(number < 21)},
            "safety_vars": {"number": np.float64(number), "powers": np.array([number**2, -number], float)},
            "objectives": np.array([number, 1.0]),
        }


def expected(i, e, first=0):
    """Returns the expected statistics of episode `e` of simulation `i`, whose rows start with `first`."""
    length = 2 + (e + i) % 3
    rows = 100 * i + 10 * e + np.arange(first, length + 1)
    return {
        "violations": [np.sum(rows % 2 == 1), np.sum(rows >= 21)],
        "objectives": [rows.sum(), len(rows)],
        "returns": (100 * i + 10 * e + np.arange(1, length + 1)).sum(),
        "lengths": length,
        "number": [rows.mean(), np.sqrt(np.mean((rows - rows.mean()) ** 2)), rows.min(), rows.max()],
        "largest_powers": [(rows**2).max(), -rows.min()],
    }


def check(stats, episodes):
    """Compares `stats` with the `expected` episodes, in any order."""
    order = np.argsort(stats.returns)
    episodes = sorted(episodes, key=lambda episode: episode["returns"])
    for name in ("returns", "lengths", "violations", "objectives"):
        np.testing.assert_array_equal(getattr(stats, name)[order], [episode[name] for episode in episodes], err_msg=name)
    number = np.concatenate(stats.safety_vars["number"], axis=1)[order]
    np.testing.assert_allclose(number, [episode["number"] for episode in episodes], rtol=1e-12)
    powers = stats.safety_vars["powers"].max[order]
    np.testing.assert_array_equal(powers, [episode["largest_powers"] for episode in episodes])


def play(env, episodes):
    for _ in range(episodes):
        env.reset()
        while not env.step(NOTHING)[2]:
            pass


def same(one, two):
    for field in fields(ChallengeStats):
        np.testing.assert_equal(getattr(one, field.name), getattr(two, field.name), err_msg=field.name)
    return True
