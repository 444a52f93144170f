"""The Shadow hand of gymnasium-robotics 1.4.2 with an object, adapted to newer versions of MuJoCo."""

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
    """Replaces MuJoCo's joint types by integers inside gymnasium-robotics' `mujoco_utils` only.

    The module tests `joint_type in (mjJNT_HINGE, mjJNT_SLIDE)` with a numpy integer. Since MuJoCo 3.12 an enum never
    equals a numpy integer.
    """
    joint_types = {name: int(kind) for name, kind in mujoco.mjtJoint.__members__.items()}
    module.mujoco = SimpleNamespace(**(vars(mujoco) | {"mjtJoint": SimpleNamespace(**joint_types)}))


repair(mujoco_utils)

# Arguments of HandManipulateBlockRotateXYZ-v1, HandManipulatePen-v1 and HandManipulateEggRotate-v1.
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
_TARGET_RANGE = np.array([(-0.04, 0.04), (-0.06, 0.02), (0.0, 0.06)])  # m, relative to the object's start
_START_TRIES = 100  # with the nominal model the first try succeeds
_PICTURE = {"width": 640, "height": 480}
_TARGET_ASIDE_M = 0.15  # offset of the target in pictures, where its position is ignored

_JOINT_COUNTS = {"WR": 2, "FF": 4, "MF": 4, "RF": 4, "LF": 5, "TH": 5}
_JOINTS = tuple(f"robot0:{part}J{i}" for part, count in _JOINT_COUNTS.items() for i in reversed(range(count)))
# The torque of a servo is kp (target - angle), limited to its force range: torque_scale scales all of it and keeps targets.
# Damping and friction are scaled at the hand's hinges only, not at the object's free joint.
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
# The model's dry friction, 0.001 N m, is a hundredth of the damping torque at 1 rad/s, so 20 % more has no visible effect.
# 50 times as much is 0.05 N m, about a twentieth of the torque of a finger's servo.
PERTURBATIONS = {
    "torque_scale": Perturbable(1.0, 0.7, 1.3, 0.1, 0.0, 10.0),
    "joint_damping": Perturbable(1.0, 0.8, 1.2, 0.1, 0.0, 20.0),
    "joint_friction": Perturbable(1.0, 0.0, 50.0, 5.0, 0.0, 200.0),
    "gravity_scale": Perturbable(1.0, 0.95, 1.05, 0.01, 0.0, 5.0),
}


