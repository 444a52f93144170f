"""Two thin faces that show a `Task` to Gymnasium: one simulation, and n of them."""

import math
from collections.abc import Mapping
from typing import ClassVar

import gymnasium as gym
import mujoco
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from envs.episode_values import PerturbedEpisodes
from envs.lifecycle import Lifecycle, autoreset, check_all, check_open, seeds_of
from envs.task import PhysicsFailure, Task
from utils.config import resolved
from utils.fields import FieldError, shown
from utils.perturbation import Perturbable, given_spec
from utils.rendering.camera import Camera
from utils.rendering.pictures import RENDER_MODES, Pictures, View, picture_options
from utils.specs import is_whole

CLASS_DEFAULT = "default"  # stands for the class attribute `default_episode_steps`


class TaskFace(PerturbedEpisodes):
    """Builds the task and shows what user code reads from it; base of `TaskEnv` and `TaskVectorEnv`.

    Attributes:
        task_class: called as task_class(config, num_envs, num_threads); its `config_class` gives the default config.
        default_episode_steps: the steps of an episode, unless `max_episode_steps` says otherwise; None for no limit.
    """

    task_class: ClassVar[type[Task]]
    default_episode_steps: ClassVar[int | None] = None
    task: Task

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
    def perturbations(self) -> Mapping[str, Perturbable]:
        """The parameters that `perturb_spec` and `perturb` accept, with their ranges."""
        return self.task.ranges

    @property
    def default_perturbation(self) -> str | None:
        """The parameter that a `perturb_spec` without a name perturbs."""
        return self.task.default_perturbation

    def perturb(self, values: Mapping[str, np.ndarray], ids: np.ndarray) -> None:
        """Sets values (k,) by parameter name for the following episodes of simulations `ids` (k,); see `Task.perturb`."""
        self.task.perturb(values, ids)

    def _build(self, config, num_envs, num_threads, changes) -> None:
        """Builds the task from the config class's defaults, `config` and `changes`."""
        config = resolved(self.task_class.config_class(), config, changes)
        self.task = self.task_class(config, num_envs, num_threads)
        self.metadata = self.metadata | {"render_fps": round(1 / self.task.control_dt)}

    def _limit(self, max_episode_steps):
        """Returns the steps after which an episode is cut off, or None."""
        is_default = isinstance(max_episode_steps, str) and max_episode_steps == CLASS_DEFAULT
        return self.default_episode_steps if is_default else step_limit(max_episode_steps)

    def _open_camera(self, pictures: Pictures) -> View:
        return Camera(self.task.sim, pictures)


class TaskEnv(Lifecycle, TaskFace, gym.Env):
    """One simulation of a task.

    A new environment is a subclass that sets `task_class` and `default_episode_steps`.

    Args:
        config: the task's config, or a mapping of the fields to change.
        render_mode: None, "human", "rgb_array", "depth_array" or "rgbd_tuple".
        max_episode_steps: steps after which an episode of an environment that is built directly is cut off; None or -1 for
            no limit. `gymnasium.make` cuts by itself: there None gives the registered length.
        num_threads: native threads; one simulation uses one of them.
        perturb_spec: perturbs the physics of every episode; see docs/challenges.md.
        task_kwargs: a mapping that may hold the `perturb_spec`.
        **changes: fields of the config by name, as `ResidualWalkEnv(terrain={"kinds": ["rough"]}, residual_scale=0.03)`;
            and width, height, camera_name and camera_id of pictures, as in `utils.rendering.pictures.Pictures`.

    Raises:
        ValueError: an argument has no such value, or a field or parameter is unknown; the message names the nearest.
    """

    metadata: ClassVar[dict] = {"render_modes": RENDER_MODES, "render_fps": 100}

    def __init__(
        self,
        config=None,
        render_mode: str | None = None,
        max_episode_steps: int | str | None = CLASS_DEFAULT,
        num_threads: int = 1,
        perturb_spec=None,
        task_kwargs: Mapping | None = None,
        **changes,
    ):
        pictures, perturb_spec = picture_options(changes), given_spec(perturb_spec, task_kwargs)
        self._build(config, 1, num_threads, changes)
        self.observation_space, self.action_space = self.task.observation.space, self.task.action_space
        self.render_mode, self._max_episode_steps = render_mode, self._limit(max_episode_steps)
        self._ids = np.array([0])
        self._perturb_episodes(perturb_spec, 1)
        self._camera = self._open_camera(Pictures(render_mode, **pictures))

    def reset(self, *, seed=None, options=None):
        self._check_open()
        super().reset(seed=seed)
        observation = self._start_episodes(self._ids, [self.np_random], options, [seed])[0].copy()
        self._was_reset = True
        self._camera.show(self.task.control_dt)
        return observation, self._measured()

    def step(self, action):
        self.check_step()
        step = self.task.step(np.asarray(action)[None])
        info = self._measured()
        info["reward_terms"] = only(step.reward_terms)
        self._camera.show(self.task.control_dt)
        cut = self.spec is None and self.task.age[0] == self._max_episode_steps
        return step.observation[0].copy(), step.reward.item(), bool(step.terminated[0]), bool(step.truncated[0] or cut), info

    def render(self):
        """Returns a picture as `utils.rendering.pictures.Pictures` says; the viewer of mode "human" follows by itself."""
        self._check_open()
        return self._camera.frame()

    def close(self):
        self._was_closed = True
        self._camera.close()

    def _shaped(self, arrays):
        return only(arrays)


