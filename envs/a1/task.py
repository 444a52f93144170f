"""The task of A1-v0: robots with twelve servos run ahead, get up, or stand."""

from dataclasses import asdict

import numpy as np
from gymnasium.spaces import Box

from envs.a1 import rewards
from envs.a1.config import OFFSET, WIDEST, A1Config
from envs.a1.observation import OBSERVATION, PRIVILEGED, SERVOS, WITH_COMMAND
from envs.a1.scene import FOOT_FORCES, JOINTS, SCENE, STANDING_HEIGHT, UNDERSIDE
from envs.a1.variation import PARAMETERS
from envs.joints import limits
from envs.locomotion.filters import LowPass
from envs.locomotion.privileged import privileged_blocks
from envs.locomotion.rewards import fall, heading, smoothness
from envs.locomotion.walker import WalkerTask

HEADING_WIDTH = 0.2  # rad
# Limits of a robot that stands: vertical component of the up-vector, height (m), speed (m/s), angular speed (rad/s).
STANDS = {"up": 0.9, "height": 0.25, "speed": 0.3, "angular_speed": 1.0}


class A1Task(WalkerTask):
    """n robots. Action (n, 12) in [-1, 1]: targets of the servos, from the lowest to the highest allowed angle.

    Attributes:
        targets: (n, 12) targets of the servos, rad, after the low-pass filter and before any delay.
        stands: (n,) bool, robots that stand still and upright, as STANDS says.
    """

    config_class = A1Config
    observation, privileged, action_mirror = OBSERVATION, PRIVILEGED, SERVOS
    action_space = Box(-1.0, 1.0, (12,), np.float32)
    scene, underside, joints, parameters = SCENE, UNDERSIDE, JOINTS, PARAMETERS

    def __init__(self, config: A1Config = A1Config(), num_envs: int = 1, num_threads: int = 1):
        self.observation = WITH_COMMAND if config.observe_command else OBSERVATION
        self._rows = tuple(self.observation.slices)  # without privileged rows
        super().__init__(config, num_envs, num_threads)
        self.targets = np.tile(self._home_ctrl, (num_envs, 1))
        offset = config.offset or (WIDEST if config.starts_fallen else OFFSET)
        low, high = limits(self.joint_range)
        low = np.maximum(self._home_ctrl - np.tile(offset, 4), low)
        high = np.minimum(self._home_ctrl + np.tile(offset, 4), high)
        self._middle, self._half_range = (low + high) / 2, (high - low) / 2
        self._filter = LowPass(num_envs, 12, config.low_pass, self.control_dt) if config.low_pass else None
        self._geom_positions = self.sim.bind("geom_xpos")
        self._forces = self.sensor_reader.slice(FOOT_FORCES)
        self._weights = asdict(config.weights if config.runs else config.stand_weights)

    def start_robots(self, ids, draws):
        self.targets[ids] = self._home_ctrl
        if self._filter:
            self._filter.reset(ids, self._home_ctrl)

    def vary_start(self, qpos, generators):
        if self.config.starts_fallen:
            middle, half = self.joint_range
            draws = np.array([generator.random(2 + len(JOINTS)) for generator in generators])
            tilt, side = np.arccos(-1.0 + 1.5 * draws[:, 0]), 2 * np.pi * draws[:, 1]  # at least 60 degrees
            axis = np.sin(tilt / 2) * [np.cos(side), np.sin(side), np.zeros(len(side))]
            qpos[:, 3:7] = np.stack([np.cos(tilt / 2), *axis], axis=1)
            qpos[:, 7:] = middle + half * (2 * draws[:, 2:] - 1)

    def reset(self, ids, generators, options):
        super().reset(ids, generators, options)
        if self.config.starts_fallen:  # no part of the robot may start in the ground
            lowest = (self._geom_positions[ids, 1:, 2] - self.sim.model.geom_rbound[1:]).min(axis=1)
            self.sim.qpos[ids, 2] -= lowest
            self.sim.forward(ids)

    def controls(self, action):
        targets = self._middle + self._half_range * action
        self.targets = self._filter.step(targets) if self._filter else targets
        return self.targets

    def sense(self):
        super().sense()
        self._velocity = self._sensordata[:, self._velocimeter]
        speed, turning = (np.sqrt(np.vecdot(vectors, vectors)) for vectors in (self._velocity, self.angvel))
        still = (speed < STANDS["speed"]) & (turning < STANDS["angular_speed"])
        self.stands = still & (self.rotation[:, 2, 2] > STANDS["up"]) & (self.height > STANDS["height"])

    def observe(self):
        blocks = super().observe() | {"previous_action": self.targets}
        return {name: blocks[name] for name in self._rows}

    def observe_privileged(self):
        return privileged_blocks(self, self._sensordata[:, self._forces])

    def reward_terms(self):
        measured = self._run_terms() if self.config.runs else self._stand_terms()
        return {name: weight * measured[name] for name, weight in self._weights.items()}

    def _run_terms(self):
        command = self.command.value
        return {
            "forward_velocity": rewards.forward_velocity(np.cos(self.pitch) * self._velocity[:, 0], command[:, 0]),
            "yaw_rate": rewards.yaw_rate(self.angvel[:, 2], command[:, 2]),
            "heading": heading(self.heading_error, HEADING_WIDTH),
            "smoothness": smoothness(self.action, self.previous_action),
            "fall": fall(self.fallen),
        }

    def _stand_terms(self):
        up = self.rotation[:, 2, 2]
        return {
            "upright": rewards.upright(up),
            "height": rewards.height(self.height, up, STANDING_HEIGHT),
            "pose": rewards.pose(self.joint_pos, self._home_ctrl, up),
            "smoothness": smoothness(self.action, self.previous_action),
        }

    def measurements(self):
        """Adds, in the tasks reset and stand, `is_success`: True while the robot stands."""
        return super().measurements() | ({} if self.config.runs else {"is_success": self.stands.copy()})

    def describe(self):
        """Adds the order of the servos, and their targets for actions of -1 and 1, rad."""
        low, high = limits((self._middle, self._half_range))
        return super().describe() | {"action": list(JOINTS), "target_low_rad": low.tolist(), "target_high_rad": high.tolist()}
