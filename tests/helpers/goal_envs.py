"""Small goal environments with a sparse reward: a point on a line or in a plane must reach a goal."""

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Dict

STEP, NEAR = 0.2, 0.1


class Point(gym.Env):
    """A point in [-1, 1]^k moves by at most 0.2 per step; the reward is 0 within 0.1 of the goal, otherwise -1."""

    def __init__(self, dimensions: int = 2):
        space = Box(-1.0, 1.0, (dimensions,), np.float32)
        self.observation_space = Dict({"achieved_goal": space, "desired_goal": space, "observation": space})
        self.action_space = Box(-1.0, 1.0, (dimensions,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._position, self._goal = self.np_random.uniform(-1, 1, (2, *self.action_space.shape)).astype(np.float32)
        return self._observed(), {}

    def step(self, action):
        self._position = np.clip(self._position + STEP * np.clip(action, -1, 1), -1, 1).astype(np.float32)
        reward = float(self.compute_reward(self._position, self._goal, {}))
        return self._observed(), reward, False, False, {"is_success": reward == 0.0}

    def compute_reward(self, achieved_goal, desired_goal, info):
        return (np.linalg.norm(achieved_goal - desired_goal, axis=-1) < NEAR) - 1.0

    def _observed(self):
        return {
            "achieved_goal": self._position.copy(),
            "desired_goal": self._goal.copy(),
            "observation": self._position.copy(),
        }


class SinglePoint(Point):
    """The same, but its compute_reward accepts only one goal at a time."""

    def compute_reward(self, achieved_goal, desired_goal, info):
        return np.array([float(np.linalg.norm(achieved_goal - desired_goal) < NEAR) - 1.0])


class PictureGoal(Point):
    """The same, with a picture in the observation."""

    def __init__(self):
        super().__init__()
        self.observation_space["picture"] = Box(0, 255, (8, 8, 3), np.uint8)

    def _observed(self):
        return super()._observed() | {"picture": np.zeros((8, 8, 3), np.uint8)}


def register() -> None:
    """Registers the environments, as a user's package would."""
    for entry in (Point, SinglePoint, PictureGoal):
        gym.register(f"{entry.__name__}-v0", entry_point=entry, max_episode_steps=20)
    gym.register("EndlessPoint-v0", entry_point=Point)
