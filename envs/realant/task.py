"""The task of RealAnt-v0: four-legged robots with eight servos walk to targets."""

from dataclasses import asdict

import numpy as np
from gymnasium.spaces import Box

from envs.joints import limits
from envs.locomotion.commands import TargetCommand
from envs.locomotion.joint_failures import JointFailures, failure_factors
from envs.locomotion.legged import LeggedTask
from envs.locomotion.privileged import privileged_blocks
from envs.locomotion.rewards import fall
from envs.locomotion.streams import spawned
from envs.realant import rewards
from envs.realant.config import LEGACY, RealAntConfig
from envs.realant.observation import OBSERVATION, PRIVILEGED, SERVOS
from envs.realant.scene import FOOT_FORCES, FOOT_LINK, JOINTS, SCENE, UNDERSIDE
from envs.realant.variation import PARAMETERS
from utils.observation import Row

_ACTUATORS = dict(zip(JOINTS, JOINTS))  # by joint


class RealAntTask(LeggedTask):
    """n robots, each with a target on the ground; a robot that reaches its target gets the next one.

    Action (n, 8) in [-1, 1]: targets of the servos over the joints' ranges, in the order JOINTS. An episode terminates with
    a fall: the torso is lower than `min_height` or its up-vector's vertical component is below `min_up`.

    Attributes:
        joint_failures: the failing joints.
        distance: (n,) distance to the target, m; in the step that reaches a target, to this target.
    """

    config_class = RealAntConfig
    observation, privileged, action_mirror = OBSERVATION, PRIVILEGED, SERVOS
    action_space = Box(-1.0, 1.0, (8,), np.float32)
    scene, underside, joints, parameters = SCENE, UNDERSIDE, JOINTS, PARAMETERS
    other_factors = failure_factors(_ACTUATORS)
    command_rows = tuple(Row(name, 1, -5.0, 5.0, "m") for name in ("target_ahead", "target_left"))

    def __init__(self, config: RealAntConfig = RealAntConfig(), num_envs: int = 1, num_threads: int = 1):
        super().__init__(config, num_envs, num_threads)
        self.joint_failures = JointFailures(self.variation, _ACTUATORS, config.variation.joint_failures)
        self.distance, self._before, self._progress = np.zeros((3, num_envs))
        self._reached = np.zeros(num_envs, bool)
        self._unmeasured = False  # whether a step has been taken since the last measurement
        self._forces = self.sensor_reader.slice(FOOT_FORCES)
        terms = LEGACY if config.legacy_reward else {name: getattr(config, name) for name in LEGACY}
        self._speed_threshold, self._height_window = terms["speed_threshold"], terms["height_window"]
        self._weights = asdict(config.weights)

    def make_command(self):
        c = self.config
        return TargetCommand(self.num_envs, c.target_distance, c.target_direction, c.target_radius)

    def start_command(self, ids, position, yaw, draws, generators):
        self.command.reset(ids, position, yaw, generators)
        offset = self.command.position[ids] - position
        self.distance[ids] = self._before[ids] = np.sqrt(np.vecdot(offset, offset))

    def follow(self, command, ids):
        """Replaces targets by one that lies `command` (2,), m, ahead and to the left of each robot now."""
        position = self.body_position[:, :2]
        self.command.place(ids, command, position, self._yaw)
        self.distance[ids] = self._before[ids] = self.command.distance(position)[ids]

    def randomise(self, ids, generators):
        super().randomise(ids, generators)
        self.joint_failures.reset(ids, spawned(generators))

    def set_variation_scale(self, scale):
        """Also sets the share of the episodes of the config's joint failures in which joints fail."""
        super().set_variation_scale(scale)
        self.joint_failures.share = scale * self.config.variation.joint_failures.share

    def vary_start(self, qpos, generators):
        draws = np.array([generator.random(len(JOINTS)) for generator in generators])
        low = FOOT_LINK * np.sin(qpos[:, 8::2])
        qpos[:, 7:] += self.config.start_spread * (2 * draws - 1)
        qpos[:, 2] += (FOOT_LINK * np.sin(qpos[:, 8::2]) - low).max(axis=1)  # the lowest foot keeps its height

    def act(self, action):
        self._unmeasured = True
        super().act(action)
        self.joint_failures.step()

    def controls(self, action):
        middle, half_range = self.joint_range
        return middle + half_range * action

    def tipped(self):
        return self.rotation[:, 2, 2] < self.config.min_up

    def sense(self):
        self._yaw = self.sense_body()
        if self._unmeasured:
            self._measure()
            self._unmeasured = False

    def _measure(self):
        """Measures the effect of a control step; robots that have reached their target get the next one."""
        position = self.body_position[:, :2]
        self.distance = self.command.distance(position)
        self._progress = rewards.progress(self._before, self.distance)
        self._reached = self.command.advance(position, self._yaw, ~(self.fallen | self.failed))
        # The flaw of the legacy reward: after a success, the next distance is compared with that to the old target.
        self._before = self.distance if self.config.legacy_reward else self.command.distance(position)

    def observe(self):
        data, position = self._sensordata, self.body_position
        quat = data[:, self._quat]
        target = self.command.in_body(position[:, :2], self._yaw)
        return {
            "body_pos": position,
            "body_quat": quat * np.copysign(1.0, quat[:, :1]),
            "body_linvel": data[:, self._velocimeter],
            "body_angvel": self.angvel,
            "joint_pos": self.joint_pos,
            "joint_vel": self.joint_vel,
            "target": target,
            "target_distance": np.sqrt(np.vecdot(target, target))[:, None],
        }

    def observe_privileged(self):
        failures = {"joint_strength": self.joint_failures.strength, "joint_locked": self.joint_failures.locked}
        return privileged_blocks(self, self._sensordata[:, self._forces]) | failures

    def reward_terms(self):
        measured = {
            "progress": self._progress,
            "speed_bonus": rewards.speed_bonus(self._progress / self.control_dt, self._speed_threshold),
            "distance": self.distance,
            "height": rewards.height(self.height, self._height_window),
            "success": rewards.success(self._reached),
            "control": rewards.control(self.action),
            "fall": fall(self.fallen),
        }
        return {name: weight * measured[name] for name, weight in self._weights.items()}

    def measurements(self):
        """Adds the distance to the target, m, the targets reached in this episode, and the number of failing joints.

        `is_success` is True from the step on in which the episode's first target is reached.
        """
        return super().measurements() | {
            "target_distance": self.distance.copy(),
            "successes": self.command.reached.copy(),
            "is_success": self.command.reached > 0,
            "failing_joints": self.joint_failures.active.sum(axis=1),
        }

    def describe(self):
        """Adds the order of the servos, and their targets for actions of -1 and 1, rad."""
        low, high = limits(self.joint_range)
        return super().describe() | {
            "action": list(JOINTS),
            "target_low_rad": low.tolist(),
            "target_high_rad": high.tolist(),
        }
