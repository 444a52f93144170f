"""ResidualWalk-v0 as Gymnasium environments, single and vector, with what user code reaches for on them."""

from collections.abc import Mapping
from typing import ClassVar

import mujoco

from controllers.bezier_gait_residual import BezierGaitResidualController
from envs.residual_walk.config import ResidualWalkConfig
from envs.residual_walk.task import ResidualWalkTask
from envs.task_env import TaskEnv, TaskVectorEnv
from utils.config import resolved
from utils.perturbation import given_spec
from utils.rendering.pictures import picture_options
from utils.sensor_utils import SensorReader


class _RobotView:
    """What user code reaches for on an environment, single or vector."""

    task_class: ClassVar[type[ResidualWalkTask]] = ResidualWalkTask
    task: ResidualWalkTask

    @property
    def controller(self) -> BezierGaitResidualController:
        return self.task.controller

    @property
    def config(self) -> ResidualWalkConfig:
        return self.task.config

    @property
    def model(self) -> mujoco.MjModel:
        """The nominal model: what is written to it acts in all simulations from the next step or reset on."""
        return self.task.model

    @property
    def residual_scale(self) -> float:
        return self.controller.residual_scale

    @residual_scale.setter
    def residual_scale(self, metres: float) -> None:
        self.controller.residual_scale = metres

    def set_terrain_scale(self, scale: float | Mapping[str, float]) -> None:
        """Makes `scale`, in [0, 1], the highest terrain level that following resets draw; a mapping tells it by kind."""
        self.task.set_terrain_scale(scale)

    def set_target_velocity(self, velocity: float) -> None:
        """Commands `velocity`, m/s straight ahead, from now on and after every reset."""
        self.task.command_robots(velocity)


class ResidualWalkEnv(_RobotView, TaskEnv):
    """One quadruped, on flat ground if nothing else is said.

    Args:
        config: the task, or a mapping with the fields to change.
        render_mode: None, "human", "rgb_array", "depth_array" or "rgbd_tuple".
        max_episode_steps: of an environment built directly; `gymnasium.make` has its own argument of this name.
        perturb_spec: what to perturb in every episode; see docs/challenges.md.
        task_kwargs: a mapping that may hold the `perturb_spec`.
        **changes: width, height, camera_name or camera_id of pictures, as in `utils.rendering.pictures.Pictures`; and
            fields of the config, as `ResidualWalkEnv(terrain={"kinds": ["rough"]}, residual_scale=0.03)`.
    """

    def __init__(
        self,
        config=None,
        render_mode=None,
        max_episode_steps=5000,
        num_threads=1,
        perturb_spec=None,
        task_kwargs=None,
        **changes,
    ):
        pictures, perturb_spec = picture_options(changes), given_spec(perturb_spec, task_kwargs)
        task = self.task_class(resolved(ResidualWalkConfig(), config, changes), 1, num_threads)
        super().__init__(task, render_mode, max_episode_steps, perturb_spec, **pictures)
        self.sensor_reader = SensorReader(task.sim.model, task.sim.bind("sensordata")[0])
        self._data = mujoco.MjData(task.sim.model)

    @property
    def data(self) -> mujoco.MjData:
        """The simulation as it is now, to read; a write does not reach it (`task.sim` is the place for that)."""
        return self.task.sim.get_data(0, self._data)

    @property
    def target_velocity(self) -> float:
        """The commanded forward speed, m/s; setting it holds for all following episodes too."""
        return self.task._command[0, 0].item()

    @target_velocity.setter
    def target_velocity(self, velocity: float) -> None:
        self.set_target_velocity(velocity)


class ResidualWalkVectorEnv(_RobotView, TaskVectorEnv):
    """`num_envs` quadrupeds on `num_threads` native threads; the other arguments are those of `ResidualWalkEnv`."""

    transient = (*TaskVectorEnv.transient, "sensor_reader")

    def __init__(
        self,
        num_envs=1,
        config=None,
        render_mode=None,
        max_episode_steps=5000,
        num_threads=2,
        autoreset_mode="same_step",
        perturb_spec=None,
        task_kwargs=None,
        **changes,
    ):
        pictures, perturb_spec = picture_options(changes), given_spec(perturb_spec, task_kwargs)
        task = self.task_class(resolved(ResidualWalkConfig(), config, changes), num_envs, num_threads)
        super().__init__(task, render_mode, max_episode_steps, autoreset_mode, perturb_spec, **pictures)
        self.sensor_reader = task.sensor_reader
