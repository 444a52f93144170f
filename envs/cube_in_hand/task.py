"""The task of CubeInHand-v0: a hand turns a cube in its palm to a sequence of random orientations."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import ClassVar

import mujoco
import numpy as np
from gymnasium.spaces import Box

from envs.cube_in_hand import rewards
from envs.cube_in_hand.config import OBSERVATION, CubeInHandConfig
from envs.joints import limits, middle_and_half, scaled, soft_range
from envs.task import Task
from utils.observation import Row
from utils.perturbation import Perturbable
from utils.rotations import quat_conjugate, quat_from_euler, quat_power, quat_product
from utils.sensor_utils import SensorReader
from utils.variation import Scale, scaled_mass

SCENE = Path(__file__).parents[2] / "assets" / "hand" / "cube_in_hand.xml"
MOST_DRAWS = 100  # largest number of draws of one target; by default one draw in 700 lies within the success angle
ANGLE_ROOM = 1e-6  # rad; without it, rounding could put a new target within the success angle
TIPS = ("index_tip", "middle_tip", "ring_tip", "thumb_tip")


class CubeInHandTask(Task):
    """n hands, each with a cube.

    Action (n, 12) in [-1, 1]: changes of the servos' targets, in units of `action_scale`, in the model's servo order.
    An episode ends when the cube is dropped. A cube that reaches its target gets a new one, uniform on SO(3).

    Quaternions do not change sign between steps: the cube's is integrated, and new targets are sign-flipped so that the
    difference to the cube starts with w >= 0.
    """

    config_class = CubeInHandConfig
    observation = OBSERVATION
    action_space = Box(-1.0, 1.0, (12,), np.float32)
    transient = (*Task.transient, "sensor_reader")
    # MuJoCo uses only the fingertip's friction for its contacts, so the cube's factor also scales fingertips: a contact
    # then has the product of both factors. It mixes the solref of two geoms, so damping is scaled in all geoms.
    factors: ClassVar[dict[str, tuple[Scale, ...]]] = {
        "object_mass": scaled_mass("cube"),
        "object_inertia": (Scale("body_inertia", ("cube",)),),
        "cube_friction": (Scale("geom_friction", ("cube", *TIPS)),),
        "fingertip_friction": (Scale("geom_friction", TIPS),),
        "actuator_kp": (Scale("actuator_gainprm", columns=(0,)), Scale("actuator_biasprm", columns=(1,))),
        "actuator_kv": (Scale("actuator_biasprm", columns=(2,)),),
        "contact_damping": (Scale("geom_solref", columns=(1,)),),
        "gravity_scale": (Scale("opt.gravity"),),
    }
    # All values are scales; the ranges are those of torobo_mujoco's robustness test.
    ranges: ClassVar[dict[str, Perturbable]] = {
        "object_mass": Perturbable(1.0, 0.7, 1.3, 0.1, 0.05, 20.0),
        "object_inertia": Perturbable(1.0, 0.7, 1.3, 0.1, 0.05, 20.0),
        "cube_friction": Perturbable(1.0, 0.8, 1.2, 0.1, 0.0, 10.0),
        "fingertip_friction": Perturbable(1.0, 0.6, 1.4, 0.1, 0.0, 10.0),
        "actuator_kp": Perturbable(1.0, 0.8, 1.2, 0.1, 0.0, 10.0),
        "actuator_kv": Perturbable(1.0, 0.8, 1.2, 0.1, 0.0, 10.0),
        "contact_damping": Perturbable(1.0, 0.7, 1.3, 0.1, 0.05, 10.0),
        "gravity_scale": Perturbable(1.0, 0.95, 1.05, 0.02, 0.0, 5.0),
    }
    default_perturbation = "object_mass"
    command_rows = tuple(Row(f"target_{angle}", 1, -np.pi, np.pi, "rad") for angle in ("roll", "pitch", "yaw"))

    def __init__(self, config: CubeInHandConfig = CubeInHandConfig(), num_envs: int = 1, num_threads: int = 1):
        self.config = config
        self.set_target_angle(config.target_angle)
        super().__init__(mujoco.MjModel.from_xml_path(str(SCENE)), num_envs, config.control_dt, num_threads)
        self._bind()
        self._allocate()

    def set_target_angle(self, angle: float) -> None:
        """Sets the largest angle, rad, between a new target and the cube at that time.

        Raises:
            ValueError: `angle` does not lie in (success_angle, pi].
        """
        self.target_angle = replace(self.config, target_angle=angle).target_angle

    def reset(self, ids, generators, options):
        for i, generator in zip(ids, generators):
            self._streams[i] = np.random.default_rng(generator.integers(2**63))  # draws this episode's targets
        self.variation.apply({}, ids)
        first = self.sim.model.joint("cube").qposadr[0]
        targets = self._drawn_targets(ids, np.tile(self._home_qpos[first + 3 : first + 7], (len(ids), 1)))
        self.place(ids, self._home_qpos, self._home_ctrl, mocap_quat=targets[:, None])
        self._successes[ids] = 0
        self._read_cube()
        self._distance[ids] = rewards.rotation_distance(self._difference)[ids]
        for name, block in self._blocks().items():
            self._earlier[name][ids] = block[ids]

    def follow(self, command, ids):
        """Replaces targets by the orientation with roll, pitch and yaw `command` (3,), rad, in the world."""
        target = np.tile(quat_from_euler(*command), (self.num_envs, 1))
        turn = quat_product(self._cube_quat, quat_conjugate(target))
        self._target_quat[ids] = (target * np.copysign(1.0, turn[:, :1]))[ids]
        self._read_cube()

    def act(self, action):
        self._action, self._earlier = action, self._blocks()
        self._ctrl[:] = np.clip(self._ctrl + self.config.action_scale * action, *self._soft_limits)
        self._unmeasured = True

    def sense(self):
        if self._unmeasured:
            self._measure()
            self._unmeasured = False
        else:
            self._read_cube()

    def observe(self):
        return {f"earlier_{name}": block for name, block in self._earlier.items()} | self._blocks()

    def reward_terms(self):
        if self.config.reward == "dense":
            return {"rotation_distance": -self._distance}
        measured = {
            "progress": self._progress,
            "success": rewards.success(self._reached),
            "drop": rewards.drop(self.terminated()),
            "effort": rewards.effort(self._action),
        }
        return {name: weight * measured[name] for name, weight in self._weights.items()}

    def terminated(self):
        x, y, z = self._cube_pos.T
        c = self.config
        return (z < c.drop_height) | (np.abs(x) > c.reach) | (np.abs(y) > c.reach)

    def measurements(self):
        """Returns measurements (n,) by name, in m and rad.

        `rotation_distance` is the angle to the target (in the step that reaches a target, to this target), `successes` the
        number of targets reached in this episode, `cube_height` the height of the cube, `dropped` whether it is dropped.
        """
        return {
            "rotation_distance": self._distance.copy(),
            "successes": self._successes.copy(),
            "cube_height": self._cube_pos[:, 2].copy(),
            "dropped": self.terminated(),
            "physics_failed": self.failed.copy(),
        }

    def describe(self):
        """Adds the order of the servos, the change of their targets for an action of 1, and the limits of targets, rad."""
        low, high = self._soft_limits
        return super().describe() | {
            "action": [self.sim.model.actuator(i).name for i in range(self.sim.model.nu)],
            "action_scale_rad": self.config.action_scale,
            "target_low_rad": low.tolist(),
            "target_high_rad": high.tolist(),
        }

    def _bind(self):
        """Resolves names to columns and live arrays, once."""
        model = self.sim.model
        self._ctrl, self._sensordata = self.sim.bind("ctrl"), self.sim.bind("sensordata")
        self._target_quat = self.sim.bind("mocap_quat")[:, int(model.body("target").mocapid[0])]
        self.sensor_reader = SensorReader(model, self.sim)
        joints = [model.joint(i).name for i in range(model.njnt) if model.jnt_type[i] == int(mujoco.mjtJoint.mjJNT_HINGE)]
        self._joints = self.sensor_reader.slice([f"{joint}_pos" for joint in joints])
        self._cube = [self.sensor_reader.slice([name]) for name in ("cube_pos", "cube_quat")]
        self._joint_range = middle_and_half(model, joints)
        self._servo_range = middle_and_half(model, [model.joint(i).name for i in model.actuator_trnid[:, 0]])
        self._soft_limits = limits(soft_range(self._servo_range, self.config.soft_limits))
        home, first = model.key("home"), model.joint("cube").qposadr[0]
        self._home_qpos, self._home_ctrl = home.qpos.copy(), home.ctrl.copy()
        self._target_pos = np.tile(home.qpos[first : first + 3], (self.num_envs, 1))
        self._weights = asdict(self.config.weights)

    def _allocate(self):
        n = self.num_envs
        self._streams: list[np.random.Generator | None] = [None] * n
        self._action = np.zeros((n, 12))
        self._progress, self._distance = np.zeros((2, n))
        self._reached, self._successes = np.zeros(n, bool), np.zeros(n, int)
        self._unmeasured = False  # whether a step has been taken since the last measurement
        self._read_cube()
        self._earlier = self._blocks()  # blocks of the previous control step

    def _measure(self):
        """Measures the effect of a control step; cubes that have reached their target get a new target."""
        before = rewards.rotation_distance(self._difference)
        self._read_cube()
        self._distance = rewards.rotation_distance(self._difference)
        self._progress = rewards.progress(before, self._distance)
        self._reached = (self._distance < self.config.success_angle) & ~(self.failed | self.terminated())
        self._successes += self._reached
        if self._reached.any():
            self._target_quat[self._reached] = self._drawn_targets(
                np.flatnonzero(self._reached), self._cube_quat[self._reached]
            )
            self._read_cube()

    def _drawn_targets(self, ids, cube_quat):
        """Returns new targets (k, 4) of cubes `ids` with orientations `cube_quat` (k, 4).

        They are uniform on SO(3) if `target_angle` is pi. A rotation within the success angle is drawn again, because it
        would be a success without any motion.
        """
        turn = np.zeros((len(ids), 4))
        due = np.arange(len(ids))
        for _ in range(MOST_DRAWS):
            turn[due] = self._drawn_turns(ids[due])
            due = due[rewards.rotation_distance(turn[due]) < self.config.success_angle + ANGLE_ROOM]
            if not len(due):
                break
        else:  # few angles lie between the success angle and the target angle: use the target angle
            turn[due] = quat_power(turn[due], self.target_angle / rewards.rotation_distance(turn[due]))
        return quat_product(turn, cube_quat)

    def _drawn_turns(self, ids):
        """Returns quaternions (k, 4) of rotations by at most `target_angle`, one from each stream of simulations `ids`."""
        draws = np.array([self._streams[i].standard_normal(4) for i in ids])
        turn = draws / (np.sqrt(np.vecdot(draws, draws)) * np.copysign(1.0, draws[:, 0]))[:, None]
        return quat_power(turn, self.target_angle / np.pi)

    def _read_cube(self):
        pos, quat = self._cube
        self._cube_pos, self._cube_quat = self._sensordata[:, pos].copy(), self._sensordata[:, quat].copy()
        self._difference = quat_product(self._cube_quat, quat_conjugate(self._target_quat))

    def _blocks(self):
        """Returns the blocks of the current observation, (n, k) each, as new arrays."""
        return {
            "joint_pos": scaled(self._sensordata[:, self._joints], self._joint_range),
            "cube_pos": self._cube_pos,
            "cube_quat": self._cube_quat,
            "target_pos": self._target_pos,
            "target_quat": self._target_quat.copy(),
            "difference": self._difference,
            "joint_target": scaled(self._ctrl, self._servo_range),
        }
