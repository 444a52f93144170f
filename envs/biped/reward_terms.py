"""The weighted reward terms of a biped, computed from the task's measurements."""

from dataclasses import asdict

import numpy as np

from envs.biped import rewards
from envs.biped.scene import SIDES, VELOCITY_LIMITS
from envs.joints import soft_range
from envs.locomotion.rewards import fall, heading
from utils.kernels import total

SOFT_ANGLE, SOFT_LIMIT = 0.98, 0.9  # shares of ranges, and of limits of velocity and torque, without cost
TRUNK_HEIGHT = 0.61  # m, above the sole of the stance foot
FOOT_WIDEST, KNEE_WIDEST = 1.0, 0.5  # m
HEADING_WIDTH = 0.2  # rad
ACTION_UNIT = 0.5  # rad; change of a servo's target for an action of 1 in the source, whose actions have no limit


class BipedRewards:
    """The part of `BipedTask` that computes its reward."""

    def reward_terms(self):
        measured = self._following() | self._stepping() | self._posture() | self._effort()
        weighted = self._weight_column * [measured[name] for name in self._weights]
        terms = dict(zip(self._weights, weighted))
        return terms | {"clip": np.maximum(-total(terms.values()), 0.0)} if self.config.clip_reward else terms

    def _prepare_rewards(self):
        """Resolves weights, limits and sensors; called once."""
        model, weights = self.sim.model, asdict(self.config.weights)
        per_step = {name: weight * self.control_dt for name, weight in weights.items()} | {"fall": weights["fall"]}
        self._weights, self._weight_column = tuple(per_step), np.array([*per_step.values()])[:, None]
        self._action_unit = self.config.action_scale / ACTION_UNIT
        self._soft_range = soft_range(self.joint_range, SOFT_ANGLE)
        self._soft_torque = SOFT_LIMIT * model.actuator_forcerange[:, 1]
        self._knees = self.sensor_reader.slice([f"{side}_knee_pos" for side in SIDES])

    def _following(self):
        """Returns the terms of tracking the command."""
        command, velocity = self.command.value, self.trunk_velocity
        linear, angular = command[:, :2] - velocity[:, :2], command[:, 2:] - velocity[:, 5:]
        return {
            "linear_velocity": rewards.velocity_tracking(linear, self.stands),
            "yaw_rate": rewards.velocity_tracking(angular, self.stands),
            "strict_tracking": rewards.strict_tracking(linear, angular),
            "other_velocity": rewards.other_velocity(velocity[:, 2], velocity[:, 3:5]),
            "speed_range": rewards.speed_range(velocity[:, 0], command[:, 0]),
            "mean_velocity": rewards.mean_velocity(command[:, :2] - self.mean_velocity),
            "heading": heading(self.heading_error, HEADING_WIDTH),
        }

    def _stepping(self):
        """Returns the terms of the feet."""
        feet, stance = self.feet, self.clock.stance
        level = feet.sole[:, :, 2] - np.expand_dims(self.ground.height_below(self.body_position), -1)
        return {
            "contact_schedule": rewards.contact_schedule(feet.contact, stance),
            "air_time": rewards.air_time(feet.seconds, feet.landed),
            "clearance": rewards.clearance(level, stance),
            "slip": rewards.slip(feet.speed, feet.contact),
            "impact": rewards.impact(feet.force),
            "flat_feet": rewards.flat_feet(feet.roll, feet.pitch),
            "foot_spacing": rewards.spacing(feet.sole[:, 0, :2], feet.sole[:, 1, :2], FOOT_WIDEST),
        }

    def _posture(self):
        """Returns the terms of joints and trunk."""
        stance, knees = self.clock.stance, self._sensordata[:, self._knees]
        support = (self.feet.sole[:, :, 2] * stance).sum(axis=1) / stance.sum(axis=1)
        return {
            "reference_pose": rewards.reference_pose(self.joint_pos - self.reference, self.stands),
            "still_pose": rewards.still_pose(self.joint_offset, self.stands),
            "straight_legs": rewards.straight_legs(self.joint_offset),
            "knee_spacing": rewards.spacing(knees[:, :2], knees[:, 3:5], KNEE_WIDEST),
            "upright": rewards.upright(self.roll, self.pitch, self.rotation[:, 2, :2]),
            "height": rewards.height(self.body_position[:, 2] - support, TRUNK_HEIGHT),
            "steady_trunk": rewards.steady_trunk(self.trunk_velocity - self._trunk_before),
            "collision": rewards.collision(self.trunk_force),
            "fall": fall(self.fallen),
        }

    def _effort(self):
        """Returns the terms of actions, torques, velocities and limits."""
        torque, velocity = self._servo_force, self.joint_vel
        middle, allowed = self._soft_range
        actions = (self._action_unit * action for action in (self.action, self.previous_action, self.older_action))
        return {
            "action_smoothness": rewards.action_smoothness(*actions),
            "torques": rewards.squares(torque),
            "joint_velocities": rewards.squares(velocity),
            "joint_accelerations": rewards.squares((velocity - self._velocity_before) / self.control_dt),
            "angle_limits": rewards.beyond(self.joint_pos - middle, allowed),
            "velocity_limits": rewards.beyond(velocity, SOFT_LIMIT * VELOCITY_LIMITS),
            "torque_limits": rewards.beyond(torque, self._soft_torque),
        }
