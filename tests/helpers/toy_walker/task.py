"""ToyWalker-v0: a 12-joint walker that follows a commanded velocity over terrain; the task and its environments."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
from envs.toy_walker.config import JOINTS, PARAMETERS, ToyWalkerConfig
from gymnasium.spaces import Box

from envs.locomotion import rewards
from envs.locomotion.ground import Scene
from envs.locomotion.walker import WalkerTask
from envs.locomotion.walker_env import WalkerEnv, WalkerFace, WalkerVectorEnv
from utils.observation import ObservationTable, Row

HERE = Path(__file__).parent
FEET = [[x, y, 0.0] for x in (-0.2, 0.2) for y in (-0.12, 0.12)]


class ToyWalkerTask(WalkerTask):
    """n toy walkers. Action (n, 12) in [-1, 1]: changes of the servos' targets from home, in units of `action_scale`."""

    config_class = ToyWalkerConfig
    scene, underside = Scene(HERE / "flat.xml", HERE / "terrain.xml"), np.array(FEET)
    joints, parameters = JOINTS, PARAMETERS
    action_space = Box(-1.0, 1.0, (12,), np.float32)
    observation = ObservationTable(
        Row("body_quat", 4, -1.0, 1.0, "1", "torso seen from the commanded heading"),
        Row("body_linvel", 3, -5.0, 5.0, "m/s", "velocity of the torso, in its frame"),
        Row("body_angvel", 3, -20.0, 20.0, "rad/s", "angular velocity of the torso, in its frame"),
        Row("projected_gravity", 3, -1.0, 1.0, "1", "direction of gravity in the torso's frame"),
        Row("joint_pos", 12, -np.pi, np.pi, "rad", "servo angles"),
        Row("joint_vel", 12, -50.0, 50.0, "rad/s", "servo velocities"),
        Row("previous_action", 12, -1.0, 1.0, "1", "the last action"),
        Row("command", 3, -2.0, 2.0, "m/s, rad/s", "commanded vx, vy, yaw rate"),
    )

    def __init__(self, config: ToyWalkerConfig = ToyWalkerConfig(), num_envs: int = 1, num_threads: int = 1):
        super().__init__(config, num_envs, num_threads)
        self._weights = asdict(config.weights)

    def controls(self, action):
        return self._home_ctrl + self.config.action_scale * action

    def reward_terms(self):
        command = self.command.value
        measured = {
            "forward_velocity": rewards.forward_velocity(self.forward_speed, command[:, 0], 0.25),
            "lateral_stability": rewards.lateral_stability(self.lateral_speed, command[:, 1]),
            "orientation": rewards.orientation(self.roll, self.pitch),
            "smoothness": rewards.smoothness(self.action, self.previous_action),
            "fall": rewards.fall(self.fallen),
        }
        return {name: weight * measured[name] for name, weight in self._weights.items()}


class _Face(WalkerFace):
    task_class, default_episode_steps = ToyWalkerTask, 500


class ToyWalkerEnv(_Face, WalkerEnv):
    """One toy walker."""


class ToyWalkerVectorEnv(_Face, WalkerVectorEnv):
    """`num_envs` toy walkers."""
