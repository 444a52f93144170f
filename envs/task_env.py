"""The loop every task shares: one `Task` steps n simulations, and two thin faces show it to Gymnasium."""

import math
from abc import ABC, abstractmethod
from collections import deque
from typing import ClassVar, NamedTuple

import gymnasium as gym
import mujoco
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from mujoco.batch import Batch, SimulationError

from utils.observation import ObservationTable
from utils.rendering import Camera

# Sensors then describe the new state, and the next step continues from it for free.
_VEL_STAGE = int(mujoco.mjtStage.mjSTAGE_VEL)
RENDER_MODES = ["human", "rgb_array"]


class Transition(NamedTuple):
    """What one control step gave, simulations on the first axis."""

    observation: np.ndarray  # (n, k) float32
    reward: np.ndarray  # (n,)
    reward_terms: dict[str, np.ndarray]  # (n,) each; they sum to the reward
    terminated: np.ndarray  # (n,) bool
    truncated: np.ndarray  # (n,) bool


class PhysicsFailure(NamedTuple):
    """A simulation that went wrong: its whole state before the step (mjSTATE_INTEGRATION), and the action taken there."""

    simulation: int
    state: np.ndarray
    action: np.ndarray


class Task(ABC):
    """Model + command + observation + reward + end, for n simulations at once.

    Every array has the simulations on its first axis. A single environment is n = 1, so what is trained on 64 and what
    is played on one are the same lines of code. A simulation whose physics goes wrong (not finite, or a MuJoCo warning)
    ends as terminated with a reward of 0 and the observation it had before; `failures` keeps the last five.
    """

    observation: ObservationTable
    action_space: gym.spaces.Box
    reset_options: tuple[str, ...] = ()

    def __init__(self, model: mujoco.MjModel, num_envs: int, control_dt: float, num_threads: int):
        self.num_envs = num_envs
        self.control_dt = control_dt
        self.substeps = whole_ratio(control_dt, model.opt.timestep)
        self.sim = Batch(model, num_envs, min(num_threads, num_envs), persistent=True)
        self.failed = np.zeros(num_envs, bool)
        self.failures: deque[PhysicsFailure] = deque(maxlen=5)
        self.failure_count = 0
        self._observation = np.zeros((num_envs, *self.observation.space.shape), np.float32)

    @abstractmethod
    def reset(self, ids: np.ndarray, generators: list[np.random.Generator], options: dict) -> None:
        """Writes a start state for simulations `ids`; generators[i] draws for simulation ids[i]."""

    @abstractmethod
    def act(self, action: np.ndarray) -> None:
        """Turns `action` (n, a) in [-1, 1] into controls."""

    @abstractmethod
    def sense(self) -> None:
        """Takes from the current state, once, what observation, reward and end all need; repeated, it changes nothing."""

    @abstractmethod
    def observe(self) -> dict[str, np.ndarray]:
        """Returns the blocks of the observation by name, each (n, size)."""

    @abstractmethod
    def reward_terms(self) -> dict[str, np.ndarray]:
        """Returns the weighted terms by name, each (n,); the reward is their sum."""

    @abstractmethod
    def terminated(self) -> np.ndarray:
        """Returns which simulations have failed at the task, (n,) bool."""

    def truncated(self) -> np.ndarray:
        """Returns which simulations must stop without having failed, time limits aside, (n,) bool. None by default."""
        return np.zeros(self.num_envs, bool)

    def measurements(self) -> dict[str, np.ndarray]:
        """Returns what a user may want to know about the current state by name, (n,) each. Nothing by default."""
        return {}

    def start(self, ids: np.ndarray, generators: list[np.random.Generator], options: dict | None = None) -> np.ndarray:
        """Begins new episodes in simulations `ids`; returns everyone's observation (n, k).

        Raises:
            ValueError: an option is not among `reset_options`.
        """
        options = options or {}
        unknown = sorted(options.keys() - set(self.reset_options))
        if unknown:
            raise ValueError(f"unknown reset options {unknown}; there are {', '.join(self.reset_options) or 'none'}")
        self.failed[ids] = False
        self.reset(ids, generators, options)
        self.sense()
        self._observation = self.observation.pack(self.observe())
        return self._observation

    def step(self, action: np.ndarray) -> Transition:
        """Takes one control step with `action` (n, a), clipped to [-1, 1].

        Raises:
            ValueError: the action has another shape, or is not a number.
        """
        action = np.asarray(action, dtype=float)
        shape = (self.num_envs, *self.action_space.shape)
        if action.shape != shape:
            raise ValueError(f"an action must have the shape {shape}, got {action.shape}")
        action = np.minimum(np.maximum(action, -1.0), 1.0)
        if math.isnan(action.sum()):
            raise ValueError("an action must be a number, got NaN")
        before = self.sim.state.copy()
        self.act(action)
        self._advance(before, action)
        return self._transition()

    def _advance(self, before, action):
        raised = ()
        try:
            self.sim.step(nstep=self.substeps, stage=_VEL_STAGE)
        except SimulationError as error:
            raised = error.ids
        # A sum is finite only if every part is, or if parts cancel that the next step's warning will catch.
        if len(raised) or self.sim.warning.any() or not math.isfinite(self.sim.state.sum()):
            self._fail(raised, before, action)

    def _fail(self, raised, before, action):
        failed = self.sim.warning.any(axis=(1, 2)) | ~np.isfinite(self.sim.state).all(axis=1)
        failed[list(raised)] = True
        ids = np.flatnonzero(failed & ~self.failed)
        self.failed |= failed
        self.failure_count += len(ids)
        self.failures.extend(PhysicsFailure(int(i), before[i], action[i].copy()) for i in ids)
        self.sim.reset(np.flatnonzero(failed), stage=_VEL_STAGE)

    def _transition(self):
        self.sense()
        terms = self.reward_terms()
        observation, terminated = self.observation.pack(self.observe()), self.terminated()
        if self.failure_count and self.failed.any():
            observation[self.failed] = self._observation[self.failed]
            terms = {name: np.where(self.failed, 0.0, term) for name, term in terms.items()}
            terminated = terminated | self.failed
        self._observation = observation
        return Transition(observation, sum(terms.values()), terms, terminated, self.truncated())


