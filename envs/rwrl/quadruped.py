"""Quadruped: walk or run on four legs within limits on joint speed and foot force."""

from typing import ClassVar

import mujoco
import numpy as np
from dm_control.suite import quadruped

from envs.rwrl.domain import Domain, Tuning, largest
from envs.rwrl.model_xml import default, named, numbers
from envs.rwrl.states import ZZ, norm
from utils.kernels import plateau
from utils.perturbation import Perturbable

SPEEDS = {"walk": 0.5, "run": 5}  # m/s
JOINT_SPEED = {"walk": 20.0, "run": 0.4}  # rad/s
FOOT_FORCE = {"walk": 20_000.0, "run": 300_000.0}  # N
EPISODE = 20  # s; the floor's size is the distance travelled in one episode
FEET = {"tfl_f": "front_left", "tfr_f": "front_right", "tbl_f": "back_left", "tbr_f": "back_right"}
LEGS = tuple(FEET.values())


class Quadruped(Domain):
    name = "quadruped"
    tasks = tuple(SPEEDS)
    control_dt = 0.02
    camera = "x"
    physics = quadruped.Physics
    wrapped = ("torso_upright",)

    perturbations: ClassVar = {
        # m, forwards and downwards: the shin is sqrt(2) times as long.
        "shin_length": Perturbable(0.25, 0.25, 2.0, 0.1, 0.1, 5.0),
        "torso_density": Perturbable(1000.0, 500.0, 10_000.0, 500.0, 50.0, 100_000.0),  # kg/m^3
        "joint_damping": Perturbable(30.0, 10.0, 150.0, 10.0, 0.0, 1000.0),  # N m s/rad
        "contact_friction": Perturbable(1.5, 0.1, 4.5, 0.5, 0.01, 20.0),
    }
    default_perturbation = "shin_length"
    tuning: ClassVar = {
        "easy": Tuning(0.25, 0.3, 0.005),
        "medium": Tuning(0.25, 0.8, 0.05),
        "hard": Tuning(0.25, 1.4, 0.1),
    }

    constraint_table: ClassVar = {
        "joint_angle_constraint": lambda v, limits: (np.abs(v["joint_pos"]) < limits["joint_pos_constraint"]).all(-1),
        "joint_velocity_constraint": lambda v, limits: (v["joint_vels"] < limits["joint_velocity_constraint"]).all(-1),
        "upright_constraint": lambda v, limits: v["z_up"] > limits["upright_constraint"],
        "foot_force_constraint": lambda v, limits: largest(v, tuple(FEET)) < limits["foot_force_constraint"],
    }

    def scaled_limits(self, c):
        return {
            "joint_pos_constraint": c * 60 * np.pi / 180,
            "joint_velocity_constraint": c * JOINT_SPEED[self.task],
            "upright_constraint": 1 - c * 0.7,
            "foot_force_constraint": c * FOOT_FORCE[self.task],
            "action_roc_constraint": c * 1.4,
        }

    def places(self, model):
        return {
            "torso": model.body("torso").id,
            "velocity": model.sensor("velocimeter").adr[0] + np.arange(3),
            "imu": _entries(model, mujoco.mjtSensor.mjSENS_GYRO, mujoco.mjtSensor.mjSENS_ACCELEROMETER),
            "force_torque": _entries(model, mujoco.mjtSensor.mjSENS_FORCE, mujoco.mjtSensor.mjSENS_TORQUE),
            "feet": {name: model.sensor(f"force_toe_{leg}").adr[0] + np.arange(3) for name, leg in FEET.items()},
        }

    def observation(self, states, at):
        sensors = states["sensordata"]
        return {
            "egocentric_state": np.concatenate([states["qpos"][:, 7:], states["qvel"][:, 6:], states["act"]], axis=1),
            "torso_velocity": sensors[:, at["velocity"]],
            "torso_upright": states["xmat"][:, at["torso"], ZZ:],
            "imu": sensors[:, at["imu"]],
            "force_torque": np.arcsinh(sensors[:, at["force_torque"]]),
        }

    def reward(self, states, at):
        speed, ahead = SPEEDS[self.task], states["sensordata"][:, at["velocity"][0]]
        upright = states["xmat"][:, at["torso"], ZZ]
        return plateau(upright, 1.0, np.inf, 2.0) * plateau(ahead, speed, np.inf, 2.0 * speed)

    def safety_vars(self, states, at):
        return (
            {
                "joint_pos": states["qpos"][:, 7:],  # rad; all 16 hinges: the only other joint is the free joint
                "joint_vels": np.abs(states["qvel"][:, 6:]),  # rad/s
                "z_up": states["xmat"][:, at["torso"], ZZ],
            }
            | {name: norm(states["sensordata"][:, place]) for name, place in at["feet"].items()}
        )  # N

    def edits(self):
        return {
            "shin_length": set_shin_length,
            "torso_density": lambda root, density: named(root, "geom", "torso").set("density", numbers(density)),
            "joint_damping": lambda root, damping: default(root, "body", "joint").set("damping", numbers(damping)),
            "contact_friction": set_contact_friction,
        }

    def nominal_xml(self):
        return quadruped.make_model(floor_size=EPISODE * SPEEDS[self.task])

    def new_task(self, random):
        return UprightMove(desired_speed=SPEEDS[self.task], random=random)


class UprightMove(quadruped.Move):
    """dm_control's task with another start: upright, at a random heading, at the lowest height without contact."""

    def initialize_episode(self, physics):
        half = self.random.uniform(0, 2 * np.pi) / 2
        pose = np.array([0, 0, 0, np.cos(half), 0, 0, np.sin(half)])
        pose[2] = lowest_free_height(physics.model.ptr, physics.data.ptr, pose)
        with physics.reset_context():  # runs a second forward pass, which starts from these accelerations
            physics.data.qpos[:7] = pose


def lowest_free_height(model, data, pose):
    """Returns the lowest torso height without contact, m, raising the torso from `pose` (7,) in steps of 0.01 m.

    dm_control runs a complete forward pass per height: a reset then takes 7 ms instead of 1 ms.
    """
    data.qpos[:7] = pose
    while True:
        mujoco.mj_kinematics(model, data)
        mujoco.mj_collision(model, data)
        if not data.ncon:
            return data.qpos[2]
        data.qpos[2] += 0.01


def _entries(model, *kinds):
    """Returns the indices in `sensordata` of all sensors of these types, three numbers each."""
    starts = model.sensor_adr[np.isin(model.sensor_type, [int(kind) for kind in kinds])]
    return (starts[:, None] + np.arange(3)).ravel()


def set_shin_length(root, side):
    default(root, "knee", "geom").set("fromto", numbers(0, 0, 0, side, 0, -side))
    for leg in LEGS:
        named(root, "body", f"ankle_{leg}").set("pos", numbers(side, 0, -side))


def set_contact_friction(root, sliding):
    default(root, "toe", "geom").set("friction", numbers(sliding))
    named(root, "geom", "floor").set("friction", numbers(sliding, 0.1, 0.1))
