"""Humanoid: stand or walk on two legs without falling on the head."""

from typing import ClassVar

import numpy as np
from dm_control.suite import humanoid

from envs.rwrl.domain import Domain, Tuning, largest
from envs.rwrl.model_xml import default, named, numbers
from envs.rwrl.states import TENTH, ZX, ZZ, norm
from utils.kernels import bell, plateau
from utils.perturbation import Perturbable

SPEEDS = {"stand": 0, "walk": 1}  # m/s
STAND_HEIGHT = 1.4  # of the head, m
# Safety variable -> sphere; each foot has two spheres.
FEET = {"rl_f": "right_left", "rr_f": "right_right", "ll_f": "left_left", "lr_f": "left_right"}
JOINT_DAMPING, BIG_JOINT_DAMPING = 0.2, 5.0  # N m s/rad; the big joints are abdomen and hips
HEAD_SKIN = 0.001  # radius of the head's touch sensor minus radius of the head, m


class Humanoid(Domain):
    name = "humanoid"
    tasks = tuple(SPEEDS)
    control_dt = 0.025
    camera = "back"
    physics = humanoid.Physics

    perturbations: ClassVar = {
        # The nominal friction of the floor is 1.0; MuJoCo uses the larger of the two geoms' values.
        "contact_friction": Perturbable(0.7, 0.05, 1.2, 0.1, 0.01, 10.0),
        "joint_damping": Perturbable(0.2, 0.01, 2.5, 0.2, 0.0, 25.0),  # N m s/rad, of the small joints
        # radius, m; the mass changes with it: 28.7 kg at 0.19 m.
        "head_size": Perturbable(0.09, 0.01, 0.19, 0.02, 0.005, 0.5),
    }
    default_perturbation = "contact_friction"
    tuning: ClassVar = {
        "easy": Tuning(0.6, 0.8, 0.02),
        "medium": Tuning(0.5, 0.9, 0.04),
        "hard": Tuning(0.4, 1.0, 0.06),
    }

    constraint_table: ClassVar = {
        "joint_angle_constraint": lambda v, limits: (np.abs(v["joint_pos"]) < limits["joint_pos_constraint"]).all(-1),
        "joint_velocity_constraint": lambda v, limits: (v["joint_vels"] < limits["joint_velocity_constraint"]).all(-1),
        "upright_constraint": lambda v, limits: v["z_up"] > limits["torso_upright_constraint"],
        "dangerous_fall_constraint": lambda v, limits: (
            largest(v, ("head_touch", "torso_touch")) < limits["dangerous_fall_constraint"]
        ),
        "foot_force_constraint": lambda v, limits: largest(v, tuple(FEET)) < limits["foot_force_constraint"],
    }

    def scaled_limits(self, c):
        return {
            "joint_pos_constraint": c * np.pi,  # rad
            "joint_velocity_constraint": c * 90.0,  # rad/s
            "torso_upright_constraint": 1 - c,
            "dangerous_fall_constraint": c * 100.0,  # N
            "foot_force_constraint": c * 8000.0,  # N
            "action_roc_constraint": c * 1.85,
        }

    def places(self, model):
        touches = {name: f"{foot}_foot_touch" for name, foot in FEET.items()}
        touches |= {"head_touch": "head_touch", "torso_touch": "torso_touch"}
        return {
            "touches": {name: model.sensor(sensor).adr[0] for name, sensor in touches.items()},
            "velocity": model.sensor("torso_subtreelinvel").adr[0] + np.arange(3),
            "limbs": [model.body(f"{side}_{limb}").id for side in ("left", "right") for limb in ("hand", "foot")],
            **{name: model.body(name).id for name in ("head", "torso")},
        }

    def observation(self, states, at):
        positions, frames = states["xpos"], states["xmat"][:, at["torso"]]
        offsets = positions[:, at["limbs"]] - positions[:, at["torso"], None]
        limbs = offsets[:, :, None] @ frames.reshape(-1, 1, 3, 3)
        return {
            "joint_angles": states["qpos"][:, 7:],
            "head_height": positions[:, at["head"], 2:],
            "extremities": limbs.reshape(len(limbs), -1),
            "torso_vertical": frames[:, ZX:],
            "com_velocity": states["sensordata"][:, at["velocity"]],
            "velocity": states["qvel"],
        }

    def reward(self, states, at):
        height, upright = states["xpos"][:, at["head"], 2], states["xmat"][:, at["torso"], ZZ]
        standing = bell(np.maximum(STAND_HEIGHT - height, 0.0), STAND_HEIGHT / 4 * TENTH)
        stands = standing * plateau(upright, 0.9, np.inf, 1.9)
        calm = np.maximum(1.0 - states["ctrl"] ** 2, 0.0).mean(axis=1)
        return (4 + calm) / 5 * stands * self._moves(states["sensordata"][:, at["velocity"][:2]])

    def _moves(self, horizontal):
        """Returns how well velocities (n, 2), m/s, in the horizontal plane fit the task, (n,)."""
        speed = SPEEDS[self.task]
        if not speed:
            return bell(horizontal, 2.0 * TENTH).mean(axis=1)
        return (5 * plateau(norm(horizontal), speed, np.inf, speed) + 1) / 6

    def safety_vars(self, states, at):
        # The free joint has 7 coordinates but 6 velocities: the original starts at 7 and omits the hinge abdomen_z.
        first_hinge = 7 if self.exact else 6
        return (
            {
                "joint_pos": states["qpos"][:, 7:],  # rad
                "joint_vels": np.abs(states["qvel"][:, first_hinge:]),  # rad/s
                "z_up": states["xmat"][:, at["torso"], ZZ],
            }
            | {name: states["sensordata"][:, place] for name, place in at["touches"].items()}
        )  # N

    def edits(self):
        return {
            "contact_friction": set_contact_friction,
            "joint_damping": self._set_joint_damping,
            "head_size": self._set_head_size,
        }

    def _set_joint_damping(self, root, damping):
        default(root, "body", "joint").set("damping", numbers(damping))
        if not self.exact:  # the original does not change abdomen and hips, 9 of the 21 joints
            scaled = BIG_JOINT_DAMPING * damping / JOINT_DAMPING
            default(root, "big_joint", "joint").set("damping", numbers(scaled))

    def _set_head_size(self, root, radius):
        named(root, "geom", "head").set("size", numbers(radius))
        if not self.exact:  # in the original the sensor of a larger head reads zero
            named(root, "site", "head").set("size", numbers(radius + HEAD_SKIN))

    def nominal_xml(self):
        return humanoid.get_model_and_assets()[0]

    def new_task(self, random):
        return humanoid.Humanoid(move_speed=SPEEDS[self.task], pure_state=False, random=random)


def set_contact_friction(root, sliding):
    for geom in (default(root, "body", "geom"), named(root, "geom", "floor")):
        geom.set("friction", numbers(sliding, 0.1, 0.1))
