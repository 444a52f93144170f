"""The loop every task shares: one `Task` steps n simulations."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import gymnasium as gym
import mujoco
import numpy as np
from mujoco.batch import Batch, SimulationError

from envs.shown_model import ShownModel
from utils.fields import whole_number
from utils.kernels import total
from utils.observation import ObservationTable
from utils.perturbation import Perturbable, check_values
from utils.variation import Scale, Variation

# The last steps of every simulation are remembered, to look at when it goes wrong: MOST_STEPS, or as many as fit
# REMEMBERED_BYTES, but at least FEWEST_STEPS (21 kB a quadruped, 87 MB for 4096 of them).
MOST_STEPS, FEWEST_STEPS, REMEMBERED_BYTES = 100, 10, 32_000_000
KEPT_FAILURES = 5

# Stage VEL: sensors describe the new state, and the next physics step reuses the computed stages at no cost.
_VEL_STAGE, _NO_STAGE = int(mujoco.mjtStage.mjSTAGE_VEL), int(mujoco.mjtStage.mjSTAGE_NONE)


class Transition(NamedTuple):
    """What one control step gave, simulations on the first axis."""

    observation: np.ndarray  # (n, k) float32
    reward: np.ndarray  # (n,)
    reward_terms: dict[str, np.ndarray]  # (n,) each; they sum to the reward
    terminated: np.ndarray  # (n,) bool
    truncated: np.ndarray  # (n,) bool


class PhysicsFailure(NamedTuple):
    """A simulation that went wrong: its model, the states before its last steps, the actions taken there, and why."""

    simulation: int
    model: mujoco.MjModel
    states: np.ndarray  # (k, nstate) mjSTATE_INTEGRATION, oldest first; the last is the one before the step that broke it
    actions: np.ndarray  # (k, a) in [-1, 1]
    reason: str


class Task(ABC):
    """Model + command + observation + reward + end, for n simulations at once.

    Every array has the simulations on its first axis. A single environment is n = 1, so what is trained on 64 and what
    is played on one are the same lines of code. A simulation whose physics goes wrong (not finite, or a MuJoCo warning)
    ends as terminated with a reward of 0 and the observation it had before; `failures` keeps the first five of them.
    """

    config_class: ClassVar[type]  # frozen dataclass; without arguments it gives the default config
    observation: ObservationTable
    action_space: gym.spaces.Box
    reset_options: tuple[str, ...] = ()
    # Parameters that may be perturbed, by name: what a value changes in the model, and its nominal value and range.
    factors: ClassVar[Mapping[str, tuple[Scale, ...]]] = {}
    ranges: ClassVar[Mapping[str, Perturbable]] = {}
    default_perturbation: str | None = None
    transient = ("failures", "_states", "_actions", "_taken", "_shown")  # for inspection only: no step depends on them

    def __init__(self, model: mujoco.MjModel, num_envs: int, control_dt: float, num_threads: int):
        self.num_envs = whole_number("num_envs", num_envs, 1)
        self.control_dt = control_dt
        self.substeps = whole_ratio(control_dt, model.opt.timestep)
        self.sim = Batch(model, num_envs, min(whole_number("num_threads", num_threads, 1), num_envs), persistent=True)
        self.variation = Variation(self.sim, {})
        self._shown = ShownModel(self.sim, self.variation)
        self.failed = np.zeros(num_envs, bool)
        self.failures: list[PhysicsFailure] = []
        self.failure_count = 0
        steps = remembered_steps(self.sim.state.nbytes + 8 * num_envs * self.action_space.shape[0])
        self._states = np.zeros((steps, *self.sim.state.shape))
        self._actions = np.zeros((steps, num_envs, *self.action_space.shape))
        self._taken = 0  # control steps since the task was made
        self.age = np.zeros(num_envs, int)  # (n,) completed control steps of the current episode
        self._observation = np.zeros((num_envs, *self.observation.space.shape), np.float32)

    @property
    def model(self) -> mujoco.MjModel:
        """The nominal model: what is written to it acts in all simulations from the next step or reset on."""
        return self._shown.show()

    @abstractmethod
    def reset(self, ids: np.ndarray, generators: list[np.random.Generator], options: dict) -> None:
        """Writes a start state for simulations `ids`; generators[i] draws for simulation ids[i].

        A task with `factors` calls `variation.apply` here, before it places anything.
        """

    @abstractmethod
    def act(self, action: np.ndarray) -> None:
        """Turns `action` (n, a) in [-1, 1] into controls."""

    def place(self, ids: np.ndarray, qpos: np.ndarray, ctrl: np.ndarray | None = None, qvel=None, **fields) -> None:
        """Resets simulations `ids` (k,), writes their start state, and computes what follows from it (a forward pass).

        For use in `reset`, after the model factors are applied.

        Args:
            ids: (k,) simulations.
            qpos: (k, nq) or (nq,) generalised positions, in the model's order.
            ctrl: (k, nu) or (nu,) controls; those of the model's defaults if None.
            qvel: (k, nv) or (nv,) generalised velocities; 0 if None.
            **fields: other state fields of the batch by name, as `mocap_quat` (k, nmocap, 4).
        """
        self.sim.reset(ids, stage=_NO_STAGE)
        for name, values in {"qpos": qpos, "ctrl": ctrl, "qvel": qvel, **fields}.items():
            if values is not None:
                self.sim.bind(name)[ids] = values
        self.sim.forward(ids)

    def advance(self) -> None:
        """Advances the physics by one control step, with the controls that `act` has set.

        Override it to change controls within a control step, for example to compute a torque at every physics step: call
        `step_physics` `substeps` times. The batch then shows the newest state (stage VEL) before each call.
        """
        self.step_physics(self.substeps)

    def step_physics(self, nstep: int = 1) -> None:
        """Takes `nstep` physics steps; resets the simulations whose physics fails in them, and marks them as `failed`."""
        raised = ()
        try:
            self.sim.step(nstep=nstep, stage=_VEL_STAGE)
        except SimulationError as error:
            raised = error.ids
        # A sum is finite only if every part is, or if parts cancel that the next step's warning will catch.
        if len(raised) or self.sim.warning.any() or not math.isfinite(self.sim.state.sum()):
            self._fail(raised)

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

    def describe(self) -> dict:
        """Returns what a program that runs a policy outside of the simulator must know, as plain data: the observation's
        rows in their order, the rate, and whatever a task adds about its actions."""
        rows = [{name: getattr(row, name) for name in _ROW} for row in self.observation.rows]
        return {"observation": rows, "control_dt_s": self.control_dt, "control_rate_hz": 1.0 / self.control_dt}

    def start(self, ids: np.ndarray, generators: list[np.random.Generator], options: dict | None = None) -> np.ndarray:
        """Begins new episodes in simulations `ids`; returns everyone's observation (n, k).

        Raises:
            ValueError: an option is not among `reset_options`.
        """
        options = options or {}
        unknown = sorted(options.keys() - set(self.reset_options))
        if unknown:
            raise ValueError(f"unknown reset options {unknown}; there are {', '.join(self.reset_options) or 'none'}")
        self.take_over_model()
        self.failed[ids] = False
        self.age[ids] = 0
        self.reset(ids, generators, options)
        self.sense()
        self._observation = self.observation.pack(self.observe())
        return self._observation

    def perturb(self, values: Mapping[str, np.ndarray], ids: np.ndarray) -> None:
        """Overrides parameters of `factors` with these values (k,) in simulations `ids` (k,), from their next reset on.

        Raises:
            ValueError: a name is unknown (the nearest is named), or a value lies outside its bounds.
        """
        check_values(values, self.ranges)
        self.variation.declare({name: self.factors[name] for name in values})
        self.variation.override(values, ids)

    def step(self, action: np.ndarray, unseen: np.ndarray | None = None) -> Transition:
        """Takes one control step with `action` (n, a), clipped to [-1, 1].

        Physics that goes wrong in the simulations `unseen` (n,) bool, which are about to be reset, counts as no failure.

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
        if unseen is not None:
            self.failed |= unseen
        self.take_over_model()
        self._remember(action)
        self.act(action)
        self.advance()
        self.age += 1
        return self._transition()

    def after_restore(self) -> None:
        """Brings up to date what the batch shows of its state, once that is back: the next `act` may look at sensors."""
        self.sim.forward(stage=_VEL_STAGE)

    def take_over_model(self) -> bool:
        """Makes act what user code has written to `model`; returns whether it has. A subclass adds what it has read from it.

        Raises:
            ValueError: what was written cannot act; the model is put back.
        """
        changed = self._shown.take_over()
        if changed:
            self.sim.forward(stage=_VEL_STAGE)
        return changed

    def _remember(self, action):
        place = self._taken % len(self._states)
        self._states[place], self._actions[place] = self.sim.state, action
        self._taken += 1

    def _fail(self, raised):
        failed = self.sim.warning.any(axis=(1, 2)) | ~np.isfinite(self.sim.state).all(axis=1)
        failed[list(raised)] = True
        ids = np.flatnonzero(failed & ~self.failed)
        self.failed |= failed
        self.failure_count += len(ids)
        for i in ids[: KEPT_FAILURES - len(self.failures)]:
            self.failures.append(self._failure(int(i)))
        self.sim.reset(np.flatnonzero(failed), stage=_VEL_STAGE)

    def _failure(self, i):
        steps = len(self._states)
        kept = min(self.age[i] + 1, self._taken, steps)  # after a resume fewer steps were taken than the episode is old
        last = np.arange(self._taken - kept, self._taken) % steps
        warnings = [_WARNINGS[kind] for kind in np.flatnonzero(self.sim.warning[i].any(axis=-1))]
        reason = ", ".join(warnings) or "a state that is not finite"
        return PhysicsFailure(i, self.sim.get_model(i), self._states[last, i], self._actions[last, i], reason)

    def _transition(self):
        self.sense()
        terms = self.reward_terms()
        observation, terminated = self.observation.pack(self.observe()), self.terminated()
        if self.failure_count and self.failed.any():
            observation[self.failed] = self._observation[self.failed]
            terms = {name: np.where(self.failed, 0.0, term) for name, term in terms.items()}
            terminated = terminated | self.failed
        self._observation = observation
        return Transition(observation, total(terms.values()), terms, terminated, self.truncated())


_ROW = ("name", "size", "low", "high", "unit", "meaning")
_WARNINGS = [name.removeprefix("mjWARN_") for name in mujoco.mjtWarning.__members__]


def remembered_steps(bytes_per_step: int) -> int:
    """Returns how many steps of all simulations are remembered if one takes so many bytes."""
    return min(MOST_STEPS, max(FEWEST_STEPS, REMEMBERED_BYTES // bytes_per_step))


def whole_ratio(control_dt: float, sim_dt: float) -> int:
    """Returns how many simulation steps make one control step; both in seconds.

    Raises:
        ValueError: `control_dt` is no whole multiple of `sim_dt`.
    """
    ratio = round(control_dt / sim_dt) if np.isfinite(control_dt) else 0
    if ratio < 1 or abs(ratio * sim_dt - control_dt) > 1e-9:
        raise ValueError(f"control_dt must be a whole multiple of {sim_dt} s, got {control_dt} s")
    return ratio
