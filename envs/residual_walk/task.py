"""The task behind ResidualWalk-v0: trotting quadrupeds whose policy adds a small residual to every foot's target."""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
from gymnasium.spaces import Box

from controllers.bezier_gait import DiagonalGaitController, hold_heading
from controllers.bezier_gait_residual import BezierGaitResidualController
from controllers.leg_kinematics import LEG_SIDES, solve_leg_ik_3dof
from controllers.leg_names import JOINTS, LEG_NAMES
from envs.locomotion import rewards
from envs.locomotion.ground import WalkWorld
from envs.locomotion.terrain import check_level
from envs.residual_walk.config import FASTEST, ResidualWalkConfig
from envs.residual_walk.observation import HISTORY, walk_observation
from envs.residual_walk.variation import PERTURBABLE, PERTURBATIONS, WalkVariation
from envs.task import Task
from utils.fields import number_within
from utils.rotations import euler_from_matrix, quat_from_euler, wrap_angle
from utils.sensor_utils import SensorReader

CONTACT_FORCE = 1.0  # N from which a foot counts as on the ground; a quarter of the robot weighs 1.2 N
START_SPREAD = np.array([0.05, 0.05, 0.1, 0.1, np.pi])  # of a randomized start: x, y (m), roll, pitch, yaw (rad)
SOFT_LIMIT = 0.96  # share of a joint's range, around its middle, that costs nothing