class TaskEnv(gym.Env):
    """One simulation of a task.

    `max_episode_steps` cuts episodes of an environment that is built directly; `gymnasium.make` has its own way.
    """

    metadata: ClassVar[dict] = {"render_modes": RENDER_MODES, "render_fps": 100}

    def __init__(self, task: Task, render_mode: str | None = None, max_episode_steps: int | None = None):
        check_render_mode(render_mode)
        self.task = task
        self.observation_space, self.action_space = task.observation.space, task.action_space
        self.render_mode = render_mode
        self.metadata = self.metadata | {"render_fps": round(1 / task.control_dt)}
        self._max_episode_steps = max_episode_steps
        self._age = 0
        self._ids = np.array([0])
        self._camera = Camera(task.sim, 0)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        observation = self.task.start(self._ids, [self.np_random], options)[0].copy()
        self._age = 0
        if self.render_mode == "human":
            self._camera.show(self.task.control_dt)
        return observation, only(self.task.measurements())

    def step(self, action):
        step = self.task.step(np.asarray(action)[None])
        self._age += 1
        info = only(self.task.measurements())
        info["reward_terms"] = only(step.reward_terms)
        if self.render_mode == "human":
            self._camera.show(self.task.control_dt)
        truncated = bool(step.truncated[0]) or (self.spec is None and self._age == self._max_episode_steps)
        return step.observation[0].copy(), step.reward.item(), bool(step.terminated[0]), truncated, info

    def render(self):
        """Returns the frame (height, width, 3) uint8 in mode "rgb_array"; the viewer of mode "human" follows by itself."""
        return self._camera.frame() if self.render_mode == "rgb_array" else None

    def close(self):
        self._camera.close()


