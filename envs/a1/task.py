"""The task of A1-v0: robots with twelve servos run ahead, get up, or stand."""

from dataclasses import asdict

import numpy as np
from gymnasium.spaces import Box

from envs.a1.config import A1Config
from envs.a1.observation import OBSERVATION, PRIVILEGED, SERVOS, WITH_COMMAND
from envs.a1.scene import FOOT_FORCES, JOINTS, SCENE, UNDERSIDE
from envs.a1.variation import PARAMETERS
from envs.joints import limits
from envs.locomotion.filters import LowPass
from envs.locomotion.postures import draw_fallen, lay_down, spread_joints, stand_terms, stands
from envs.locomotion.privileged import privileged_blocks
from envs.locomotion.running import run_terms
from envs.locomotion.walker import WalkerTask


class A1Task(WalkerTask):
    """n robots. Action (n, 12) in [-1, 1]: targets of the servos, from the lowest to the highest allowed angle.

    Attributes:
        targets: (n, 12) targets of the servos, rad, after the low-pass filter and before any delay.
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
        offset, (low, high) = np.tile(config.reach, 4), limits(self.joint_range)
        low, high = np.maximum(self._home_ctrl - offset, low), np.minimum(self._home_ctrl + offset, high)
        self._middle, self._half_range = (low + high) / 2, (high - low) / 2
        self._filter = LowPass(num_envs, 12, config.low_pass, self.control_dt) if config.low_pass else None
        self._geom_positions, self._forces = self.sim.bind("geom_xpos"), self.sensor_reader.slice(FOOT_FORCES)
        self._weights = asdict(config.weights if config.runs else config.stand_weights)

    def start_robots(self, ids, draws):
        self.targets[ids] = self._home_ctrl
        if self._filter:
            self._filter.reset(ids, self._home_ctrl)

    def vary_start(self, qpos, generators):
        if self.config.starts_fallen:
            draw_fallen(qpos, self.joint_range, generators)
        elif width := self.config.start_spread:  # feet are up to 0.22 m beside the axes that turn them
            spread_joints(qpos, width, 0.22 * width, generators)

    def reset(self, ids, generators, options):
        super().reset(ids, generators, options)
        if self.config.starts_fallen:
            lay_down(self, ids, self._geom_positions)

    def controls(self, action):
        targets = self._middle + self._half_range * action
        self.targets = self._filter.step(targets) if self._filter else targets
        return self.targets

    def sense(self):
        super().sense()
        self._velocity = self._sensordata[:, self._velocimeter]

    def observe(self):
        blocks = super().observe() | {"previous_action": self.targets}
        return {name: blocks[name] for name in self._rows}

    def observe_privileged(self):
        return privileged_blocks(self, self._sensordata[:, self._forces])

    def reward_terms(self):
        runs = self.config.runs
        measured = run_terms(self, self._velocity[:, 0]) if runs else stand_terms(self, self._home_qpos)
        return {name: weight * measured[name] for name, weight in self._weights.items()}

    def measurements(self):
        """Adds, in the tasks reset and stand, `is_success`: True while the robot stands."""
        measured = super().measurements()
        return measured if self.config.runs else measured | {"is_success": stands(self, self._home_qpos, self._velocity)}

    def describe(self):
        """Adds the order of the servos, and their targets for actions of -1 and 1, rad."""
        low, high = limits((self._middle, self._half_range))
        return super().describe() | {
            "action": list(JOINTS),
            "target_low_rad": low.tolist(),
            "target_high_rad": high.tolist(),
        }
