"""Two thin faces that show a `Task` to Gymnasium: one simulation, and n of them."""

import math
from collections.abc import Mapping
from typing import ClassVar

import gymnasium as gym
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from envs.episode_values import PerturbedEpisodes
from envs.lifecycle import Lifecycle, autoreset, check_all, check_open, seeds_of
from envs.task import PhysicsFailure, Task
from utils.fields import FieldError, shown
from utils.perturbation import Perturbable
from utils.rendering.camera import Camera
from utils.rendering.pictures import RENDER_MODES, Pictures, View
from utils.specs import is_whole


class _TaskView(PerturbedEpisodes):
    """Shows a task's `control_dt`, and what may be perturbed: `perturbations`, the default one, and `perturb`."""

    task: Task

    @property
    def control_dt(self) -> float:
        """Seconds of a control step, exact; `metadata["render_fps"]` is rounded."""
        return self.task.control_dt

    @property
    def perturbations(self) -> Mapping[str, Perturbable]:
        return self.task.perturbations

    @property
    def default_perturbation(self) -> str | None:
        return self.task.default_perturbation

    def perturb(self, values: Mapping[str, np.ndarray], ids: np.ndarray) -> None:
        """Makes following resets of simulations `ids` (k,) use these values (k,); see `Task.perturb`."""
        self.task.perturb(values, ids)

    def _open_camera(self, pictures: Pictures) -> View:
        return Camera(self.task.sim, pictures)


class TaskEnv(Lifecycle, _TaskView, gym.Env):
    """One simulation of a task.

    `max_episode_steps` cuts episodes of an environment that is built directly, None and -1 do not; `gymnasium.make` cuts
    by itself: None gives the registered length there, and -1 no limit.
    `perturb_spec` perturbs the physics of every episode; see docs/challenges.md.
    `pictures` are width, height, camera_name and camera_id, as in `utils.rendering.pictures.Pictures`.
    """

    metadata: ClassVar[dict] = {"render_modes": RENDER_MODES, "render_fps": 100}

    def __init__(self, task: Task, render_mode: str | None = None, max_episode_steps=None, perturb_spec=None, **pictures):
        self.task = task
        self.observation_space, self.action_space = task.observation.space, task.action_space
        self.render_mode = render_mode
        self.metadata = self.metadata | {"render_fps": round(1 / task.control_dt)}
        self._max_episode_steps = step_limit(max_episode_steps)
        self._age = 0
        self._ids = np.array([0])
        self._perturb_episodes(perturb_spec, 1)
        self._camera = self._open_camera(Pictures(render_mode, **pictures))

    def reset(self, *, seed=None, options=None):
        self._check_open()
        super().reset(seed=seed)
        observation = self._start_episodes(self._ids, [self.np_random], options, [seed])[0].copy()
        self._age, self._was_reset = 0, True
        self._camera.show(self.task.control_dt)
        return observation, self._measured()

    def step(self, action):
        self.check_step()
        step = self.task.step(np.asarray(action)[None])
        self._age += 1
        info = self._measured()
        info["reward_terms"] = only(step.reward_terms)
        self._camera.show(self.task.control_dt)
        truncated = bool(step.truncated[0]) or (self.spec is None and self._age == self._max_episode_steps)
        return step.observation[0].copy(), step.reward.item(), bool(step.terminated[0]), truncated, info

    def render(self):
        """Returns a picture as `utils.rendering.pictures.Pictures` says; the viewer of mode "human" follows by itself."""
        self._check_open()
        return self._camera.frame()

    def close(self):
        self._was_closed = True
        self._camera.close()

    def _shaped(self, arrays):
        return only(arrays)


class TaskVectorEnv(_TaskView, VectorEnv):
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
        task: Task,
        render_mode=None,
        max_episode_steps=None,
        autoreset_mode="same_step",
        perturb_spec=None,
        **pictures,
    ):
        self.task, self.num_envs = task, task.num_envs
        self.render_mode, mode = render_mode, autoreset(autoreset_mode)
        self.metadata = self.metadata | {"render_fps": round(1 / task.control_dt), "autoreset_mode": mode}
        self.single_observation_space, self.single_action_space = task.observation.space, task.action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._max_episode_steps = step_limit(max_episode_steps) or np.inf
        self._age = np.zeros(self.num_envs, int)
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
        self._age += 1
        return step, step.truncated | (self._age >= self._max_episode_steps)

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
        self._age[ids], self._was_reset[ids], self._over[ids] = 0, True, False
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
