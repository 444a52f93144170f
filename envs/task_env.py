"""The two Gymnasium faces of a `Task`: one simulation, and n of them."""

from collections.abc import Mapping
from typing import ClassVar

import gymnasium as gym
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from envs.arguments import autoreset, seeds_of
from envs.lifecycle import Lifecycle, check_all, check_open
from envs.step_memory import PhysicsFailure
from envs.task_face import CLASS_DEFAULT, TaskFace
from utils.perturbation import given_spec
from utils.rendering.pictures import RENDER_MODES, Pictures, picture_options


class TaskEnv(Lifecycle, TaskFace, gym.Env):
    """One simulation of a task.

    A new environment is a subclass that sets `task_class` and `default_episode_steps`.

    Args:
        config: the task's config, or a mapping of the fields to change.
        render_mode: None, "human", "rgb_array", "depth_array" or "rgbd_tuple".
        max_episode_steps: steps after which an episode is truncated; None or -1 for no limit. This is for environments that
            are built directly. `gymnasium.make` truncates episodes itself, and there None means the registered limit.
        num_threads: native threads; one simulation uses one of them.
        perturb_spec: perturbs the physics of every episode; see docs/challenges.md.
        task_kwargs: a mapping that may contain the `perturb_spec`.
        privileged: append the privileged rows to the observation; `observation_groups` has the slice of each part.
        **changes: fields of the config by name, as `ResidualWalkEnv(terrain={"kinds": ["rough"]}, residual_scale=0.03)`;
            also width, height, camera_name and camera_id of pictures, as in `utils.rendering.pictures.Pictures`.

    Raises:
        ValueError: the value of an argument is not allowed, or a field or parameter is unknown; the message names the
            nearest name.
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
        privileged: bool = False,
        **changes,
    ):
        pictures, perturb_spec = picture_options(changes), given_spec(perturb_spec, task_kwargs)
        self._build(config, 1, num_threads, privileged, changes)
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
        info["reward_terms"] = unbatched(step.reward_terms)
        self._camera.show(self.task.control_dt)
        cut = self.spec is None and self.task.age[0] == self._max_episode_steps
        return step.observation[0].copy(), step.reward.item(), bool(step.terminated[0]), bool(step.truncated[0] or cut), info

    def _shaped(self, arrays):
        return unbatched(arrays)


class TaskVectorEnv(TaskFace, VectorEnv):
    """n simulations of a task on native threads; simulation i of seed s equals `TaskEnv` of seed s + i, bit for bit.

    Args:
        num_envs: number of simulations.
        num_threads: native threads.
        autoreset_mode: Gymnasium's mode, or its name:
            "same_step": an episode that ends is reset in the same step. `info["final_obs"]` (n, k) and
            `info["final_info"]` then describe the end, with masks `_final_obs` and `_final_info` (n,) of the simulations
            that ended. `info["reward_terms"]` and the measurements describe the step before the reset;
            `info["reset_info"]` holds the measurements after it.
            "next_step": the step after an end ignores the action of that simulation and resets it. Its observation and
            measurements are those of the reset; its reward and reward terms are 0.
            "disabled": the caller resets simulations whose episode has ended.
        **changes: as in `TaskEnv`, like all other arguments. Mode "human" shows the first simulation.

    As in Gymnasium's vector environments, `options["reset_mask"]`, (n,) bool, resets only these simulations.
    """

    metadata: ClassVar[dict] = {
        "render_modes": RENDER_MODES,
        "render_fps": 100,
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }
    transient = (*TaskFace.transient, "_failures_taken")

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
        privileged: bool = False,
        **changes,
    ):
        pictures, perturb_spec = picture_options(changes), given_spec(perturb_spec, task_kwargs)
        mode = autoreset(autoreset_mode)
        self._build(config, num_envs, num_threads, privileged, changes)
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
        observation = self._reset_episodes(ids, options, seeds)
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
            observation = np.where(ended[:, None], self._reset_episodes(np.flatnonzero(ended)), observation)
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
        """Returns a tuple of the pictures of all simulations, each equal to the single environment's, bit for bit."""
        check_open(self, self.closed)
        return self._camera.frames(self.num_envs)

    def take_failures(self) -> list[PhysicsFailure]:
        """Returns the physics failures since the last call; a task stores only the first few."""
        taken = self.task.failures[self._failures_taken :]
        self._failures_taken += len(taken)
        return taken

    def close_extras(self, **kwargs):
        self._camera.close()

    def _advance(self, actions, unseen=None):
        """Steps the task; returns its transition, and which simulations are truncated by task or limit, (n,) bool."""
        step = self.task.step(actions, unseen)
        return step, step.truncated | (self.task.age >= self._max_episode_steps)

    def _step_after_ends(self, actions):
        """Takes a step in mode "next_step"; simulations whose episode has ended are reset instead."""
        over = self._over.copy()  # a reset clears it
        actions = np.array(actions, float)
        if actions.shape == self.action_space.shape:  # the task refuses other shapes
            actions[over] = 0.0
        step, truncated = self._advance(actions, unseen=over)
        observation = np.where(over[:, None], self._reset_episodes(np.flatnonzero(over)), step.observation)
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
            raise ValueError(f"reset_mask must have {self.num_envs} booleans, at least one of them True, got {mask}")
        return np.flatnonzero(mask)

    def _seed(self, seed, ids):
        """Seeds simulations `ids` (k,); returns their seeds (k,)."""
        seeds = seeds_of(seed, self.num_envs)
        for i in ids:
            if seeds[i] is not None:
                self._generators[i] = seeding.np_random(seeds[i])[0]
        return [seeds[i] for i in ids]

    def _reset_episodes(self, ids, options=None, seeds=None):
        observation = self._start_episodes(ids, [self._generators[i] for i in ids], options, seeds)
        self._was_reset[ids], self._over[ids] = True, False
        return observation


def unbatched(arrays: dict[str, np.ndarray]) -> dict[str, float | bool]:
    """Returns the value of each array (1,) as a Python number."""
    return {name: values.item() for name, values in arrays.items()}
