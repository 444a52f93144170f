"""The Shadow hand of gymnasium-robotics 1.4.2 with an object in it, on a MuJoCo that is newer than it knows."""

import math
from collections.abc import Mapping
from types import ModuleType, SimpleNamespace

import mujoco
import numpy as np
from gymnasium_robotics.envs.shadow_dexterous_hand import MujocoManipulateEnv
from gymnasium_robotics.utils import mujoco_utils, rotations

from utils.perturbation import Perturbable
from utils.variation import ModelVariation, Scale


def repair(module: ModuleType) -> None:
    """Gives gymnasium-robotics' `mujoco_utils` whole numbers for MuJoCo's joint types; nothing outside of it changes.

    It asks `joint_type in (mjJNT_HINGE, mjJNT_SLIDE)` of a numpy integer, which a MuJoCo enum never equals since 3.12.
    """
    joint_types = {name: int(kind) for name, kind in mujoco.mjtJoint.__members__.items()}
    module.mujoco = SimpleNamespace(**(vars(mujoco) | {"mjtJoint": SimpleNamespace(**joint_types)}))


repair(mujoco_utils)

# What HandManipulateBlockRotateXYZ-v1, HandManipulatePen-v1 and HandManipulateEggRotate-v1 are made of.
_ROTATE = {"target_position": "ignore", "target_rotation": "xyz"}
OBJECTS: Mapping[str, dict] = {
    "block": _ROTATE,
    "pen": {
        "target_position": "random",
        "target_rotation": "xyz",
        "randomize_initial_rotation": False,
        "ignore_z_target_rotation": True,
        "distance_threshold": 0.05,
    },
    "egg": _ROTATE,
}
_TARGET_RANGE = np.array([(-0.04, 0.04), (-0.06, 0.02), (0.0, 0.06)])  # m, around where the object lies
_START_TRIES = 100  # on the nominal hand the first succeeds
_PICTURE = {"width": 640, "height": 480}
_TARGET_ASIDE_M = 0.15  # in pictures, where the target's place does not count

_JOINT_COUNTS = {"WR": 2, "FF": 4, "MF": 4, "RF": 4, "LF": 5, "TH": 5}
_JOINTS = tuple(f"robot0:{part}J{i}" for part, count in _JOINT_COUNTS.items() for i in reversed(range(count)))
# A servo gives kp (target - angle), cut off at its limit: all of it gets stronger, and targets stay where they were.
# Only the hand's own hinges have damping and friction to scale; the object's free joint is no joint of the hand.
FACTORS = {
    "torque_scale": (
        Scale("actuator_gainprm", columns=(0,)),
        Scale("actuator_biasprm", columns=(1, 2)),
        Scale("actuator_forcerange"),
    ),
    "joint_damping": (Scale("dof_damping", _JOINTS),),
    "joint_friction": (Scale("dof_frictionloss", _JOINTS),),
    "gravity_scale": (Scale("opt.gravity"),),
}
# The model's dry friction, 0.001 N m, is a hundredth of what damping takes at 1 rad/s, so that 20 % more of it could not be
# seen; 50 times as much is 0.05 N m, about a twentieth of what a finger's servo gives.
PERTURBATIONS = {
    "torque_scale": Perturbable(1.0, 0.7, 1.3, 0.1, 0.0, 10.0),
    "joint_damping": Perturbable(1.0, 0.8, 1.2, 0.1, 0.0, 20.0),
    "joint_friction": Perturbable(1.0, 0.0, 50.0, 5.0, 0.0, 200.0),
    "gravity_scale": Perturbable(1.0, 0.95, 1.05, 0.01, 0.0, 5.0),
}


