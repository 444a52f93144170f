"""Walker: stand, walk or run on two legs in a vertical plane without falling forwards."""

from typing import ClassVar

import numpy as np
from dm_control.suite import walker
from dm_control.suite.walker import PlanarWalker

from envs.rwrl.domain import Domain, Tuning
from envs.rwrl.model_xml import named, numbers
from envs.rwrl.states import TENTH, XX, XZ, ZX, ZZ
from utils.kernels import bell, plateau
from utils.perturbation import Perturbable

SPEEDS = {"stand": 0, "walk": 1, "run": 8}  # m/s
STAND_HEIGHT = 1.2  # of the torso, m
JOINTS = ("left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle")  # order of LOW and HIGH
LOW, HIGH = [-30, -30, -160, -160, -75, -75], [110, 110, 15, 15, 60, 60]  # degrees; joint stops are 10 to 30 inside
THIGHS = {"right_thigh": -0.05, "left_thigh": 0.05}  # y of the hip, m


class Walker(Domain):
    name = "walker"
    tasks = tuple(SPEEDS)
    control_dt = 0.025
    camera = "side"
    physics = walker.Physics
    wrapped = ("height",)

    perturbations: ClassVar = {
        "thigh_length": Perturbable(0.225, 0.1, 0.7, 0.05, 0.02, 2.0),  # half the length, m; the mass changes with it
        "torso_length": Perturbable(0.3, 0.1, 0.7, 0.05, 0.02, 2.0),  # half the length, m; the mass changes with it
        "joint_damping": Perturbable(0.1, 0.1, 10.0, 0.5, 0.0, 100.0),  # N m s/rad
        "contact_friction": Perturbable(0.7, 0.01, 2.0, 0.05, 0.01, 10.0),
    }
    default_perturbation = "thigh_length"
    tuning: ClassVar = {
        "easy": Tuning(0.225, 0.25, 0.002),
        "medium": Tuning(0.225, 0.4, 0.015),
        "hard": Tuning(0.225, 0.55, 0.04),
    }

    @property
    def constraint_table(self):
        return {
            # The original is satisfied if any one joint is above its lower limit and any one is below its upper limit.
            "joint_angle_constraint": any_joint_inside if self.exact else every_joint_inside,
            "joint_velocity_constraint": lambda v, limits: (v["joint_vels"] < limits["joint_velocity_constraint"]).all(-1),
            "dangerous_fall_constraint": lambda v, limits: v["torso_forwards"] > limits["dangerous_fall_constraint"],
            "torso_upright_constraint": lambda v, limits: v["z_up"] > limits["torso_upright_constraint"],
        }

    def scaled_limits(self, c):
        return {
            "joint_pos_constraint": c * np.array([LOW, HIGH]) * np.pi / 180,  # rad
            "joint_velocity_constraint": c * 65.0,  # rad/s
            "dangerous_fall_constraint": c * -0.5,
            "torso_upright_constraint": 1 - c,
            "action_roc_constraint": c * 1.55,
        }

    def places(self, model):
        joints = [model.joint(name).qposadr[0] for name in JOINTS]
        return {"joints": joints, "torso": model.body("torso").id, "speed": model.sensor("torso_subtreelinvel").adr[0]}

    def observation(self, states, at):
        planar = states["xmat"][:, 1:, [XX, XZ]]
        height = states["xpos"][:, at["torso"], 2:]
        return {"orientations": planar.reshape(len(planar), -1), "height": height, "velocity": states["qvel"]}

    def reward(self, states, at):
        height, speed = states["xpos"][:, at["torso"], 2], SPEEDS[self.task]
        standing = bell(np.maximum(STAND_HEIGHT - height, 0.0), STAND_HEIGHT / 2 * TENTH)
        upright = (1 + states["xmat"][:, at["torso"], ZZ]) / 2
        stands = (3 * standing + upright) / 4
        if not speed:
            return stands
        moves = plateau(states["sensordata"][:, at["speed"]], speed, np.inf, speed)
        return stands * (5 * moves + 1) / 6

    def safety_vars(self, states, at):
        torso = states["xmat"][:, at["torso"]]
        return {
            "joint_pos": states["qpos"][:, at["joints"]],  # rad
            "joint_vels": np.abs(states["qvel"][:, 3:]),  # rad/s, in the model's order
            "torso_forwards": -torso[:, ZX],  # negative: the torso leans forwards
            "z_up": torso[:, ZZ],
        }

    def edits(self):
        return {
            "thigh_length": set_thigh_length,
            "torso_length": self._set_torso_length,
            "joint_damping": lambda root, damping: root.find("./default/joint").set("damping", numbers(damping)),
            "contact_friction": set_contact_friction,
        }

    def _set_torso_length(self, root, half):
        named(root, "geom", "torso").set("size", numbers(0.07, half))
        for thigh, y in THIGHS.items():
            # The original moves the left thigh to the right side.
            named(root, "body", thigh).set("pos", numbers(0, -0.05 if self.exact else y, -half))

    def nominal_xml(self):
        return walker.get_model_and_assets()[0]

    def new_task(self, random):
        return PlanarWalker(move_speed=SPEEDS[self.task], random=random)


def any_joint_inside(v, limits):
    low, high = limits["joint_pos_constraint"]
    return (v["joint_pos"] > low).any(-1) & (v["joint_pos"] < high).any(-1)


def every_joint_inside(v, limits):
    low, high = limits["joint_pos_constraint"]
    return ((v["joint_pos"] > low) & (v["joint_pos"] < high)).all(-1)


def set_thigh_length(root, half):
    for thigh in THIGHS:
        capsule = named(root, "geom", thigh)
        capsule.set("size", numbers(0.05, half))
        capsule.set("pos", numbers(0, 0, -half))
        named(root, "body", thigh).find("body").set("pos", numbers(0, 0, -(0.25 + 2 * half)))


def set_contact_friction(root, sliding):
    for geom in (root.find("./default/geom"), named(root, "geom", "floor")):
        geom.set("friction", numbers(sliding, 0.1, 0.1))
