"""The loop that all tasks share: one `Task` steps n simulations."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import gymnasium as gym
import mujoco
import numpy as np
from mujoco.batch import SimulationError

from envs.arguments import checked_action, checked_command, refuse_options, whole_ratio
from envs.observed import Observed
from envs.rebuilt import Rebuilt
from envs.shown_model import ShownModel
from envs.simulations import Simulations
from envs.step_memory import PhysicsFailure, StepMemory
from envs.transition import Transition
from utils.fields import whole_number
from utils.kernels import total
from utils.observation import Row
from utils.perturbation import Perturbable, check_values
from utils.variation import Scale, Variation

KEPT_FAILURES = 5
# Stage VEL: sensors describe the new state, and the next physics step reuses the computed stages at no cost.
_VEL_STAGE, _NO_STAGE = int(mujoco.mjtStage.mjSTAGE_VEL), int(mujoco.mjtStage.mjSTAGE_NONE)
_ROW = ("name", "size", "low", "high", "unit", "meaning")


class Task(Rebuilt, Observed, ABC):
    """Model + command + observation + reward + end, for n simulations at once.

    The first axis of every array is the simulation. A single environment is n = 1: training on 64 simulations and playing
    one run the same code. A simulation whose physics fails (a state that is not finite, or a MuJoCo warning) terminates
    with reward 0 and its previous observation; `failures` keeps the first five failures.

    Attributes:
        config_class: frozen dataclass of the task's config; called without arguments it gives the default config.
        action_space: the action space of one simulation.
        reset_options: names of the options that `reset` accepts.
        factors: changes of the model that the value of each perturbation parameter makes, by name.
        ranges: nominal value and range of each perturbation parameter, by name.
        default_perturbation: the parameter that a `perturb_spec` without a name perturbs.
        command_rows: the quantities that `steer` sets, with their ranges and units; empty if there is no command.
        age: (n,) completed control steps of the current episode; in `act` and `advance` the current step does not count.
        failed: (n,) bool, simulations whose physics failed in this episode.
    """

    config_class: ClassVar[type]
    action_space: gym.spaces.Box
    reset_options: tuple[str, ...] = ()
    factors: ClassVar[Mapping[str, tuple[Scale, ...]]] = {}
    ranges: ClassVar[Mapping[str, Perturbable]] = {}
    default_perturbation: str | None = None
    command_rows: tuple[Row, ...] = ()
    transient = (*Rebuilt.transient, "failures", "_memory", "_shown")  # for inspection only: no step depends on them

    def __init__(self, model: mujoco.MjModel, num_envs: int, control_dt: float, num_threads: int):
        self.num_envs = whole_number("num_envs", num_envs, 1)
        self.control_dt = control_dt
        self.substeps = whole_ratio(control_dt, model.opt.timestep)
        self.sim = Simulations(model, num_envs, whole_number("num_threads", num_threads, 1))
        self.variation = Variation(self.sim, {})
        self._shown = ShownModel(self.sim, self.variation)
        self.age, self.failed = np.zeros(num_envs, int), np.zeros(num_envs, bool)
        self.failures: list[PhysicsFailure] = []
        self.failure_count = 0
        self._memory = StepMemory(self.sim, self.action_space.shape[0])
        self._observation = np.zeros((num_envs, *self.observation.space.shape), np.float32)

    @property
    def model(self) -> mujoco.MjModel:
        """The nominal model. Values that are written to it take effect in all simulations from the next step or reset on."""
        return self._shown.show()

    def append_privileged(self) -> None:
        super().append_privileged()
        self._observation = np.zeros((self.num_envs, *self.observation.space.shape), np.float32)

    @abstractmethod
    def reset(self, ids: np.ndarray, generators: list[np.random.Generator], options: dict) -> None:
        """Starts new episodes in simulations `ids` (k,): calls `variation.apply` if the task has `factors`, then `place`.

        generators[i] draws for simulation ids[i].
        """

    @abstractmethod
    def act(self, action: np.ndarray) -> None:
        """Computes controls from `action` (n, a) in [-1, 1]."""

    @abstractmethod
    def sense(self) -> None:
        """Reads quantities that observation, reward and end share from the current state. A repeated call has no effect."""

    @abstractmethod
    def observe(self) -> dict[str, np.ndarray]:
        """Returns the blocks of the observation by row name, (n, size) each."""

    def observe_privileged(self) -> dict[str, np.ndarray]:
        """Returns the blocks of the privileged observation by row name, (n, size) each."""
        raise NotImplementedError(f"{type(self).__name__} declares a table `privileged`: implement observe_privileged")

    @abstractmethod
    def reward_terms(self) -> dict[str, np.ndarray]:
        """Returns the weighted reward terms by name, (n,) each; the reward is their sum."""

    @abstractmethod
    def terminated(self) -> np.ndarray:
        """Returns which simulations have failed at the task, (n,) bool."""

    def truncated(self) -> np.ndarray:
        """Returns which simulations must stop without a failure, except for time limits, (n,) bool. None by default."""
        return np.zeros(self.num_envs, bool)

    def measurements(self) -> dict[str, np.ndarray]:
        """Returns measurements of the current state for infos, by name, (n,) each. None by default."""
        return {}

    def describe(self) -> dict:
        """Returns the data that a program needs to run a policy outside of the simulator, as plain data.

        These are the observation's rows in order and the control rate; subclasses add a description of the actions.
        """
        rows = [{name: getattr(row, name) for name in _ROW} for row in self.observation.rows]
        return {"observation": rows, "control_dt_s": self.control_dt, "control_rate_hz": 1.0 / self.control_dt}

    def place(self, ids: np.ndarray, qpos: np.ndarray, ctrl: np.ndarray | None = None, qvel=None, **fields) -> None:
        """Resets simulations `ids` (k,), writes their start state, and runs a forward pass. For use in `reset`.

        Args:
            ids: (k,) simulations.
            qpos: (k, nq) or (nq,) generalised positions, in the model's order.
            ctrl: (k, nu) or (nu,) controls; 0 if None.
            qvel: (k, nv) or (nv,) generalised velocities; 0 if None.
            **fields: other state fields of the batch by name, as `mocap_quat` (k, nmocap, 4).
        """
        self.sim.reset(ids, stage=_NO_STAGE)
        for name, values in {"qpos": qpos, "ctrl": ctrl, "qvel": qvel, **fields}.items():
            if values is not None:
                self.sim.bind(name)[ids] = values
        self.sim.forward(ids)

    def start(self, ids: np.ndarray, generators: list[np.random.Generator], options: dict | None = None) -> np.ndarray:
        """Starts new episodes in simulations `ids`; returns the observations (n, k) of all simulations.

        Raises:
            ValueError: `reset_options` lacks an option.
        """
        refuse_options(options, self.reset_options)
        self.take_over_model()
        self.failed[ids], self.age[ids] = False, 0
        self.reset(ids, generators, options or {})
        self.sense()
        self._observation = self._observed()
        return self._observation

    def perturb(self, values: Mapping[str, np.ndarray], ids: np.ndarray) -> None:
        """Overrides parameters of `factors` with these values (k,) in simulations `ids` (k,), from their next reset on.

        Raises:
            ValueError: a name is unknown (the message names the nearest), or a value lies outside its bounds.
        """
        check_values(values, self.ranges)
        self.variation.declare({name: self.factors[name] for name in values})
        self.variation.override(values, ids)

    def steer(self, values: Mapping[str, float], ids=slice(None)) -> None:
        """Gives simulations `ids` a command now: a value for each of the `command_rows`, in the order of the rows.

        Raises:
            ValueError: names differ from those of the rows, or a value lies outside the range of its row.
        """
        self.follow(checked_command(values, self.command_rows), ids)

    def follow(self, command: np.ndarray, ids) -> None:
        """Takes over a command (rows,) in simulations `ids`; a task with `command_rows` overrides it."""
        raise NotImplementedError(f"{type(self).__name__} declares command_rows: implement follow")

    def step(self, action: np.ndarray, unseen: np.ndarray | None = None) -> Transition:
        """Takes one control step with `action` (n, a), clipped to [-1, 1].

        Physics failures in the simulations `unseen` (n,) bool, which are about to be reset, are not counted.

        Raises:
            ValueError: the action has another shape, or contains NaN.
        """
        action = checked_action(action, (self.num_envs, *self.action_space.shape))
        action = np.minimum(np.maximum(action, -1.0), 1.0)
        if unseen is not None:
            self.failed |= unseen
        self.take_over_model()
        self._memory.add(action)
        self.act(action)
        self.advance()
        self.age += 1
        return self._transition()

    def advance(self) -> None:
        """Advances the physics by one control step, with the controls that `act` has set.

        Override it to change controls within a control step, for example to compute a torque at every physics step: call
        `step_physics` once for each of the `substeps`. Positions, velocities and sensors are current before each call.
        """
        self.step_physics(self.substeps)

    def step_physics(self, nstep: int = 1) -> None:
        """Takes `nstep` physics steps; resets simulations whose physics fails, and marks them in `failed`."""
        raised = ()
        try:
            self.sim.step(nstep=nstep, stage=_VEL_STAGE)
        except SimulationError as error:
            raised = error.ids
        # A sum is finite if every entry is. Infinite entries that cancel raise a warning in the next step.
        if len(raised) or self.sim.warning.any() or not math.isfinite(self.sim.state.sum()):
            self._fail(raised)

    def create_state_attributes(self) -> None:
        self.start(np.arange(self.num_envs), [np.random.default_rng(i) for i in range(self.num_envs)])

    def before_capture(self) -> None:
        """Applies the values that user code has written to `model`, so that the captured state contains them."""
        self.take_over_model()

    def before_restore(self, captured: Mapping) -> None:
        """Declares the factors and appends the privileged rows that the captured state contains."""
        if captured.get("_policy_size") is not None and self._policy_size is None:
            self.append_privileged()
        names = captured.get("variation", {}).get("values", {})
        self.variation.declare({name: self.factors[name] for name in names if name in self.factors})

    def after_restore(self) -> None:
        """Recomputes sensors from a restored state, because the next `act` may read them."""
        self.sim.forward(stage=_VEL_STAGE)

    def take_over_model(self) -> bool:
        """Applies the values that user code has written to `model`; returns whether anything has changed.

        Subclasses also update the quantities that they have computed from the model.

        Raises:
            ValueError: a written value cannot take effect; the model is restored.
        """
        changed = self._shown.take_over()
        if changed:
            self.sim.forward(stage=_VEL_STAGE)
        return changed

    def _fail(self, raised):
        failed = self.sim.warning.any(axis=(1, 2)) | ~np.isfinite(self.sim.state).all(axis=1)
        failed[list(raised)] = True
        ids = np.flatnonzero(failed & ~self.failed)
        self.failed |= failed
        self.failure_count += len(ids)
        for i in ids[: KEPT_FAILURES - len(self.failures)]:
            self.failures.append(self._memory.failure(int(i), self.age[i] + 1))
        self.sim.reset(np.flatnonzero(failed), stage=_VEL_STAGE)

    def _observed(self):
        privileged = {} if self._policy_size is None else self.observe_privileged()
        return self.observation.pack(self.observe() | privileged)

    def _transition(self):
        self.sense()
        terms = self.reward_terms()
        observation, terminated = self._observed(), self.terminated()
        if self.failure_count and self.failed.any():
            observation[self.failed] = self._observation[self.failed]
            terms = {name: np.where(self.failed, 0.0, term) for name, term in terms.items()}
            terminated = terminated | self.failed
        self._observation = observation
        return Transition(observation, total(terms.values()), terms, terminated, self.truncated())
