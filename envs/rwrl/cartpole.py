"""Cartpole: swing up or balance a pole on a cart; the cart must stay on its rail and must not accelerate too fast."""

from typing import ClassVar

import numpy as np
from dm_control.suite import cartpole
from dm_control.suite.cartpole import Balance

from envs.rwrl.domain import Domain, Tuning
from envs.rwrl.model_xml import default, named, numbers
from envs.rwrl.states import TENTH, XZ, ZZ
from utils.kernels import bell
from utils.perturbation import Perturbable

RAIL = {"swingup": 2.0, "balance": 1.5}  # limit of the cart position on each side, m
ACCELERATION = {"swingup": 130.0, "balance": 10.0}  # m/s^2


class Cartpole(Domain):
    name = "cartpole"
    tasks = ("swingup", "balance")
    control_dt = 0.01
    camera = "fixed"
    physics = cartpole.Physics

    perturbations: ClassVar = {
        "pole_length": Perturbable(1.0, 0.3, 3.0, 0.3, 0.05, 10.0),  # m; the mass changes with it, 0.1 kg per metre
        "pole_mass": Perturbable(0.1, 0.1, 10.0, 0.5, 0.001, 100.0),  # kg
        "joint_damping": Perturbable(2e-6, 2e-6, 0.2, 0.02, 0.0, 2.0),  # N m s/rad
        "slider_damping": Perturbable(5e-4, 5e-4, 3.0, 0.3, 0.0, 30.0),  # N s/m
    }
    default_perturbation = "pole_length"
    tuning: ClassVar = {
        "easy": Tuning(0.9, 1.1, 0.02),
        "medium": Tuning(0.7, 1.7, 0.1),
        "hard": Tuning(0.5, 2.3, 0.15),
    }

    constraint_table: ClassVar = {
        "slider_pos_constraint": lambda v, limits: (
            (limits["slider_pos_constraint"][0] < v["slider_pos"]) & (v["slider_pos"] < limits["slider_pos_constraint"][1])
        ),
        "slider_accel_constraint": lambda v, limits: (v["slider_accel"] < limits["slider_accel_constraint"]).all(-1),
        # A pole near upright must turn slowly.
        "balance_velocity_constraint": lambda v, limits: (
            (v["joint_angle_cos"] <= np.cos(limits["balance_velocity_constraint"][0]))
            | (v["joint_vel"] <= limits["balance_velocity_constraint"][1])
        ).all(-1),
    }

    def scaled_limits(self, c):
        return {
            "slider_pos_constraint": c * RAIL[self.task] * np.array([-1.0, 1.0]),
            "slider_accel_constraint": c * ACCELERATION[self.task],
            "balance_velocity_constraint": np.array([(1 - c) / 0.5 + 0.15, c * 0.5]),  # rad from upright, rad/s
            "action_roc_constraint": c * 1.5,
        }

    def places(self, model):
        return {}

    def observation(self, states, at):
        poles = states["xmat"][:, 2:, [ZZ, XZ]]
        position = np.concatenate([states["qpos"][:, :1], poles.reshape(len(poles), -1)], axis=1)
        return {"position": position, "velocity": states["qvel"]}

    def reward(self, states, at):
        upright = (states["xmat"][:, 2:, ZZ] + 1) / 2
        centred = bell(states["qpos"][:, 0], 2.0 * TENTH)
        slow = bell(states["qvel"][:, 1:], 5.0 * TENTH).min(axis=1)
        calm = np.maximum(1.0 - states["ctrl"][:, 0] ** 2, 0.0)
        return upright.mean(axis=1) * ((4 + calm) / 5) * ((1 + slow) / 2) * ((1 + centred) / 2)

    def safety_vars(self, states, at):
        return {
            "slider_pos": states["qpos"][:, 0],  # m
            "joint_angle_cos": states["xmat"][:, 2:, ZZ],
            "joint_vel": np.abs(states["qvel"][:, 1:]),  # rad/s
            "slider_accel": np.abs(states["qacc"][:, :1]),  # m/s^2
        }

    def edits(self):
        return {
            "pole_length": set_pole_length,
            "pole_mass": lambda root, kg: default(root, "pole", "geom").set("mass", numbers(kg)),
            "joint_damping": lambda root, damping: default(root, "pole", "joint").set("damping", numbers(damping)),
            "slider_damping": lambda root, damping: named(root, "joint", "slider").set("damping", numbers(damping)),
        }

    def nominal_xml(self):
        return cartpole.get_model_and_assets()[0]

    def new_task(self, random):
        return Balance(swing_up=self.task == "swingup", sparse=False, random=random)


def set_pole_length(root, metres):
    pole = default(root, "pole", "geom")
    pole.set("fromto", numbers(0, 0, 0, 0, 0, metres))
    pole.set("mass", numbers(metres / 10))
