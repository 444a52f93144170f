"""Builds the task of an environment from its config class; the base of both Gymnasium faces."""

from collections.abc import Mapping
from typing import ClassVar

import mujoco
import numpy as np

from envs.arguments import step_limit
from envs.episode_values import PerturbedEpisodes
from envs.rebuilt import Rebuilt
from envs.task import Task
from utils.config import resolved
from utils.fields import fitting
from utils.mirror import Symmetry
from utils.observation import Row, current_columns
from utils.perturbation import Perturbable
from utils.rendering.camera import Camera
from utils.rendering.pictures import Pictures, View

CLASS_DEFAULT = "default"  # this `max_episode_steps` selects the class attribute `default_episode_steps`


class TaskFace(Rebuilt, PerturbedEpisodes):
    """Builds a task, and gives user code access to its config, model and parameters.

    Attributes:
        task_class: called as task_class(config, num_envs, num_threads); its `config_class` gives the default config.
        default_episode_steps: maximum steps of an episode by default; None for no limit.
        task: the task.
    """

    task_class: ClassVar[type[Task]]
    default_episode_steps: ClassVar[int | None] = None
    task: Task
    transient = (*Rebuilt.transient, "_camera")

    @property
    def config(self):
        """The task's frozen config."""
        return self.task.config

    @property
    def model(self) -> mujoco.MjModel:
        """The nominal model. Values that are written to it take effect in all simulations from the next step or reset on."""
        return self.task.model

    @property
    def control_dt(self) -> float:
        """Duration of a control step, s, exact; `metadata["render_fps"]` is rounded."""
        return self.task.control_dt

    @property
    def observation_groups(self) -> dict[str, slice]:
        """The parts of the observation vector: "policy", the part that the policy may use, and "critic", all of it."""
        return self.task.observation_groups

    @property
    def observation_rows(self) -> dict[str, slice]:
        """The part of the observation vector that belongs to each row of the observation table, by name."""
        return dict(self.task.observation.slices)

    @property
    def current_columns(self) -> np.ndarray:
        """The columns of the observation that repeat no value of an earlier step, (k,) int."""
        table = self.task.observation
        return current_columns(*table.space.shape, table.past)

    @property
    def estimated_rows(self) -> tuple[str, ...]:
        """The names of the privileged rows that a policy may learn to estimate; empty without privileged observations."""
        rows = self.task.privileged_rows
        return self.task.estimated or rows if rows else ()

    @property
    def symmetry(self) -> Symmetry | None:
        """The left-right mirror images of observation and action; None if the task declares none."""
        return self.task.symmetry

    @property
    def perturbations(self) -> Mapping[str, Perturbable]:
        """The parameters that `perturb_spec` and `perturb` accept, with their ranges."""
        return self.task.ranges

    @property
    def default_perturbation(self) -> str | None:
        """The parameter that a `perturb_spec` without a name perturbs."""
        return self.task.default_perturbation

    @property
    def command_rows(self) -> tuple[Row, ...]:
        """The quantities that `steer` sets, with their ranges and units; empty if the task has no command."""
        return getattr(self.task, "command_rows", ())

    def steer(self, values: Mapping[str, float], ids=slice(None)) -> None:
        """Gives simulations `ids` a command now, by name of the `command_rows`; see `Task.steer`.

        Raises:
            ValueError: the task has no command, or as `Task.steer` does.
        """
        if not self.command_rows:
            raise ValueError("this task has no command")
        self.task.steer(values, ids)

    def perturb(self, values: Mapping[str, np.ndarray], ids: np.ndarray) -> None:
        """Sets values (k,) by parameter name for the following episodes of simulations `ids` (k,); see `Task.perturb`."""
        self.task.perturb(values, ids)

    def create_state_attributes(self) -> None:
        n = self.task.num_envs
        self.task.start(np.arange(n), [np.random.default_rng(i) for i in range(n)])
        if self.render_mode != "human":  # a window opens with the next step
            self._camera.show(self.control_dt)

    def _build(self, config, num_envs, num_threads, privileged, changes):
        """Builds the task with the config class's defaults, changed by `config` and then by `changes`."""
        config = resolved(self.task_class.config_class(), config, changes)
        self.task = self.task_class(config, num_envs, num_threads)
        if fitting(privileged, bool, "privileged"):
            self.task.append_privileged()
        self.metadata = self.metadata | {"render_fps": round(1 / self.task.control_dt)}

    def _limit(self, max_episode_steps):
        """Returns the steps after which an episode is cut off, or None."""
        is_default = isinstance(max_episode_steps, str) and max_episode_steps == CLASS_DEFAULT
        return self.default_episode_steps if is_default else step_limit(max_episode_steps)

    def _open_camera(self, pictures: Pictures) -> View:
        return Camera(self.task.sim, pictures)
