"""Learning: a task that any correct learner solves in seconds, through this project's VecEnv and its bookkeeping."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, VectorEnv
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecNormalize

from algorithms.smooth_ppo import Smoothness, SmoothPPO
from algorithms.vec_env import BatchVecEnv

LENGTH = 8


class Mirror(VectorEnv):
    """Observes a number in [-1, 1] and rewards an equal action: 1 - |action - number|."""

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012
    render_mode = None

    def __init__(self, num_envs):
        self.num_envs = num_envs
        self.single_observation_space = self.single_action_space = gym.spaces.Box(-1, 1, (1,), np.float32)
        self.observation_space = self.action_space = gym.spaces.Box(-1, 1, (num_envs, 1), np.float32)

    def reset(self, *, seed=None, options=None):
        self._generator, self._age = np.random.default_rng(seed), 0
        return self._draw(), {}

    def step(self, actions):
        reward = 1 - np.abs(actions - self._shown)[:, 0].astype(float)
        self._age += 1
        ended = np.full(self.num_envs, self._age % LENGTH == 0)
        info = {"final_obs": self._shown, "final_info": {}} if ended[0] else {}
        return self._draw(), reward, np.zeros_like(ended), ended, info

    def _draw(self):
        self._shown = self._generator.uniform(-1, 1, (self.num_envs, 1)).astype(np.float32)
        return self._shown.copy()


NUMBERS = {"n_steps": 64, "batch_size": 256, "n_epochs": 10, "gamma": 0.0, "learning_rate": 3e-3, "seed": 0, "device": "cpu"}
ROWS = np.linspace(-1, 1, 101, dtype=np.float32)[:, None]


def made(kind, **numbers):
    return kind("MlpPolicy", VecNormalize(BatchVecEnv(Mirror(16)), gamma=0.0, norm_reward=False), **NUMBERS, **numbers)


def answers(model):
    """Returns the mean actions for ROWS."""
    return model.predict(model.get_env().normalize_obs(ROWS), deterministic=True)[0]


@pytest.mark.parametrize("kind", [PPO, SmoothPPO])
def test_it_learns_to_say_a_number_back_in_seconds(kind):
    model = made(kind)
    mean_reward = lambda: (1 - np.abs(answers(model) - ROWS)).mean()  # noqa: E731
    untrained = mean_reward()
    model.learn(20_000)
    assert untrained < 0.7 and mean_reward() > 0.95
    assert model.ep_info_buffer[-1]["l"] == LENGTH and model.ep_info_buffer[-1]["r"] > 0.7 * LENGTH


def test_a_large_weight_of_the_smoothness_loss_makes_answers_differ_less():
    losses = [Smoothness(coef=0.0), Smoothness(radius=0.5, coef=3.0), Smoothness(pairs="next", coef=0.3)]
    plain, *smooth = (np.ptp(answers(made(SmoothPPO, smoothness=loss).learn(6_000))) for loss in losses)
    assert plain > 1.5 and max(smooth) < 0.7 * plain
