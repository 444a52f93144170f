"""The base class of the Real-World RL suite's domains: physics, task, safety constraints and perturbations."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import mujoco
import numpy as np
from dm_control.mujoco import Physics
from dm_control.suite.base import Task

from envs.rwrl.model_xml import Edit, build_model
from envs.rwrl.states import States
from utils.config import nearest_name
from utils.fields import is_name, shown
from utils.perturbation import Perturbable

Variables = Mapping[str, np.ndarray]
Constraint = Callable[[Variables], np.ndarray]
Limits = Mapping[str, np.ndarray | float]


@dataclass(frozen=True)
class Tuning:
    """Range and standard deviation of a domain's default perturbation in a combined challenge, in its unit."""

    low: float
    high: float
    std: float


class Domain(ABC):
    """One domain with one of its tasks. Numbers come from google-research/realworldrl_suite, commit be7a51c.

    A subclass is a specification: tables are class attributes, and methods define values that depend on the task.

    Args:
        task: one of `tasks`.
        exact: keep the errors of the original suite; False corrects them. Each correction tests `self.exact`.

    Attributes:
        control_dt: s between actions.
        camera: name of the model's camera for pictures.
        wrapped: observations that are a number in dm_control and an array (1,) in the original suite.
        perturbations: model parameters that may vary. `edits` has the same order; a later edit overrides an earlier one.
        default_perturbation: the parameter that combined challenges vary, within `tuning[level]`.
        constraint_table: name -> function of safety variables and limits, True where the constraint is satisfied.
            Comparisons are strict. Variables have shape () or (k,), or (n,) or (n, k) for n simulations; a constraint
            reduces the axis k only.
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
        """Returns the XML of dm_control's model of the task."""

    @abstractmethod
    def new_task(self, random: np.random.RandomState) -> Task:
        """Returns dm_control's task; its random numbers come from `random`."""

    @abstractmethod
    def places(self, model: mujoco.MjModel) -> Mapping[str, Any]:
        """Returns the indices that the readings use, by name. They are the same in every model of the domain."""

    @abstractmethod
    def observation(self, states: States, at: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Returns dm_control's observations of n states, (n, k) each, in its order; `at` is the result of `places`."""

    @abstractmethod
    def reward(self, states: States, at: Mapping[str, Any]) -> np.ndarray:
        """Returns dm_control's rewards of n states, (n,); they differ from its numbers by rounding only."""

    @abstractmethod
    def safety_vars(self, states: States, at: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Returns the safety variables of n states, (n,) or (n, k) each."""

    @abstractmethod
    def scaled_limits(self, c: float) -> dict[str, np.ndarray | float]:
        """Returns the limits at the safety coefficient `c` in [0, 1]: 1 is the least strict, 0 the most strict."""

    @abstractmethod
    def edits(self) -> Mapping[str, Edit]:
        """Returns functions that write each perturbation into the model's XML."""

    def build_physics(self, values: Mapping[str, float]) -> Physics:
        """Returns a new simulation whose model has these perturbations (absolute values); others stay nominal.

        Raises:
            ValueError: MuJoCo cannot build the model.
        """
        changes = [(edit, values[name]) for name, edit in self.edits().items() if name in values]
        try:
            return self.physics.from_model(build_model(self.nominal_xml(), changes))
        except ValueError as error:
            raise ValueError(f"MuJoCo cannot build the {self.name} with {dict(values)}: {error}") from error

    def exact_observation(self, task: Task, physics: Physics) -> dict[str, np.ndarray]:
        """Returns the original suite's observation as new float64 arrays, (k,) or (), in its order."""
        observation = task.get_observation(physics)
        return {name: np.array(value, float, ndmin=int(name in self.wrapped)) for name, value in observation.items()}

    def limits(self, safety_coeff: float = 1.0, changes: Limits | None = None) -> dict[str, np.ndarray | float]:
        """Returns the limits by name at a safety coefficient; `changes` replaces limits of the same name.

        Raises:
            ValueError: the coefficient is outside [0, 1], or `changes` has an unknown name, a wrong shape or NaN.
        """
        if not 0 <= safety_coeff <= 1:
            raise ValueError(f"safety_coeff must lie in [0, 1], got {safety_coeff}")
        limits = self.scaled_limits(safety_coeff)
        for name in changes or ():
            if name not in limits:
                raise ValueError(f"{self.name} has no limit {name!r}{nearest_name(name, limits)}")
            if not is_limit(changes[name], np.shape(limits[name])):
                wanted = (
                    f"numbers of the shape {np.shape(limits[name])}" if np.ndim(limits[name]) else "one or several numbers"
                )
                raise ValueError(f"limits: {name} must be {wanted}, got {shown(changes[name])}")
        return limits | {name: np.array(value, float)[()] for name, value in (changes or {}).items()}

    def constraints(self, limits: Limits) -> dict[str, Constraint]:
        """Returns the built-in constraints in table order; each is a function of the safety variables."""
        return {name: BuiltInConstraint(self, name, limits) for name in self.constraint_table}

    def combined_perturbations(self) -> dict[str, dict]:
        """Returns the perturb_spec of each combined challenge."""
        param = self.default_perturbation
        rest = {"enable": True, "period": 1, "param": param, "scheduler": "uniform"}
        start = self.perturbations[param].nominal
        return {
            level: rest | {"start": start, "min": t.low, "max": t.high, "std": t.std} for level, t in self.tuning.items()
        }


def is_limit(value, shape: tuple[int, ...]) -> bool:
    """Returns whether `value` can replace a limit of that shape: numbers without NaN; a single number may become a row."""
    try:
        numbers = np.array(value)
    except ValueError:  # lists of different lengths
        return False
    fits = numbers.shape == shape or (shape == () and numbers.ndim == 1)
    return numbers.dtype.kind in "fiu" and fits and not np.isnan(numbers).any()


@dataclass(frozen=True)
class BuiltInConstraint:
    """One entry of a domain's constraint table with its limits. It can be pickled; the table's lambdas cannot."""

    domain: Domain
    name: str
    limits: Limits

    def __call__(self, variables: Variables) -> np.ndarray:
        """Returns whether the safety variables satisfy the constraint, () or (n,) bool."""
        return self.domain.constraint_table[self.name](variables, self.limits)


def action_rate(variables: Variables, limits: Limits) -> np.ndarray:
    """Returns True if every control changed by less than `action_roc_constraint` since the previous step."""
    change = np.abs(variables["actions"] - variables["previous_actions"])
    return (change < limits["action_roc_constraint"]).all(-1)


def largest(variables: Variables, names: tuple[str, ...]) -> np.ndarray:
    """Returns the largest of several variables, () or (n,)."""
    return np.maximum.reduce([variables[name] for name in names])