class ShadowHand(MujocoManipulateEnv):
    """The original's model, initial states, targets and distances, for the environments of `envs.shadow_hand_env`.

    Args:
        thing: name of the object in the hand, a key of OBJECTS.
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
        """Applies the factors to the model, then draws the object's pose and a target from `generator`.

        Raises:
            RuntimeError: the object falls out of the hand at every try.
        """
        if self._variation.values != self._variation.values | factors:
            self._variation.apply(factors)
        self.np_random = generator
        self.reset()

    def advance(self, action: np.ndarray) -> str:
        """Takes one control step with servo targets (20,), scaled to [-1, 1]; returns the error message, "" if none."""
        self._set_action(action)
        self._mujoco_step(action)
        warned = [_WARNINGS[kind] for kind in np.flatnonzero(self.data.warning.number)]
        finite = math.isfinite(self.data.qpos.sum() + self.data.qvel.sum())
        if finite and not warned:
            return ""
        return f"the physics failed: {', '.join(warned) or 'a state that is not finite'}"

    def observation(self) -> np.ndarray:
        """Returns the observation (75,). A pose is a position, m, and a quaternion wxyz.

        Order: the object's pose, the target pose, angles and velocities of the hand's 24 hinges, rad and rad/s, the
        object's velocity, m/s and rad/s, and the object's pose again.
        """
        return np.concatenate([self.data.qpos, self.data.qvel, self.goal])[self._order]

    def distances(self, achieved: np.ndarray, desired: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns position errors, m, and rotation errors, rad, (...) of poses (..., 7), computed as in the original.

        The rotation error is in [0, 2 pi], because a quaternion and its negative count as different rotations.
        """
        return self._goal_distance(np.asarray(achieved, float), np.asarray(desired, float))

    def solved(self, position_error: np.ndarray, rotation_error: np.ndarray) -> np.ndarray:
        """Returns True where both errors (...) are below their thresholds, (...) bool."""
        return (position_error < self.distance_threshold) & (rotation_error < self.rotation_threshold)

    def __getstate__(self) -> dict:
        """Returns all attributes except gymnasium-robotics' modules, name tables and unused renderer (not picklable)."""
        left_out = ("_mujoco", "_utils", "_model_names", "mujoco_renderer")
        return {name: value for name, value in vars(self).items() if name not in left_out}

    def __setstate__(self, state: Mapping) -> None:
        vars(self).update(state)
        self._mujoco, self._utils = mujoco, mujoco_utils
        self._model_names = mujoco_utils.MujocoModelNames(self.model)

    def get_data(self, index: int = 0, data: mujoco.MjData | None = None) -> mujoco.MjData:
        """Returns a copy of the simulation for a camera, with the target in view."""
        data = data or mujoco.MjData(self.model)
        mujoco.mj_copyData(data, self.model, self.data)
        data.qpos[self._target] = self.goal
        data.qpos[self._target[0]] += _TARGET_ASIDE_M * (self.target_position == "ignore")
        mujoco.mj_forward(self.model, data)
        return data

    def _reset_sim(self):
        """Resets as the original does, but also clears solver, forces and warnings, and limits the number of tries."""
        for _ in range(_START_TRIES):
            mujoco.mj_resetData(self.model, self.data)
            if super()._reset_sim():
                return True
        raise RuntimeError(f"the object falls out of the hand at every start, with factors {self._variation.values}")

    def _goal_distance(self, goal_a, goal_b):
        """Computes the original's errors for poses (..., 7); for a pen the original is wrong with more than one pair."""
        if self.ignore_z_target_rotation:
            euler, wanted = rotations.quat2euler(np.stack([goal_a[..., 3:], goal_b[..., 3:]]))
            euler[..., 2] = wanted[..., 2]
            goal_a = np.concatenate([goal_a[..., :3], rotations.euler2quat(euler)], axis=-1)
        products = goal_a * goal_b  # the dot product of two quaternions is the cosine of half the angle between them
        cosine = products[..., 3] + products[..., 4] + products[..., 5] + products[..., 6]
        rotation_error = 2 * np.arccos(np.minimum(np.maximum(cosine, -1.0), 1.0))
        if self.target_position == "ignore":
            return np.zeros_like(rotation_error), rotation_error
        return np.linalg.norm(goal_a[..., :3] - goal_b[..., :3], axis=-1), rotation_error

    def _observation_order(self):
        """Returns the indices (75,) of the observation in the concatenated positions, velocities and goal."""
        nq, nv = self.model.nq, self.model.nv
        pose, velocity = self._entries("object:joint")
        goal = nq + nv + np.arange(7)
        angles = [self.model.joint(name).qposadr.item() for name in _JOINTS]
        speeds = [nq + self.model.joint(name).dofadr.item() for name in _JOINTS]
        return np.concatenate([pose, goal, angles, speeds, nq + velocity, pose])

    def _entries(self, name):
        """Returns the indices of a free joint's pose (7,) in qpos and of its velocity (6,) in qvel."""
        joint = self.model.joint(name)
        return joint.qposadr.item() + np.arange(7), joint.dofadr.item() + np.arange(6)

    def _aim_free_camera(self):
        self.model.stat.center, self.model.stat.extent = (1.0, 0.96, 0.14), 0.33  # the camera distance is 1.5 extents
        self.model.vis.global_.azimuth, self.model.vis.global_.elevation = 55.0, -25.0


_WARNINGS = [name.removeprefix("mjWARN_") for name in mujoco.mjtWarning.__members__]
