"""Points whose velocity changes at random, and which observe their position alone; the critic knows the velocity."""

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from stable_baselines3.common.vec_env import VecNormalize

from algorithms.asymmetric_ppo import AsymmetricPPO
from algorithms.vec_env import BatchVecEnv
from envs.wrappers import History
from envs.wrappers.layout import Layout
from utils.mirror import Symmetry, signs

STEPS = 40


class DriftingPoints(VectorEnv):
    """n points on a line; an episode has 40 steps, and the action changes nothing."""

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012
    render_mode = None
    observation_groups = {"policy": slice(0, 1), "critic": slice(0, 2)}  # noqa: RUF012
    estimated_rows = ("velocity",)
    symmetry = Symmetry(signs(-1.0, -1.0), signs(-1.0))

    def __init__(self, num_envs):
        self.num_envs = num_envs
        self.single_observation_space = gym.spaces.Box(-np.inf, np.inf, (2,), np.float32)
        self.single_action_space = gym.spaces.Box(-1, 1, (1,), np.float32)
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, (num_envs, 2), np.float32)
        self.action_space = gym.spaces.Box(-1, 1, (num_envs, 1), np.float32)
        rows = {"position": slice(0, 1), "velocity": slice(1, 2)}
        self.layout = Layout(self.single_observation_space, rows, (), self.observation_groups)
        self._random = np.random.default_rng(0)
        self._position, self._velocity, self._age = np.zeros((3, num_envs))

    def reset(self, *, seed=None, options=None):
        self._start(np.ones(self.num_envs, bool))
        return self._observed(), {}

    def step(self, actions):
        self._velocity = 0.9 * self._velocity + 0.19**0.5 * self._random.normal(size=self.num_envs)  # variance 1
        self._position += self._velocity
        self._age += 1
        ended, last = self._age == STEPS, self._observed()
        reward, never, info = -np.square(actions[:, 0]), np.zeros(self.num_envs, bool), {}
        if ended.any():
            info = {"final_obs": last, "_final_obs": ended, "final_info": {}, "_final_info": ended, "reset_info": {}}
            self._start(ended)
        return self._observed(), reward, never, ended, info

    def _start(self, chosen):
        self._position[chosen], self._velocity[chosen] = self._random.normal(size=(2, chosen.sum()))
        self._age[chosen] = 0

    def _observed(self):
        return np.stack([self._position, self._velocity], axis=1).astype(np.float32)


def drifting(frames=8, num_envs=16, **options) -> AsymmetricPPO:
    """Returns an untrained model that reads the last `frames` positions."""
    env = VecNormalize(BatchVecEnv(History(DriftingPoints(num_envs), frames)))
    numbers = {"n_steps": 32, "batch_size": 128, "n_epochs": 4, "seed": 0, "policy_kwargs": {"net_arch": [16]}}
    return AsymmetricPPO("MlpPolicy", env, **numbers | options)
