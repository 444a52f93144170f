"""A robot with a floating base in plain MuJoCo: torques of an explicit PD law at every physics step."""

from pathlib import Path

import mujoco
import numpy as np

from deploy.manifest import Manifest
from utils.files import reading

CONTACT_FORCE = 5.0  # N; a foot with a larger normal force stands on the ground
BASE_FORCE = 1.0  # N; a base that touches something with a larger force has fallen
_FREE = int(mujoco.mjtJoint.mjJNT_FREE)


def load_model(path: Path) -> mujoco.MjModel:
    """Returns the model in an MJCF file.

    Raises:
        ValueError: the file cannot be read or compiled.
    """
    with reading(path):
        if not path.is_file():
            raise ValueError("there is no such file")
        return mujoco.MjModel.from_xml_path(str(path))


class Robot:
    """Simulates a robot whose servos are a PD law outside of MuJoCo.

    The actuators of the model are switched off; torques act on the joints.

    Args:
        model: a robot with one free joint and the manifest's joints, which may have any order; it is changed.
        manifest: joints, gains, limits and feet.
        dt: physics step, s.

    Raises:
        ValueError: the model lacks a joint or a foot, or has no free joint.
    """

    def __init__(self, model: mujoco.MjModel, manifest: Manifest, dt: float):
        self.model, self._manifest = model, manifest
        model.opt.timestep = dt
        model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_ACTUATION)
        self.data = mujoco.MjData(model)
        joints = _found(model, mujoco.mjtObj.mjOBJ_JOINT, manifest.joint_order, "joint")
        self._q, self.dofs = model.jnt_qposadr[joints], model.jnt_dofadr[joints]
        self._feet = _found(model, mujoco.mjtObj.mjOBJ_SITE, manifest.feet, "site")
        free = np.flatnonzero(model.jnt_type == _FREE)
        if len(free) != 1:
            raise ValueError(f"the model must have one free joint, got {len(free)}")
        self._base, self._root_q = int(model.jnt_bodyid[free[0]]), int(model.jnt_qposadr[free[0]])
        self._root_v = int(model.jnt_dofadr[free[0]])
        self._kp, self._kd, self._limit = map(np.array, (manifest.kp, manifest.kd, manifest.torque_limit_nm))
        self.peak = np.zeros(len(joints))  # largest share of its limit that each torque has had in the last control step

    def stand(self) -> None:
        """Puts the robot into the default pose at its start height, at rest."""
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[self._q] = self._manifest.default_pose_rad
        root = self._root_q
        self.data.qpos[root : root + 7] = [0.0, 0.0, self._manifest.start_height_m, 1.0, 0.0, 0.0, 0.0]
        mujoco.mj_forward(self.model, self.data)

    def place(self, root: np.ndarray, root_vel: np.ndarray, joint_pos: np.ndarray, joint_vel: np.ndarray) -> None:
        """Sets the state: pose (7,) and velocity (6,) of the free joint, angles and velocities (j,) of the joints."""
        data, q, v = self.data, self._root_q, self._root_v
        data.qpos[q : q + 7], data.qvel[v : v + 6] = root, root_vel
        data.qpos[self._q], data.qvel[self.dofs] = joint_pos, joint_vel
        mujoco.mj_forward(self.model, data)

    def torque(self, target: np.ndarray) -> np.ndarray:
        """Returns the torques (j,), N m, of the servos for targets (j,), rad, in the current state."""
        wanted = self._kp * (target - self.joint_pos) - self._kd * self.joint_vel
        return np.clip(wanted, -self._limit, self._limit)

    def step(self, target: np.ndarray) -> None:
        """Takes one physics step towards targets (j,), rad."""
        torque = self.torque(target)
        np.maximum(self.peak, np.abs(torque) / self._limit, out=self.peak)
        self.data.qfrc_applied[self.dofs] = torque
        mujoco.mj_step(self.model, self.data)

    @property
    def joint_pos(self) -> np.ndarray:
        """(j,) angles, rad, in the order of the manifest."""
        return self.data.qpos[self._q]

    @property
    def joint_vel(self) -> np.ndarray:
        """(j,) velocities, rad/s."""
        return self.data.qvel[self.dofs]

    @property
    def root_dofs(self) -> np.ndarray:
        """(6,) degrees of freedom of the base."""
        return self._root_v + np.arange(6)

    @property
    def position(self) -> np.ndarray:
        """(3,) position of the base in the world, m."""
        return self.data.qpos[self._root_q : self._root_q + 3].copy()

    @property
    def quat(self) -> np.ndarray:
        """(4,) orientation of the base in the world, w, x, y, z."""
        return self.data.qpos[self._root_q + 3 : self._root_q + 7].copy()

    @property
    def velocity(self) -> np.ndarray:
        """(3,) velocity of the base in the world, m/s."""
        return self.data.qvel[self._root_v : self._root_v + 3].copy()

    @property
    def angvel(self) -> np.ndarray:
        """(3,) angular velocity of the base in its frame, rad/s."""
        return self.data.qvel[self._root_v + 3 : self._root_v + 6].copy()

    @property
    def broken(self) -> bool:
        """Whether the physics has failed."""
        return bool(self.data.warning.number.any()) or not np.isfinite(self.data.qpos).all()

    def contact_forces(self) -> dict[int, float]:
        """Returns the sum of normal forces, N, on each body that touches something, by body id."""
        forces, wrench = {}, np.zeros(6)
        for i in range(self.data.ncon):
            mujoco.mj_contactForce(self.model, self.data, i, wrench)
            for geom in self.data.contact.geom[i]:
                body = int(self.model.geom_bodyid[geom])
                forces[body] = forces.get(body, 0.0) + wrench[0]
        return forces

    def base_touches(self) -> bool:
        """Returns whether the base touches something."""
        return self.contact_forces().get(self._base, 0.0) > BASE_FORCE

    def feet(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns which feet stand on the ground, (f,) bool, and the horizontal speed of each foot, (f,), m/s."""
        forces, speed, velocity = self.contact_forces(), [], np.zeros(6)
        for site in self._feet:
            mujoco.mj_objectVelocity(self.model, self.data, int(mujoco.mjtObj.mjOBJ_SITE), int(site), velocity, 0)
            speed.append(np.hypot(*velocity[3:5]))
        stands = [forces.get(int(self.model.site_bodyid[site]), 0.0) > CONTACT_FORCE for site in self._feet]
        return np.array(stands, bool), np.array(speed)


def _found(model, kind, names, what):
    """Returns the ids (k,) of named parts of a model."""
    ids = np.array([mujoco.mj_name2id(model, int(kind), name) for name in names], int)
    missing = [name for name, i in zip(names, ids) if i < 0]
    if missing:
        raise ValueError(f"the model has no {what} {', '.join(missing)}, which the description of the policy names")
    return ids
