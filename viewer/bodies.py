"""The bodies of an environment's simulations: their poses for drawing, their states, and the forces from outside."""

from dataclasses import dataclass
from typing import Protocol

import mujoco
import numpy as np
from gymnasium.vector import VectorEnv


@dataclass(frozen=True)
class Poses:
    """Poses of the bodies of n simulations at one time, as copies."""

    position: np.ndarray  # (n, bodies, 3) m in the world
    rotation: np.ndarray  # (n, bodies, 3, 3) from the body's frame to the world
    mocap_position: np.ndarray  # (n, mocaps, 3) m
    mocap_quat: np.ndarray  # (n, mocaps, 4) wxyz
    qpos: np.ndarray  # (n, nq)
    qvel: np.ndarray  # (n, nv)
    ctrl: np.ndarray  # (n, nu)

    def point(self, robot: int, body: int, local: np.ndarray) -> np.ndarray:
        """Returns a point (3,) of a body, given in the body's frame, in the world, m."""
        return self.position[robot, body] + self.rotation[robot, body] @ local


class Bodies(Protocol):
    """The MuJoCo simulations of a vector environment."""

    count: int

    @property
    def model(self) -> mujoco.MjModel:
        """The model of the first simulation; another object after it was rebuilt."""

    def poses(self) -> Poses:
        """Returns the current poses."""

    def state(self) -> bytes:
        """Returns positions and velocities of all simulations, bit for bit."""

    def get_data(self, index: int, data: mujoco.MjData | None = None) -> mujoco.MjData:
        """Returns the data of one simulation, for reading until the next call."""

    def forces(self, index: int) -> np.ndarray:
        """Returns the live array (bodies, 6) of external forces, N, and torques, N m, at the bodies' centres of mass."""


class BatchBodies:
    """The simulations of a task, which share one batch."""

    def __init__(self, sim):
        self._sim, self.count = sim, sim.nsim
        self._fields = [sim.bind(name) for name in ("xpos", "xmat", "mocap_pos", "mocap_quat", "qpos", "qvel", "ctrl")]
        self._forces = self._data = None

    @property
    def model(self):
        return self._sim.model

    def poses(self):
        position, matrix, *others = (field.copy() for field in self._fields)
        return Poses(position, matrix.reshape(*position.shape, 3), *others)

    def state(self):
        return b"".join(field.tobytes() for field in self._fields[4:6])

    def get_data(self, index, data=None):
        self._data = self._sim.get_data(index, data or self._data)  # the same object at every call: a new one takes 1 ms
        return self._data

    def forces(self, index):
        if self._forces is None:  # bound by the first push only
            self._forces = self._sim.bind("xfrc_applied")
        return self._forces[index]


class SingleBodies:
    """Single environments with a model and data each, stepped one after the other."""

    def __init__(self, envs):
        self._envs, self.count = [env.unwrapped for env in envs], len(envs)

    @property
    def model(self):
        return self._envs[0].model

    def poses(self):
        data = [env.data for env in self._envs]
        position = np.stack([each.xpos for each in data])
        rotation = np.stack([each.xmat for each in data]).reshape(*position.shape, 3)
        names = ("mocap_pos", "mocap_quat", "qpos", "qvel", "ctrl")
        return Poses(position, rotation, *(np.stack([getattr(each, name) for each in data]) for name in names))

    def state(self):
        return b"".join(env.data.qpos.tobytes() + env.data.qvel.tobytes() for env in self._envs)

    def get_data(self, index, data=None):
        return self._envs[index].data

    def forces(self, index):
        return self._envs[index].data.xfrc_applied


def bodies_of(env: VectorEnv) -> Bodies | None:
    """Returns the bodies of a vector environment; None if it has no MuJoCo model."""
    base = env.unwrapped
    sim = getattr(getattr(base, "task", None), "sim", None)
    if sim is not None:
        return BatchBodies(sim)
    singles = getattr(base, "envs", ())
    if singles and all(isinstance(getattr(single.unwrapped, "data", None), mujoco.MjData) for single in singles):
        return SingleBodies(singles)
    return None
