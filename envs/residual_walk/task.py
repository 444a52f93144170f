"""The task of ResidualWalk-v0: trotting quadrupeds whose policy adds a small residual to every foot's target."""

from dataclasses import asdict

import numpy as np
from gymnasium.spaces import Box

from controllers.bezier_gait import DiagonalGaitController, hold_heading
from controllers.bezier_gait_residual import BezierGaitResidualController
from controllers.leg_kinematics import LEG_SIDES, solve_leg_ik_3dof
from controllers.leg_names import JOINTS, LEG_NAMES
from envs.joints import soft_range
from envs.locomotion import rewards
from envs.locomotion.privileged import privileged_blocks, privileged_table
from envs.locomotion.walker import WalkerTask
from envs.residual_walk.config import ResidualWalkConfig
from envs.residual_walk.observation import FEET, HISTORY, RESIDUALS, walk_observation
from envs.residual_walk.scene import SCENE, UNDERSIDE
from envs.residual_walk.variation import PARAMETERS

CONTACT_FORCE = 1.0  # N; a foot with a larger force is in contact; a quarter of the robot's weight is 1.2 N
SOFT_LIMIT = 0.96  # fraction of a joint's range, around its middle, without cost


class ResidualWalkTask(WalkerTask):
    """n quadrupeds that follow a commanded velocity over terrain.

    Action (n, 12) in [-1, 1]: residuals FL_x FL_y FL_z FR_x ... RR_z in the leg frames, in units of `residual_scale`.

    Attributes:
        commanded: (n, 12) commanded servo angles, rad, before any delay.
        foot_forces: (n, 4) normal force on each foot, N, order LEG_NAMES.
        contact: (n, 4) bool, True for feet on the ground, order LEG_NAMES.
    """

    config_class = ResidualWalkConfig
    observation, action_mirror = walk_observation(RESIDUALS), RESIDUALS
    privileged = privileged_table(PARAMETERS, FEET)
    action_space = Box(-1.0, 1.0, (12,), np.float32)
    scene, underside, joints, parameters = SCENE, UNDERSIDE, JOINTS, PARAMETERS
    gait = DiagonalGaitController

    def __init__(self, config: ResidualWalkConfig = ResidualWalkConfig(), num_envs: int = 1, num_threads: int = 1):
        super().__init__(config, num_envs, num_threads)
        self.controller = BezierGaitResidualController(config.gait, num_envs, config.residual_scale, self.gait)
        self.commanded = np.zeros((num_envs, 12))
        self._tracking_errors = np.zeros((num_envs, 12 * HISTORY))  # rad, last steps, oldest first
        self._velocity_width = np.full(num_envs, config.velocity_width)
        self._forces = self.sensor_reader.slice([f"{leg}_foot_force" for leg in LEG_NAMES])
        self._soft_range = soft_range(self.joint_range, SOFT_LIMIT)
        self._weights = asdict(config.weights)
        self._weight_column = np.array([*self._weights.values()])[:, None]

    def start_robots(self, ids, draws):
        self.controller.reset(ids, draws)
        self.commanded[ids], self._tracking_errors[ids] = self._home_ctrl, 0.0

    def follow_command(self, ids):
        command, c = self.command.value, self.config
        self.controller.base_controller.set_command(command[ids], ids)
        self._velocity_width = c.velocity_width + c.relative_velocity_width * np.hypot(command[:, 0], command[:, 1])

    def controls(self, action):
        self._tracking_errors[:, :-12] = self._tracking_errors[:, 12:]
        self.controller.base_controller.yaw_rate = hold_heading(
            self.command.value[:, 2], self.heading_error, self.angvel[:, 2], self.config.gait
        )
        residuals = (self.controller.residual_scale * action[:, :12]).reshape(-1, 4, 3)
        targets = self.controller.update_with_residuals(self.control_dt, residuals)
        self.commanded = solve_leg_ik_3dof(targets, LEG_SIDES).reshape(-1, 12)
        return self.commanded

    def sense(self):
        super().sense()
        np.subtract(self.commanded, self.joint_pos, out=self._tracking_errors[:, -12:])
        self.foot_forces = self._sensordata[:, self._forces]
        self.contact = self.foot_forces > CONTACT_FORCE

    def observe(self):
        gait = self.controller.base_controller
        phase = 2 * np.pi * gait.phase
        return super().observe() | {
            "gait_phase": np.array([np.sin(phase), np.cos(phase)]).T,
            "swing_flags": gait.swing,
            "foot_contact": self.contact,
            "tracking_error": self._tracking_errors,
        }

    def observe_privileged(self):
        return privileged_blocks(self, self.foot_forces)

    def reward_terms(self):
        c, command = self.config, self.command.value
        measured = {
            "forward_velocity": rewards.forward_velocity(self.forward_speed, command[:, 0], self._velocity_width),
            "lateral_stability": rewards.lateral_stability(self.lateral_speed, command[:, 1]),
            "height": rewards.height(self.height, c.gait.body_height),
            "orientation": rewards.orientation(self.roll, self.pitch),
            "energy": rewards.energy(self.action),
            "smoothness": rewards.smoothness(self.action, self.previous_action),
            "contact_pattern": rewards.contact_pattern(self.controller.base_controller.swing, self.contact),
            "joint_limits": rewards.joint_limits(self.joint_pos, *self._soft_range),
            "heading": rewards.heading(self.heading_error, c.heading_width),
            "fall": rewards.fall(self.fallen),
        }
        return dict(zip(self._weights, self._weight_column * [measured[name] for name in self._weights]))

    def measurements(self):
        """Adds `residual_rms`, the RMS of the current residuals, m."""
        residual = self.action[:, :12]
        rms = self.controller.residual_scale * np.sqrt(np.vecdot(residual, residual) / 12)
        return super().measurements() | {"residual_rms": rms}

    def describe(self):
        """Adds the names and the scale of the residuals, the order of the servos, and the gait's parameters."""
        action = [f"{leg}_{axis}" for leg in LEG_NAMES for axis in "xyz"]
        return super().describe() | {
            "action": action,
            "action_scale_m": self.controller.residual_scale,
            "joint_order": list(JOINTS),
            "gait": asdict(self.config.gait),
        }