class ResidualWalkTask(Task):
    """n quadrupeds that follow a commanded velocity over terrain.

    Action (n, 12) in [-1, 1]: residuals FL_x FL_y FL_z FR_x ... RR_z in the leg frames, in units of `residual_scale`.
    Ends: torso below `min_height` over the ground below, or |roll| or |pitch| above `max_tilt`. Cut: off the tile.
    """

    config_class = ResidualWalkConfig
    observation = walk_observation(12)
    action_space = Box(-1.0, 1.0, (12,), np.float32)
    gait = DiagonalGaitController
    reset_options = ("randomize",)
    perturbable, perturbations, default_perturbation = PERTURBABLE, PERTURBATIONS, "mass"
    transient = (*Task.transient, "sensor_reader")

    def __init__(self, config: ResidualWalkConfig = ResidualWalkConfig(), num_envs: int = 1, num_threads: int = 1):
        self.config = config
        self.world = WalkWorld(config.terrain, num_envs)
        super().__init__(self.world.model, num_envs, config.control_dt, num_threads)
        self.variation = WalkVariation(config.variation, self.sim, config.control_dt, self.factors)
        self.set_terrain_scale(config.terrain_scale)
        self.fixed_command: np.ndarray | None = None  # (3,): used instead of draws from the config's ranges
        self.controller = BezierGaitResidualController(config.gait, num_envs, config.residual_scale, self.gait)
        self._bind()
        self._allocate()

    def set_terrain_scale(self, scale: float | Mapping[str, float]) -> None:
        """Makes `scale`, in [0, 1], the highest terrain level that following resets draw; a mapping gives it kind by kind.

        Raises:
            ValueError: a scale lies outside [0, 1], or a mapping's kinds are not the config's.
        """
        kinds = self.config.terrain.kinds
        by_kind = scale if isinstance(scale, Mapping) else dict.fromkeys(kinds, scale)
        if by_kind.keys() != set(kinds):
            raise ValueError(
                f"a terrain scale needs the kinds {', '.join(kinds)}, got {', '.join(map(str, by_kind)) or 'none'}"
            )
        self._highest = np.array([check_level(by_kind[kind]) for kind in kinds])
        self.terrain_scale = scale

    def reset(self, ids, generators, options):
        draws = np.array([generator.random(10) for generator in generators])  # as many whatever is done with them
        self.controller.reset(ids, draws[:, 0])
        drawn = self._ranges[0] + draws[:, 1:4] * (self._ranges[1] - self._ranges[0])
        self._set_command(drawn if self.fixed_command is None else np.tile(self.fixed_command, (len(ids), 1)), ids)
        self.variation.reset(ids, generators)  # before robots are placed: that computes what follows from their model
        self._place(ids, draws[:, 4:], options.get("randomize", False))
        self._weight[ids] = self._weigh(ids)
        self._action[ids] = self._previous_action[ids] = 0.0
        self._tracking_errors[ids] = 0.0

    def act(self, action):
        self._tracking_errors[:, :-12] = self._tracking_errors[:, 12:]
        self._previous_action, self._action = self._action, action
        if self._turning:
            self._face(self._heading + self._command[:, 2] * self.control_dt)
        self.controller.base_controller.yaw_rate = hold_heading(
            self._command[:, 2], self._heading_error, self._angvel[:, 2], self.config.gait
        )
        residuals = (self.controller.residual_scale * action[:, :12]).reshape(-1, 4, 3)
        targets = self.controller.update_with_residuals(self.control_dt, residuals)
        self._commanded = solve_leg_ik_3dof(targets, LEG_SIDES).reshape(-1, 12)
        self._ctrl[:] = self.variation.delayed(self._commanded)
        self.variation.push()

    def sense(self):
        data = self._sensordata
        # Entry by entry in one piece: numpy rounds arctan2 of strided arrays otherwise, and n = 1 would differ from n = 64.
        self._rotation = np.ascontiguousarray(self._imu_matrix.T).reshape(3, 3, -1).transpose(2, 0, 1)
        self._roll, self._pitch, yaw = euler_from_matrix(self._rotation)
        self._heading_error = wrap_angle(yaw - self._heading)
        velocity = data[:, self._planar_velocity]
        self._forward_speed = np.vecdot(velocity, self._ahead)
        self._lateral_speed = np.vecdot(velocity, self._left)
        self._angvel, self._joint_pos = data[:, self._gyro], data[:, self._joints]
        np.subtract(self._commanded, self._joint_pos, out=self._tracking_errors[:, -12:])
        self._contact = data[:, self._forces] > CONTACT_FORCE
        self._height = data[:, 2] - self.world.ground_below(data)
        self._off_tile = self.world.off_tile(data)

    def observe(self):
        data, phase = self._sensordata, 2 * np.pi * self.controller.base_controller.phase
        return {
            "body_quat": self._heading_quat(),
            "body_linvel": data[:, self._velocimeter],
            "body_angvel": self._angvel,
            "projected_gravity": -self._rotation[:, 2],
            "joint_pos": self._joint_pos,
            "joint_vel": data[:, self._joint_vels],
            "gait_phase": np.stack([np.sin(phase), np.cos(phase)], axis=1),
            "swing_flags": self.controller.base_controller.swing,
            "previous_action": self._action,
            "command": self._command,
            "foot_contact": self._contact,
            "tracking_error": self._tracking_errors,
        }

    def reward_terms(self):
        c = self.config
        measured = {
            "forward_velocity": rewards.forward_velocity(self._forward_speed, self._command[:, 0], self._velocity_width),
            "lateral_stability": rewards.lateral_stability(self._lateral_speed, self._command[:, 1]),
            "height": rewards.height(self._height, c.gait.body_height),
            "orientation": rewards.orientation(self._roll, self._pitch),
            "energy": rewards.energy(self._action),
            "smoothness": rewards.smoothness(self._action, self._previous_action),
            "contact_pattern": rewards.contact_pattern(self.controller.base_controller.swing, self._contact),
            "joint_limits": rewards.joint_limits(self._joint_pos, *self._soft_limits),
            "heading": rewards.heading(self._heading_error, c.heading_width),
            "fall": rewards.fall(self.terminated()),
        }
        in_order = np.concatenate([measured[name] for name in self._weights]).reshape(len(measured), -1)
        return dict(zip(self._weights, in_order * self._weight_column))

    def terminated(self):
        tilt = np.maximum(np.abs(self._roll), np.abs(self._pitch))
        return (self._height < self.config.min_height) | (tilt > self.config.max_tilt)

    def truncated(self):
        return self._off_tile.copy()

    def measurements(self):
        """Returns, (n,) each, in m, m/s, rad, N and W: among others the way from the start, along its heading (`distance`),
        to the left of it (`sideways`) and as the crow flies (`straight_distance`); the servos' positive mechanical power
        (`power`) in the last physics step; the RMS over the residuals that were added (`residual_rms`); and whether any
        servo is past its hard range (`past_limits`)."""
        way = self._sensordata[:, :2] - self._start
        # What a servo gives at its shaft: the damping in its joint is the motor's own loss of torque with speed.
        torque = self._servo_force + self._passive_force.take(self._servo_dofs, axis=1)  # faster than []
        power = np.maximum(torque * self._sensordata[:, self._joint_vels], 0.0)
        (middle, half_range), residual = self._hard_limits, self._action[:, :12]
        return {
            "body_height": self._height,
            "forward_velocity": self._forward_speed,
            "commanded_velocity": self._command[:, 0].copy(),
            "roll": self._roll,
            "pitch": self._pitch,
            "heading_error": self._heading_error,
            "distance": np.vecdot(way, self._start_ahead),
            "sideways": np.vecdot(way, self._start_left),
            "straight_distance": np.sqrt(np.vecdot(way, way)),
            "power": power.sum(axis=1),
            "weight": self._weight.copy(),
            "residual_rms": self.controller.residual_scale * np.sqrt(np.vecdot(residual, residual) / 12),
            "past_limits": (np.abs(self._joint_pos - middle) > half_range).any(axis=1),
            "off_tile": self._off_tile,
            "terrain_level": self.world.level.copy(),
            "terrain_kind": self.world.kind.copy(),
            "physics_failed": self.failed.copy(),
        }

    def describe(self):
        """Adds the residuals' names and scale, the servos' order, and the gait that they are added to."""
        action = [f"{leg}_{axis}" for leg in LEG_NAMES for axis in "xyz"]
        return super().describe() | {
            "action": action,
            "action_scale_m": self.controller.residual_scale,
            "joint_order": list(JOINTS),
            "gait": asdict(self.config.gait),
        }

    def take_over_model(self):
        changed = super().take_over_model()
        if changed:
            self._weight = self._weigh(np.arange(self.num_envs))
        return changed

    def command_robots(self, velocity: float) -> None:
        """Commands `velocity`, m/s straight ahead, to every robot, now and after every reset.

        Raises:
            ValueError: it is no number, or outside of what the observation can show, -FASTEST to FASTEST.
        """
        velocity = number_within("a commanded velocity", velocity, -FASTEST, FASTEST, "m/s")
        self.fixed_command = np.array([velocity, 0.0, 0.0])
        self._set_command(np.tile(self.fixed_command, (self.num_envs, 1)), slice(None))

    def _bind(self):
        """Resolves names to columns, once. Sensors of one sort stand together in robot.xml, so slices will do."""
        model = self.sim.model
        self.sensor_reader = SensorReader(model, self.sim)
        self._sensordata = self.sim.bind("sensordata")
        self._ctrl = self.sim.bind("ctrl")
        sensors = ("body_quat", "body_angvel", "body_linvel_body", "body_linvel")
        self._quat, self._gyro, self._velocimeter, linvel = (self.sensor_reader.slice([name]) for name in sensors)
        self._planar_velocity = slice(linvel.start, linvel.start + 2)
        self._joints = self.sensor_reader.slice([f"{joint}_pos" for joint in JOINTS])
        self._joint_vels = self.sensor_reader.slice([f"{joint}_vel" for joint in JOINTS])
        self._forces = self.sensor_reader.slice([f"{leg}_foot_force" for leg in LEG_NAMES])
        self._imu_matrix = self.sim.site("imu").xmat
        self._home_qpos, self._home_ctrl = model.key("home").qpos.copy(), model.key("home").ctrl.copy()
        low, high = np.array([model.joint(joint).range for joint in JOINTS]).T
        self._hard_limits = (low + high) / 2, (high - low) / 2
        self._soft_limits = (low + high) / 2, (high - low) / 2 * SOFT_LIMIT
        self._servo_force, self._passive_force = self.sim.bind("actuator_force"), self.sim.bind("qfrc_passive")
        self._servo_dofs = np.concatenate([model.joint(joint).dofadr for joint in JOINTS])
        self._weights = asdict(self.config.weights)
        self._weight_column = np.array([*self._weights.values()])[:, None]
        ranges = (self.config.command_vx, self.config.command_vy, self.config.command_yaw_rate)
        self._ranges = np.array(ranges).T

    def _allocate(self):
        n = self.num_envs
        self._command = np.zeros((n, 3))
        self._action, self._previous_action = np.zeros((2, n, *self.action_space.shape))
        self._face(np.zeros(n))
        self._weight = self._weigh(np.arange(n))  # N
        self._start, self._start_ahead, self._start_left = np.zeros((3, n, 2))  # in the world: x, y, and two directions
        self._commanded = np.zeros((n, 12))  # servo angles, rad; where controls are late, `_ctrl` follows a step behind
        self._tracking_errors = np.zeros((n, 12 * HISTORY))  # of the last steps, oldest first

    def _weigh(self, ids):
        """Returns the weights of robots `ids` (k,) as mass and gravity are in their episode, N."""
        gravity = self.factors.current("opt.gravity", ids)
        return self.factors.current("body_mass", ids).sum(axis=1) * np.sqrt(np.vecdot(gravity, gravity))

    def _set_command(self, command, ids):
        self._command[ids] = command
        self.controller.base_controller.set_command(command, ids)
        self._turning = bool(self._command[:, 2].any())
        self._velocity_width = self.config.velocity_width + self.config.relative_velocity_width * np.abs(self._command[:, 0])

    def _face(self, heading):
        """Makes `heading` (n,), rad, the commanded one, with its axes in the world and the sines that turn quaternions."""
        self._heading, cosine, sine = heading, np.cos(heading), np.sin(heading)
        self._ahead, self._left = np.stack([cosine, sine], axis=1), np.stack([-sine, cosine], axis=1)
        self._half_cosine = np.cos(heading / 2)[:, None]
        self._half_sines = np.sin(heading / 2)[:, None] * (1.0, 1.0, -1.0, -1.0)

    def _heading_quat(self):
        """Returns the torso's quaternions (n, 4) seen from its commanded heading, the one of each pair with w >= 0."""
        measured = self._sensordata[:, self._quat]
        # (cos h/2, 0, 0, -sin h/2) times (w, x, y, z): the second part takes z, y, x, w in turn.
        quat = self._half_cosine * measured + self._half_sines * measured[:, ::-1]
        return quat * np.copysign(1.0, quat[:, :1])

    def _place(self, ids, draws, randomize):
        """Puts robots `ids` at home poses clear of the ground; `draws` (k, 6) in [0, 1): tile, x, y, roll, pitch, yaw."""
        signed = 2 * draws[:, 1:] - 1
        x, y, roll, pitch, yaw = np.ascontiguousarray((signed * (START_SPREAD if randomize else 0.0)).T)
        if self.world.terrain is not None:
            x, y = self.world.draw_starts(ids, draws, self._highest)
        qpos = np.tile(self._home_qpos, (len(ids), 1))
        qpos[:, 0], qpos[:, 1] = x, y
        qpos[:, 2] += self.world.clearance(x, y, yaw) + (0.02 if randomize else 0.0)  # 0.1 rad lower a foot by 13 mm
        qpos[:, 3:7] = quat_from_euler(roll, pitch, yaw)
        self.place(ids, qpos, self._home_ctrl)
        self._commanded[ids] = self._home_ctrl
        heading = self._heading.copy()
        heading[ids] = yaw
        self._face(heading)
        self._start[ids], self._start_ahead[ids], self._start_left[ids] = qpos[:, :2], self._ahead[ids], self._left[ids]