class TaskVectorEnv(VectorEnv):
    """n simulations of a task on native threads; simulation i of seed s is `TaskEnv` of seed s + i, bit for bit.

    An episode that ends starts anew in the same step; `info["final_obs"]` (n, k) and `info["final_info"]` then hold the
    end, with masks `_final_obs` and `_final_info` of those that ended. `info["reward_terms"]` and the measurements are
    those of the step itself, before any restart. As in Gymnasium's own vector environments `options["reset_mask"]`, (n,)
    bool, resets these simulations only. Mode "human" shows the first simulation.
    """

    metadata: ClassVar[dict] = {
        "render_modes": RENDER_MODES,
        "render_fps": 100,
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(self, task: Task, render_mode: str | None = None, max_episode_steps: int | None = None):
        check_render_mode(render_mode)
        self.task, self.num_envs = task, task.num_envs
        self.render_mode = render_mode
        self.metadata = self.metadata | {"render_fps": round(1 / task.control_dt)}
        self.single_observation_space, self.single_action_space = task.observation.space, task.action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._max_episode_steps = np.inf if max_episode_steps is None else max_episode_steps
        self._age = np.zeros(self.num_envs, int)
        self._generators = [seeding.np_random()[0] for _ in range(self.num_envs)]
        self._cameras = [Camera(task.sim, i) for i in range(self.num_envs)]

    def reset(self, *, seed: int | list[int | None] | None = None, options: dict | None = None):
        options = dict(options or {})
        ids = self._masked(options.pop("reset_mask", None))
        if seed is not None:
            self._seed(seed, ids)
        observation = self._restart(ids, options)
        return observation.copy(), self.task.measurements()

    def step(self, actions):
        step = self.task.step(actions)
        self._age += 1
        info = self.task.measurements()
        info["reward_terms"] = step.reward_terms
        truncated = step.truncated | (self._age >= self._max_episode_steps)
        ended = step.terminated | truncated
        observation = step.observation
        if ended.any():
            info |= {"final_obs": observation, "_final_obs": ended, "final_info": dict(info), "_final_info": ended}
            observation = np.where(ended[:, None], self._restart(np.flatnonzero(ended)), observation)
        if self.render_mode == "human":
            self._cameras[0].show(self.task.control_dt)
        return observation.copy(), step.reward, step.terminated, truncated, info

    def render(self):
        """Returns a frame (height, width, 3) uint8 for every simulation in mode "rgb_array"."""
        return tuple(camera.frame() for camera in self._cameras) if self.render_mode == "rgb_array" else None

    def close_extras(self, **kwargs):
        for camera in self._cameras:
            camera.close()

    def _masked(self, mask):
        if mask is None:
            return np.arange(self.num_envs)
        mask = np.asarray(mask)
        if mask.shape != (self.num_envs,) or mask.dtype != bool or not mask.any():
            raise ValueError(f"reset_mask must hold {self.num_envs} booleans, at least one of them True, got {mask}")
        return np.flatnonzero(mask)

    def _seed(self, seed, ids):
        seeds = [seed + i for i in range(self.num_envs)] if isinstance(seed, (int, np.integer)) else list(seed)
        if len(seeds) != self.num_envs:
            raise ValueError(f"{self.num_envs} simulations need as many seeds, got {len(seeds)}")
        for i in ids:
            if seeds[i] is not None:
                self._generators[i] = seeding.np_random(int(seeds[i]))[0]

    def _restart(self, ids, options=None):
        self._age[ids] = 0
        return self.task.start(ids, [self._generators[i] for i in ids], options)


def only(arrays: dict[str, np.ndarray]) -> dict[str, float | bool]:
    """Returns the only simulation's value of each array (1,), as a Python number."""
    return {name: values.item() for name, values in arrays.items()}


def whole_ratio(control_dt: float, sim_dt: float) -> int:
    """Returns how many simulation steps make one control step; both in seconds.

    Raises:
        ValueError: `control_dt` is no whole multiple of `sim_dt`.
    """
    ratio = round(control_dt / sim_dt) if np.isfinite(control_dt) else 0
    if ratio < 1 or abs(ratio * sim_dt - control_dt) > 1e-9:
        raise ValueError(f"control_dt must be a whole multiple of {sim_dt} s, got {control_dt} s")
    return ratio


def check_render_mode(mode: str | None) -> None:
    """Raises ValueError, naming what exists, if `mode` is neither None nor one of RENDER_MODES."""
    if mode is not None and mode not in RENDER_MODES:
        raise ValueError(f"render_mode must be None or one of {', '.join(RENDER_MODES)}, got {mode!r}")
