"""ResidualWalk-v0 as Gymnasium environments, single and vector."""

from collections.abc import Mapping

import mujoco

from controllers.bezier_gait_residual import BezierGaitResidualController
from envs.residual_walk.task import ResidualWalkTask
from envs.task_env import TaskEnv, TaskFace, TaskVectorEnv
from utils.sensor_utils import SensorReader


class _WalkFace(TaskFace):
    """What both environments share."""

    task_class, default_episode_steps = ResidualWalkTask, 5000
    task: ResidualWalkTask

    @property
    def controller(self) -> BezierGaitResidualController:
        """The gait with its residuals, for all simulations."""
        return self.task.controller

    @property
    def residual_scale(self) -> float:
        """Foot displacement for an action of 1, m."""
        return self.controller.residual_scale

    @residual_scale.setter
    def residual_scale(self, metres: float) -> None:
        self.controller.residual_scale = metres

    def set_terrain_scale(self, scale: float | Mapping[str, float]) -> None:
        """Sets the highest terrain level, in [0, 1], that following resets draw; a mapping sets it by terrain kind."""
        self.task.set_terrain_scale(scale)

    def set_target_velocity(self, velocity: float) -> None:
        """Sets the commanded forward speed, m/s, of the current and all following episodes."""
        self.task.command_robots(velocity)


class ResidualWalkEnv(_WalkFace, TaskEnv):
    """One quadruped; the default terrain is flat. Arguments as in `TaskEnv`; fields of `ResidualWalkConfig` are keywords.

    Example: `ResidualWalkEnv(terrain={"kinds": ["rough"]}, residual_scale=0.03)`.
    """

    def _build(self, *arguments):
        super()._build(*arguments)
        self.sensor_reader = SensorReader(self.task.sim.model, self.task.sim.bind("sensordata")[0])
        self._data = mujoco.MjData(self.task.sim.model)

    @property
    def data(self) -> mujoco.MjData:
        """A copy of the current simulation state, to read. Writing to it has no effect: write to `task.sim` instead."""
        return self.task.sim.get_data(0, self._data)

    @property
    def target_velocity(self) -> float:
        """The commanded forward speed, m/s; setting it fixes it for all following episodes too."""
        return self.task._command[0, 0].item()

    @target_velocity.setter
    def target_velocity(self, velocity: float) -> None:
        self.set_target_velocity(velocity)


class ResidualWalkVectorEnv(_WalkFace, TaskVectorEnv):
    """`num_envs` quadrupeds on `num_threads` native threads. Arguments as in `TaskVectorEnv`."""

    transient = (*TaskVectorEnv.transient, "sensor_reader")

    @property
    def sensor_reader(self) -> SensorReader:
        """Reads the sensors of all simulations."""
        return self.task.sensor_reader
