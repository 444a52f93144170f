"""Base task of robots on legs: model, ground, randomisation, start poses and measurements; a subclass adds the command."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import mujoco
import numpy as np

from envs.joints import middle_and_half
from envs.locomotion.config import LeggedConfig
from envs.locomotion.ground import Ground, Scene
from envs.locomotion.measures import Travel, positive_power, weight
from envs.locomotion.randomisation import Randomisation, Table, factors, ranges
from envs.locomotion.terrain import check_level, tile_weights
from envs.task import Task
from utils.rotations import euler_from_matrix, quat_from_euler
from utils.sensor_utils import SensorReader
from utils.variation import Scale


class LeggedTask(Task):
    """n robots with a free base and servos. Subclasses add the command, and a robot's class its model and its rewards.

    The model needs a free joint `root`, a keyframe `home`, a site `imu` on the body, and these sensors: `body_pos`,
    `body_quat`, `body_linvel` (in the world), `body_linvel_body`, `body_angvel` (in the body's frame), and `<joint>_pos`
    and `<joint>_vel` of each servo joint. Joint sensors of one kind must follow one another in the order of the actuators.

    An episode terminates if the body is lower than `min_height` above the ground, or if `tipped` says so. It is truncated at
    the edge of its tile.

    Attributes:
        command, ground, randomisation, travel: the shared pieces.
        action, previous_action: (n, a) actions of this control step and of the previous one.
        roll, pitch: (n,) rad.
        rotation: (n, 3, 3) rotation matrices from the body's frame to the world.
        angvel: (n, 3) angular velocity in the body's frame, rad/s.
        height: (n,) height of the body above the mean ground below it, m.
        joint_pos, joint_vel: (n, j) angles and velocities of the servo joints, rad and rad/s.
        fallen: (n,) bool, robots that are too low or too tilted.
    """

    config_class = LeggedConfig
    reset_options = ("randomize",)
    default_perturbation = "mass"
    transient = (*Task.transient, "sensor_reader")
    scene: ClassVar[Scene]
    underside: ClassVar[np.ndarray]  # as in `Ground`
    joints: ClassVar[tuple[str, ...]]  # servo joints, in the order of the actuators
    parameters: ClassVar[Table]
    other_factors: ClassVar[Mapping[str, tuple[Scale, ...]]] = {}  # of the model, besides those of the parameters
    # Half ranges of a randomised start: x, y (m), roll, pitch, yaw (rad). Below: the added start height (m).
    start_spread: ClassVar[tuple[float, ...]] = (0.05, 0.05, 0.1, 0.1, np.pi)
    start_lift: ClassVar[float] = 0.02

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "parameters" in vars(cls):
            cls.factors, cls.ranges = factors(cls.parameters) | cls.other_factors, ranges(cls.parameters)

    def __init__(self, config: LeggedConfig, num_envs: int = 1, num_threads: int = 1):
        self.config = config
        self.ground = Ground(self.scene, self.underside, config.terrain, num_envs)
        super().__init__(self.prepared(self.ground.model), num_envs, config.control_dt, num_threads)
        variation = config.variation, self.parameters, self.sim, self.variation
        self.randomisation = Randomisation(*variation, config.control_dt)
        self.set_terrain_scale(config.terrain_scale)
        self.set_terrain_weights(None)
        self.command = self.make_command()
        self.travel, self.weight = Travel(num_envs), weight(self.variation, np.arange(num_envs))
        self.action, self.previous_action = np.zeros((2, num_envs, *self.action_space.shape))
        self._bind()

    def prepared(self, model: mujoco.MjModel) -> mujoco.MjModel:
        """Returns the compiled model with the changes that the config asks for, such as a time step. Optional."""
        return model

    @abstractmethod
    def make_command(self):
        """Returns the command of `num_envs` robots; called once, when the task is built."""

    def set_terrain_scale(self, scale: float | Mapping[str, float]) -> None:
        """Sets the highest terrain level, in [0, 1], that following resets draw; a mapping sets it by terrain kind.

        Raises:
            ValueError: a scale lies outside [0, 1], or the mapping's kinds differ from the config's.
        """
        kinds = self.config.terrain.kinds
        by_kind = scale if isinstance(scale, Mapping) else dict.fromkeys(kinds, scale)
        if by_kind.keys() != set(kinds):
            raise ValueError(
                f"a terrain scale needs the kinds {', '.join(kinds)}, got {', '.join(map(str, by_kind)) or 'none'}"
            )
        self._highest = np.array([check_level(by_kind[kind]) for kind in kinds])
        self.terrain_scale = scale

    def set_variation_scale(self, scale: float) -> None:
        """Sets the share of the randomisation of the config, in [0, 1], as `Randomisation.set_scale` does."""
        self.randomisation.set_scale(scale)

    def set_terrain_weights(self, weights: Mapping[str, Sequence[float]] | None) -> None:
        """Sets how likely following resets draw each tile, relative to the others; levels above the scale are not drawn.

        Args:
            weights: for each kind, a weight above 0 of each level of the config, in ascending order; None: equal ones.

        Raises:
            ValueError: the kinds differ from the config's, or weights are missing, not finite, or not above 0.
        """
        self._tile_weights = None if weights is None else tile_weights(weights, self.config.terrain)

    def reset(self, ids, generators, options):
        draws = np.array([generator.random(10) for generator in generators])  # the same number in every reset
        x, y, roll, pitch, yaw = self._start_pose(ids, draws[:, 4:], options.get("randomize", False))
        self.start_command(ids, np.stack([x, y], axis=1), yaw, draws[:, 1:4], generators)
        self.start_robots(ids, draws[:, 0])
        self.follow_command(ids)
        self.randomise(ids, generators)  # before `place`, whose forward pass uses the new models
        qpos = np.tile(self._home_qpos, (len(ids), 1))
        qpos[:, 0], qpos[:, 1] = x, y
        qpos[:, 2] += self.ground.clearance(x, y, yaw) + (self.start_lift if options.get("randomize", False) else 0.0)
        qpos[:, 3:7] = quat_from_euler(roll, pitch, yaw)
        self.vary_start(qpos, generators)
        self.place(ids, qpos, self._home_ctrl)
        cosine, sine = np.cos(yaw), np.sin(yaw)
        self.travel.reset(ids, qpos[:, :2], np.stack([cosine, sine], axis=1), np.stack([-sine, cosine], axis=1))
        self.weight[ids] = weight(self.variation, ids)
        self.action[ids] = self.previous_action[ids] = 0.0

    @abstractmethod
    def start_command(self, ids: np.ndarray, position: np.ndarray, yaw: np.ndarray, draws: np.ndarray, generators) -> None:
        """Starts the commands of robots `ids` (k,), which start at `position` (k, 2), m, and `yaw` (k,), rad, in the world.

        `draws` (k, 3) in [0, 1) and the `generators` (k) decide them.
        """

    def start_robots(self, ids: np.ndarray, draws: np.ndarray) -> None:
        """Resets a robot's state besides its pose, such as a gait phase, from `draws` (k,) in [0, 1). Optional."""

    def follow_command(self, ids: np.ndarray) -> None:
        """Called when the commands of robots `ids` (k,) have changed. Optional."""

    def randomise(self, ids: np.ndarray, generators) -> None:
        """Draws the models and disturbances of the episodes of robots `ids` (k,)."""
        self.randomisation.reset(ids, generators)

    def vary_start(self, qpos: np.ndarray, generators) -> None:
        """Changes start positions `qpos` (k, nq), in place, with draws from the `generators` (k). Optional."""

    def act(self, action):
        self.previous_action, self.action = self.action, action
        self._ctrl[:] = self.randomisation.delayed(self.controls(action))
        self.randomisation.push()

    @abstractmethod
    def controls(self, action: np.ndarray) -> np.ndarray:
        """Returns the controls (n, nu) for `action` (n, a) in [-1, 1]."""

    @abstractmethod
    def tipped(self) -> np.ndarray:
        """Returns which robots are tilted so far that their episode ends, (n,) bool, from roll, pitch and rotation."""

    def sense_body(self) -> np.ndarray:
        """Reads the quantities that all robots share, for use in `sense`; returns the yaw (n,), rad."""
        data = self._sensordata
        # Contiguous arrays, because numpy rounds arctan2 of strided arrays differently: n = 1 would differ from n = 64.
        self.rotation = np.ascontiguousarray(self._imu_matrix.T).reshape(3, 3, -1).transpose(2, 0, 1)
        self.roll, self.pitch, yaw = euler_from_matrix(self.rotation)
        self.angvel, self.joint_pos = data[:, self._gyro], data[:, self._joints]
        self.joint_vel = data[:, self._joint_vels]
        position = self.body_position
        self.height = position[:, 2] - self.ground.height_below(position)
        self.off_tile = self.ground.off_tile(position)
        self.fallen = (self.height < self.config.min_height) | self.tipped()
        return yaw

    @property
    def body_position(self) -> np.ndarray:
        """(n, 3) position of the body in the world, m."""
        return self._sensordata[:, self._position]

    def terminated(self):
        return self.fallen.copy()

    def truncated(self):
        return self.off_tile.copy()

    def measurements(self):
        """Returns measurements (n,) by name, in m, rad, N and W.

        `power` is the servos' positive mechanical power in the last physics step, `past_limits` is True if a servo is beyond
        its range, and distances are those of `Travel`.
        """
        # The torque at a servo's shaft includes the joint's damping, which models the motor's loss of torque with speed.
        torque = self._servo_force + self._passive_force.take(self._servo_dofs, axis=1)  # faster than []
        middle, half_range = self.joint_range
        return {
            "body_height": self.height,
            "roll": self.roll,
            "pitch": self.pitch,
            **self.travel.measure(self.body_position[:, :2]),
            "power": positive_power(torque, self.joint_vel),
            "weight": self.weight.copy(),
            "past_limits": (np.abs(self.joint_pos - middle) > half_range).any(axis=1),
            "off_tile": self.off_tile,
            "terrain_level": self.ground.level.copy(),
            "terrain_kind": self.ground.kind.copy(),
            "physics_failed": self.failed.copy(),
        }

    def take_over_model(self):
        changed = super().take_over_model()
        if changed:
            self.weight = weight(self.variation, np.arange(self.num_envs))
        return changed

    def _start_pose(self, ids, draws, randomize):
        """Returns start x, y (m), roll, pitch and yaw (rad), (k,) each. `draws` (k, 6) in [0, 1): tile, then these five."""
        signed = 2 * draws[:, 1:] - 1
        spread = np.array(self.start_spread) if randomize else 0.0
        x, y, roll, pitch, yaw = np.ascontiguousarray((signed * spread).T)
        if self.ground.terrain is not None:
            x, y = self.ground.draw_starts(ids, draws, self._highest, self._tile_weights)
        return x, y, roll, pitch, yaw

    def _bind(self):
        """Resolves names to columns and live arrays, once."""
        model = self.sim.model
        self.sensor_reader = reader = SensorReader(model, self.sim)
        self._sensordata, self._ctrl = self.sim.bind("sensordata"), self.sim.bind("ctrl")
        sensors = ("body_pos", "body_quat", "body_angvel", "body_linvel_body")
        self._position, self._quat, self._gyro, self._velocimeter = (reader.slice([name]) for name in sensors)
        self._joints, self._joint_vels = (reader.slice([f"{j}_{kind}" for j in self.joints]) for kind in ("pos", "vel"))
        self._imu_matrix = self.sim.site("imu").xmat
        self._home_qpos, self._home_ctrl = model.key("home").qpos.copy(), model.key("home").ctrl.copy()
        self.joint_range = middle_and_half(model, self.joints)
        self._servo_force, self._passive_force = self.sim.bind("actuator_force"), self.sim.bind("qfrc_passive")
        self._servo_dofs = np.concatenate([model.joint(joint).dofadr for joint in self.joints])
