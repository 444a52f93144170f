"""Gymnasium environments of robots on legs, single and vector: terrain, randomisation and sensors for user code."""

from collections.abc import Mapping, Sequence

import mujoco

from envs.locomotion.legged import LeggedTask
from envs.task_env import TaskEnv, TaskVectorEnv
from envs.task_face import TaskFace
from utils.sensor_utils import SensorReader


class LeggedFace(TaskFace):
    """Methods for terrain and randomisation, shared by single and vector environments."""

    task: LeggedTask

    def set_terrain_scale(self, scale: float | Mapping[str, float]) -> None:
        """Sets the highest terrain level, in [0, 1], that following resets draw; a mapping sets it by terrain kind."""
        self.task.set_terrain_scale(scale)

    def set_terrain_weights(self, weights: Mapping[str, Sequence[float]] | None) -> None:
        """Sets how likely following resets draw each level of each kind, relative to the others; None: equally likely."""
        self.task.set_terrain_weights(weights)

    def set_variation_scale(self, scale: float) -> None:
        """Sets the share of the config's randomisation, 0 to 1, that following resets draw; pushes change from now on."""
        self.task.set_variation_scale(scale)


class LeggedEnv(LeggedFace, TaskEnv):
    """One robot on legs. Arguments as in `TaskEnv`."""

    transient = (*TaskEnv.transient, "sensor_reader", "_data")

    def _build(self, *arguments):
        super()._build(*arguments)
        self.sensor_reader = SensorReader(self.task.sim.model, self.task.sim.bind("sensordata")[0])
        self._data = mujoco.MjData(self.task.sim.model)

    @property
    def data(self) -> mujoco.MjData:
        """A copy of the current simulation state for reading. Writing to it has no effect: write to `task.sim` instead."""
        return self.task.sim.get_data(0, self._data)


class LeggedVectorEnv(LeggedFace, TaskVectorEnv):
    """`num_envs` robots on legs on `num_threads` native threads. Arguments as in `TaskVectorEnv`."""

    @property
    def sensor_reader(self) -> SensorReader:
        """Reads the sensors of all simulations."""
        return self.task.sensor_reader