class TaskVectorEnv(TaskFace, VectorEnv):
    """n simulations of a task on native threads; simulation i of seed s is `TaskEnv` of seed s + i, bit for bit.

    `autoreset_mode` is Gymnasium's, or its name:

    - "same_step": an episode that ends starts anew in the same step; `info["final_obs"]` (n, k) and `info["final_info"]`
      then hold the end, with masks `_final_obs` and `_final_info` of those that ended. `info["reward_terms"]` and the
      measurements are those of the step itself, before any restart, and those after it stand in `info["reset_info"]`.
    - "next_step": the step after an end ignores the action of that simulation and resets it: its observation and
      measurements are those of the reset, its reward and reward terms are 0.
    - "disabled": the caller resets what has ended.

    As in Gymnasium's own vector environments `options["reset_mask"]`, (n,) bool, resets these simulations only. Mode
    "human" shows the first simulation.
    """

    metadata: ClassVar[dict] = {
        "render_modes": RENDER_MODES,
        "render_fps": 100,
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }
    transient = ("_camera", "_failures_taken")

    def __init__(
        self,
        num_envs: int = 1,
        config=None,
        render_mode: str | None = None,
        max_episode_steps: int | str | None = CLASS_DEFAULT,
        num_threads: int = 2,
        autoreset_mode: AutoresetMode | str = "same_step",
        perturb_spec=None,
        task_kwargs: Mapping | None = None,
        **changes,
    ):
        pictures, perturb_spec = picture_options(changes), given_spec(perturb_spec, task_kwargs)
        mode = autoreset(autoreset_mode)
        self._build(config, num_envs, num_threads, changes)
        self.num_envs = self.task.num_envs
        self.render_mode, self.metadata = render_mode, self.metadata | {"autoreset_mode": mode}
        self.single_observation_space, self.single_action_space = self.task.observation.space, self.task.action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._max_episode_steps = self._limit(max_episode_steps) or np.inf
        self._was_reset, self._over = np.zeros((2, self.num_envs), bool)
        self._generators = [seeding.np_random()[0] for _ in range(self.num_envs)]
        self._camera = self._open_camera(Pictures(render_mode, **pictures))
        self._failures_taken = 0
        self._perturb_episodes(perturb_spec, self.num_envs)

    def reset(self, *, seed: int | list[int | None] | None = None, options: dict | None = None):
        check_open(self, self.closed)
        options = dict(options or {})
        ids = self._masked(options.pop("reset_mask", None))
        seeds = None if seed is None else self._seed(seed, ids)
        observation = self._restart(ids, options, seeds)
        self._camera.show(self.task.control_dt)
        return observation.copy(), self._measured()

    def step(self, actions):
        self.check_step()
        if self._over.any():
            return self._step_after_ends(actions)
        step, truncated = self._advance(actions)
        info = self._measured()
        info["reward_terms"] = step.reward_terms
        ended = step.terminated | truncated
        observation = step.observation
        if self.metadata["autoreset_mode"] != AutoresetMode.SAME_STEP:
            self._over = ended
        elif ended.any():
            info |= {"final_obs": observation, "_final_obs": ended, "final_info": dict(info), "_final_info": ended}
            observation = np.where(ended[:, None], self._restart(np.flatnonzero(ended)), observation)
            info["reset_info"] = self._measured()
        self._camera.show(self.task.control_dt)
        return observation.copy(), step.reward, step.terminated, truncated, info

    def check_step(self) -> None:
        """Raises ClosedEnvironmentError after `close`, and ResetNeeded if a simulation must be reset first."""
        check_open(self, self.closed)
        check_all(self._was_reset, "must be reset before their first step")
        if self.metadata["autoreset_mode"] == AutoresetMode.DISABLED:
            check_all(~self._over, "have ended")

    def render(self):
        """Returns a tuple with the picture of every simulation, each bit for bit that of the single environment."""
        check_open(self, self.closed)
        return self._camera.frames(self.num_envs)

    def take_failures(self) -> list[PhysicsFailure]:
        """Returns the simulations that went wrong and were not taken before, of the first few that did."""
        taken = self.task.failures[self._failures_taken :]
        self._failures_taken += len(taken)
        return taken

    def close_extras(self, **kwargs):
        self._camera.close()

    def _advance(self, actions, unseen=None):
        """Steps the task; returns its transition and which simulations stop or have reached their limit, (n,) bool."""
        step = self.task.step(actions, unseen)
        return step, step.truncated | (self.task.age >= self._max_episode_steps)

    def _step_after_ends(self, actions):
        """Takes a step of mode "next_step" in which the simulations whose episode was over are reset instead."""
        over = self._over.copy()  # a restart clears it
        actions = np.array(actions, float)
        if actions.shape == self.action_space.shape:  # the task refuses any other
            actions[over] = 0.0
        step, truncated = self._advance(actions, unseen=over)
        observation = np.where(over[:, None], self._restart(np.flatnonzero(over)), step.observation)
        info = self._measured()
        info["reward_terms"] = {name: np.where(over, 0.0, term) for name, term in step.reward_terms.items()}
        terminated, truncated = step.terminated & ~over, truncated & ~over
        self._over = terminated | truncated
        self._camera.show(self.task.control_dt)
        return observation, np.where(over, 0.0, step.reward), terminated, truncated, info

    def _shaped(self, arrays):
        return arrays

    def _masked(self, mask):
        if mask is None:
            return np.arange(self.num_envs)
        mask = np.asarray(mask)
        if mask.shape != (self.num_envs,) or mask.dtype != bool or not mask.any():
            raise ValueError(f"reset_mask must hold {self.num_envs} booleans, at least one of them True, got {mask}")
        return np.flatnonzero(mask)

    def _seed(self, seed, ids):
        """Seeds simulations `ids` (k,); returns their seeds (k,)."""
        seeds = seeds_of(seed, self.num_envs)
        for i in ids:
            if seeds[i] is not None:
                self._generators[i] = seeding.np_random(seeds[i])[0]
        return [seeds[i] for i in ids]

    def _restart(self, ids, options=None, seeds=None):
        observation = self._start_episodes(ids, [self._generators[i] for i in ids], options, seeds)
        self._was_reset[ids], self._over[ids] = True, False
        return observation


def only(arrays: dict[str, np.ndarray]) -> dict[str, float | bool]:
    """Returns the only simulation's value of each array (1,), as a Python number."""
    return {name: values.item() for name, values in arrays.items()}


def checked_action(action, shape: tuple[int, ...]) -> np.ndarray:
    """Returns an action of one simulation as float64.

    Raises:
        ValueError: it has another shape, or holds NaN.
    """
    action = np.asarray(action, dtype=float)
    if action.shape != shape:
        raise ValueError(f"an action must have the shape {shape}, got {action.shape}")
    if math.isnan(action.sum()):
        raise ValueError("an action must be a number, got NaN")
    return action


def step_limit(steps: int | None) -> int | None:
    """Returns the most steps of an episode; None and, as in Gymnasium, -1 stand for no limit, which is None.

    Raises:
        ValueError: it is neither that nor a whole number from 1 on.
    """
    if steps is None or (is_whole(steps, -1) and steps == -1):
        return None
    if not is_whole(steps, 1):
        words = f"must be a whole number of steps, at least 1, or None or -1 for no limit, got {shown(steps)}"
        raise FieldError("max_episode_steps", words)
    return int(steps)