class ShadowHand(MujocoManipulateEnv):
    """The original's model, starts, targets and distances, computed for our own face to Gymnasium.

    Args:
        thing: what lies in the hand, one of OBJECTS.
    """

    def __init__(self, thing: str):
        path = f"hand/manipulate_{thing}.xml"
        super().__init__(
            model_path=path, target_position_range=_TARGET_RANGE, reward_type="dense", **OBJECTS[thing], **_PICTURE
        )
        self._target, _ = self._entries("target:joint")
        self._order = self._observation_order()
        self._variation = ModelVariation(self.model, FACTORS)
        self._aim_free_camera()

    def start(self, factors: Mapping[str, float], generator: np.random.Generator) -> None:
        """Puts the object into the hand and draws a target, all from `generator`, in a model with these factors.

        Raises:
            RuntimeError: the object falls out of the hand whatever is drawn.
        """
        if self._variation.values != self._variation.values | factors:
            self._variation.apply(factors)
        self.np_random = generator
        self.reset()

    def advance(self, action: np.ndarray) -> str:
        """Takes one control step with targets (20,) in [-1, 1] of the servos' ranges; returns what went wrong, or ""."""
        self._set_action(action)
        self._mujoco_step(action)
        warned = [_WARNINGS[kind] for kind in np.flatnonzero(self.data.warning.number)]
        finite = math.isfinite(self.data.qpos.sum() + self.data.qvel.sum())
        if finite and not warned:
            return ""
        return f"the physics went wrong: {', '.join(warned) or 'a state that is not finite'}"

    def observation(self) -> np.ndarray:
        """Returns what there is to observe, (75,): poses are a position, m, and a quaternion wxyz.

        In this order: the object's pose, the wanted one, angles and speeds of the hand's 24 hinges, rad and rad/s, the
        object's velocity, m/s and rad/s, and its pose again.
        """
        return np.concatenate([self.data.qpos, self.data.qvel, self.goal])[self._order]

    def distances(self, achieved: np.ndarray, desired: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns position errors, m, and rotation errors, rad, (...) of poses (..., 7), as the original measures them.

        Its rotation error is that of quaternions: up to 2 pi, as a quaternion and its negative count as different.
        """
        return self._goal_distance(np.asarray(achieved, float), np.asarray(desired, float))

    def solved(self, position_error: np.ndarray, rotation_error: np.ndarray) -> np.ndarray:
        """Returns where both errors (...) are small enough, (...) bool."""
        return (position_error < self.distance_threshold) & (rotation_error < self.rotation_threshold)

    def __getstate__(self) -> dict:
        """Returns the attributes that can be pickled: not gymnasium-robotics' modules, names and unused renderer."""
        left_out = ("_mujoco", "_utils", "_model_names", "mujoco_renderer")
        return {name: value for name, value in vars(self).items() if name not in left_out}

    def __setstate__(self, state: Mapping) -> None:
        vars(self).update(state)
        self._mujoco, self._utils = mujoco, mujoco_utils
        self._model_names = mujoco_utils.MujocoModelNames(self.model)

    def get_data(self, index: int = 0, data: mujoco.MjData | None = None) -> mujoco.MjData:
        """Returns a copy of the simulation for a camera, with the target where it is to be seen."""
        data = data or mujoco.MjData(self.model)
        mujoco.mj_copyData(data, self.model, self.data)
        data.qpos[self._target] = self.goal
        data.qpos[self._target[0]] += _TARGET_ASIDE_M * (self.target_position == "ignore")
        mujoco.mj_forward(self.model, data)
        return data

    def _reset_sim(self):
        """Starts the original's way, which would leave solver, forces and warnings as they were, and would try for ever."""
        for _ in range(_START_TRIES):
            mujoco.mj_resetData(self.model, self.data)
            if super()._reset_sim():
                return True
        raise RuntimeError(f"the object falls out of the hand at every start, with factors {self._variation.values}")

    def _goal_distance(self, goal_a, goal_b):
        """Does for poses (..., 7) what the original does for one pair: it mixes several up if they are of a pen."""
        if self.ignore_z_target_rotation:
            euler, wanted = rotations.quat2euler(np.stack([goal_a[..., 3:], goal_b[..., 3:]]))
            euler[..., 2] = wanted[..., 2]
            goal_a = np.concatenate([goal_a[..., :3], rotations.euler2quat(euler)], axis=-1)
        products = goal_a * goal_b  # those of quaternions sum to the cosine of half the angle between them
        cosine = products[..., 3] + products[..., 4] + products[..., 5] + products[..., 6]
        rotation_error = 2 * np.arccos(np.minimum(np.maximum(cosine, -1.0), 1.0))
        if self.target_position == "ignore":
            return np.zeros_like(rotation_error), rotation_error
        return np.linalg.norm(goal_a[..., :3] - goal_b[..., :3], axis=-1), rotation_error

    def _observation_order(self):
        """Returns where what is observed (75,) stands in positions, velocities and goal, one after the other."""
        nq, nv = self.model.nq, self.model.nv
        pose, velocity = self._entries("object:joint")
        goal = nq + nv + np.arange(7)
        angles = [self.model.joint(name).qposadr.item() for name in _JOINTS]
        speeds = [nq + self.model.joint(name).dofadr.item() for name in _JOINTS]
        return np.concatenate([pose, goal, angles, speeds, nq + velocity, pose])

    def _entries(self, name):
        """Returns where a free joint's pose (7,) and velocity (6,) stand."""
        joint = self.model.joint(name)
        return joint.qposadr.item() + np.arange(7), joint.dofadr.item() + np.arange(6)

    def _aim_free_camera(self):
        self.model.stat.center, self.model.stat.extent = (1.0, 0.96, 0.14), 0.33  # it looks from 1.5 extents away
        self.model.vis.global_.azimuth, self.model.vis.global_.elevation = 55.0, -25.0


_WARNINGS = [name.removeprefix("mjWARN_") for name in mujoco.mjtWarning.__members__]
