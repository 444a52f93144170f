"""Gymnasium environments of walking robots, single and vector: terrain, commands and sensors for user code."""

from collections.abc import Mapping, Sequence

import mujoco

from envs.locomotion.walker import WalkerTask
from envs.task_env import TaskEnv, TaskVectorEnv
from envs.task_face import TaskFace
from utils.sensor_utils import SensorReader


class WalkerFace(TaskFace):
    """Methods for terrain and commands, shared by single and vector environments."""

    task: WalkerTask

    def set_terrain_scale(self, scale: float | Mapping[str, float]) -> None:
        """Sets the highest terrain level, in [0, 1], that following resets draw; a mapping sets it by terrain kind."""
        self.task.set_terrain_scale(scale)

    def set_terrain_weights(self, weights: Mapping[str, Sequence[float]] | None) -> None:
        """Sets how likely following resets draw each level of each kind, relative to the others; None: equally likely."""
        self.task.set_terrain_weights(weights)

    def command_velocity(self, vx: float, vy: float = 0.0, yaw_rate: float = 0.0) -> None:
        """Fixes the command: forward and left speed, m/s, and yaw rate, rad/s, for this and all following episodes."""
        self.task.command_velocity(vx, vy, yaw_rate)

    def release_command(self) -> None:
        """Uses the commands drawn from the config's ranges again, in the current episode too."""
        self.task.release_command()

    def set_target_velocity(self, velocity: float) -> None:
        """Commands a forward speed, m/s, straight ahead, in the current and all following episodes."""
        self.command_velocity(velocity)


class WalkerEnv(WalkerFace, TaskEnv):
    """One walking robot. Arguments as in `TaskEnv`."""

    transient = (*TaskEnv.transient, "sensor_reader", "_data")

    def _build(self, *arguments):
        super()._build(*arguments)
        self.sensor_reader = SensorReader(self.task.sim.model, self.task.sim.bind("sensordata")[0])
        self._data = mujoco.MjData(self.task.sim.model)

    @property
    def data(self) -> mujoco.MjData:
        """A copy of the current simulation state for reading. Writing to it has no effect: write to `task.sim` instead."""
        return self.task.sim.get_data(0, self._data)

    @property
    def target_velocity(self) -> float:
        """The commanded forward speed, m/s; setting it fixes it for all following episodes too."""
        return self.task.command.value[0, 0].item()

    @target_velocity.setter
    def target_velocity(self, velocity: float) -> None:
        self.set_target_velocity(velocity)


class WalkerVectorEnv(WalkerFace, TaskVectorEnv):
    """`num_envs` walking robots on `num_threads` native threads. Arguments as in `TaskVectorEnv`."""

    @property
    def sensor_reader(self) -> SensorReader:
        """Reads the sensors of all simulations."""
        return self.task.sensor_reader
