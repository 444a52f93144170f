"""What a domain of the Real-World RL suite is: dm_control's physics and task, what counts as safe, and what may vary."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import mujoco
import numpy as np
from dm_control.mujoco import Physics
from dm_control.suite.base import Task

from envs.rwrl.model_xml import Edit, build_model
from utils.config import nearest_name
from utils.fields import is_name, shown
from utils.perturbation import Perturbable

Variables = Mapping[str, np.ndarray]
Constraint = Callable[[Variables], np.ndarray]
Limits = Mapping[str, np.ndarray | float]


@dataclass(frozen=True)
class Tuning:
    """How far a combined challenge perturbs the default parameter of a domain, in that parameter's unit."""

    low: float
    high: float
    std: float


class Domain(ABC):
    """One domain with one of its tasks. Numbers come from google-research/realworldrl_suite, commit be7a51c.

    A subclass reads like a specification: tables as class attributes, and a method where a table cannot say it.

    Args:
        task: one of `tasks`.
        exact: keep the oddities of the original; without it they are mended. Each is a line that asks `self.exact`.

    Attributes:
        control_dt: s between actions.
        camera: the camera of the model that pictures are taken with.
        wrapped: observations that dm_control gives as a number and the original suite as an array (1,).
        perturbations: what may vary in the model; the edits are in the same order, so that the later win.
        default_perturbation: the one that the combined challenges vary, within `tuning[level]`.
        constraint_table: name -> whether it is satisfied, from safety variables and limits. Strict comparisons. A variable
            is () or (k,), or (n,) or (n, k) of n simulations: only k is reduced over.
    """

    name: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]]
    control_dt: ClassVar[float]
    camera: ClassVar[str]
    wrapped: ClassVar[tuple[str, ...]] = ()
    physics: ClassVar[type[Physics]]
    perturbations: ClassVar[Mapping[str, Perturbable]]
    default_perturbation: ClassVar[str]
    tuning: ClassVar[Mapping[str, Tuning]]
    constraint_table: ClassVar[Mapping[str, Callable[[Variables, Limits], np.ndarray]]]

    def __init__(self, task: str, exact: bool = False):
        if not is_name(task, self.tasks):
            raise ValueError(f"{self.name} has no task {shown(task)}{nearest_name(task, self.tasks)}")
        self.task, self.exact = task, exact

    @abstractmethod
    def nominal_xml(self) -> str | bytes:
        """Returns dm_control's model of the task."""

    @abstractmethod
    def new_task(self, random: np.random.RandomState) -> Task:
        """Returns dm_control's task, which draws from `random`."""

    @abstractmethod
    def safety_readers(self, model: mujoco.MjModel, data: mujoco.MjData) -> dict[str, Callable[[], np.ndarray]]:
        """Returns what reads each safety variable from the current state of `data`; names are resolved here, once."""

    @abstractmethod
    def scaled_limits(self, c: float) -> dict[str, np.ndarray | float]:
        """Returns the limits at the safety coefficient `c` in [0, 1]: 1 is the mildest, near 0 nothing is allowed."""

    @abstractmethod
    def edits(self) -> Mapping[str, Edit]:
        """Returns how each perturbation is written into the model."""

    def build_physics(self, values: Mapping[str, float]) -> Physics:
        """Returns a new simulation whose model has these perturbations, in absolute values; others stay nominal.

        Raises:
            ValueError: MuJoCo cannot build it.
        """
        changes = [(edit, values[name]) for name, edit in self.edits().items() if name in values]
        try:
            return self.physics.from_model(build_model(self.nominal_xml(), changes))
        except ValueError as error:
            raise ValueError(f"MuJoCo cannot build the {self.name} with {dict(values)}: {error}") from error

    def observe(self, task: Task, physics: Physics) -> dict[str, np.ndarray]:
        """Returns dm_control's observation as fresh float64 arrays (k,), in its order; numbers are () in exact mode."""
        observation = task.get_observation(physics)
        wrapped = self.wrapped if self.exact else observation
        return {name: np.array(value, float, ndmin=int(name in wrapped)) for name, value in observation.items()}

    def limits(self, safety_coeff: float = 1.0, changes: Limits | None = None) -> dict[str, np.ndarray | float]:
        """Returns the limits by name at a safety coefficient, with `changes` in place of those named there.

        Raises:
            ValueError: the coefficient is outside of [0, 1], or a limit has no such name.
        """
        if not 0 <= safety_coeff <= 1:
            raise ValueError(f"safety_coeff must lie in [0, 1], got {safety_coeff}")
        limits = self.scaled_limits(safety_coeff)
        for name in changes or ():
            if name not in limits:
                raise ValueError(f"{self.name} has no limit {name!r}{nearest_name(name, limits)}")
        return limits | dict(changes or {})

    def constraints(self, limits: Limits) -> dict[str, Constraint]:
        """Returns the built-in constraints in their order, each a function of the safety variables alone."""
        return {name: BuiltInConstraint(self, name, limits) for name in self.constraint_table}

    def combined_perturbations(self) -> dict[str, dict]:
        """Returns the perturb_spec of each combined challenge."""
        param = self.default_perturbation
        rest = {"enable": True, "period": 1, "param": param, "scheduler": "uniform"}
        start = self.perturbations[param].nominal
        return {
            level: rest | {"start": start, "min": t.low, "max": t.high, "std": t.std} for level, t in self.tuning.items()
        }


@dataclass(frozen=True)
class BuiltInConstraint:
    """One entry of a domain's constraint table at given limits; unlike the table's functions it can be pickled."""

    domain: Domain
    name: str
    limits: Limits

    def __call__(self, variables: Variables) -> np.ndarray:
        """Returns whether the safety variables satisfy the constraint, () or (n,) bool."""
        return self.domain.constraint_table[self.name](variables, self.limits)


def action_rate(variables: Variables, limits: Limits) -> np.ndarray:
    """Returns whether no control changed by `action_roc_constraint` or more since the step before."""
    change = np.abs(variables["actions"] - variables["previous_actions"])
    return (change < limits["action_roc_constraint"]).all(-1)


def largest(variables: Variables, names: tuple[str, ...]) -> np.ndarray:
    """Returns the largest of several variables, () or (n,)."""
    return np.maximum.reduce([variables[name] for name in names])
