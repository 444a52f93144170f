"""Schedules: how a number changes from one update to the next, in n simulations at once; users may add rules of their own.

The rules and their order of draws are those of the Real-World RL suite (`saw_wave` aside, see there), with `linear` and
`normal` added.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from utils.config import nearest_name


@dataclass(frozen=True)
class Bounds:
    """Where a number begins, how far it may go and how much it changes per update, in the number's unit."""

    start: float
    low: float
    high: float
    std: float

    def __post_init__(self):
        if not np.isfinite([self.start, self.low, self.high, self.std]).all() or self.low > self.high or self.std < 0.0:
            raise ValueError(f"a schedule needs finite numbers with min <= max and std >= 0, got {self}")


@dataclass(frozen=True)
class Update:
    """What a rule may look at, and draw, to make the next value (k,) of k simulations.

    A rule may turn `direction` around (+1 or -1, +1 at the start); it must return a new array and may leave the bounds:
    the result is clipped.
    """

    value: np.ndarray  # (k,) before the update
    delta: np.ndarray  # (k,) drawn from a normal distribution with standard deviation `bounds.std`
    direction: np.ndarray  # (k,) to write to
    bounds: Bounds
    generators: Sequence  # k generators, numpy's new ones or its RandomState

    def uniform(self) -> np.ndarray:
        """Draws a number (k,) evenly from the bounds."""
        return np.array([generator.uniform(self.bounds.low, self.bounds.high) for generator in self.generators])


Rule = Callable[[Update], np.ndarray]


def constant(update: Update) -> np.ndarray:
    """Keeps the value."""
    return update.value


def linear(update: Update) -> np.ndarray:
    """Rises by `std` at every update, up to the highest value."""
    return update.value + update.bounds.std


def normal(update: Update) -> np.ndarray:
    """Scatters around the start."""
    return update.bounds.start + update.delta


def random_walk(update: Update) -> np.ndarray:
    """Takes random steps up and down."""
    return update.value + update.delta


def drift_pos(update: Update) -> np.ndarray:
    """Takes random steps upwards."""
    return update.value + np.abs(update.delta)


def drift_neg(update: Update) -> np.ndarray:
    """Takes random steps downwards."""
    return update.value - np.abs(update.delta)


def cyclic_pos(update: Update) -> np.ndarray:
    """Takes random steps upwards and begins at the start again when it reaches the top."""
    value = drift_pos(update)
    return np.where(value >= update.bounds.high, update.bounds.start, value)


def cyclic_neg(update: Update) -> np.ndarray:
    """Takes random steps downwards and begins at the start again when it reaches the bottom."""
    value = drift_neg(update)
    return np.where(value <= update.bounds.low, update.bounds.start, value)


def uniform(update: Update) -> np.ndarray:
    """Draws evenly between the bounds."""
    return update.uniform()


def saw_wave(update: Update) -> np.ndarray:
    """Takes random steps upwards until the top, then downwards until the bottom, and so on."""
    return _turned(update, update.value + update.direction * np.abs(update.delta))


def saw_wave_exact(update: Update) -> np.ndarray:
    """Does what the original's saw wave does: the step takes the place of the value instead of being added to it."""
    return _turned(update, update.direction * np.abs(update.delta))


SCHEDULERS: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        constant, linear, normal, random_walk, drift_pos, drift_neg, cyclic_pos, cyclic_neg, uniform, saw_wave,
    )
}  # fmt: skip


def register_scheduler(name: str, rule: Rule) -> None:
    """Makes `rule` known under `name` to every spec that names a scheduler.

    Raises:
        ValueError: the name is taken.
    """
    if name in SCHEDULERS:
        raise ValueError(f"there is a scheduler called {name!r} already: choose another name")
    SCHEDULERS[name] = rule


def find_scheduler(name: str, exact: bool = False) -> Rule:
    """Returns the rule of that name; `exact` for the original's saw wave.

    Raises:
        ValueError: there is none; the nearest is named.
    """
    if name not in SCHEDULERS:
        raise ValueError(f"no scheduler is called {name!r}{nearest_name(name, SCHEDULERS)}")
    return saw_wave_exact if exact and name == "saw_wave" else SCHEDULERS[name]


class Schedule:
    """The course of one number in n simulations.

    Attributes:
        value: (n,) now; `bounds.start` before the first update, wherever the bounds are.
    """

    def __init__(self, rule: Rule, bounds: Bounds, n: int = 1):
        self.rule, self.bounds = rule, bounds
        self.value, self._direction = np.full(n, float(bounds.start)), np.ones(n)

    def restart(self, ids: np.ndarray) -> None:
        """Goes back to the start in simulations `ids`."""
        self.value[ids], self._direction[ids] = self.bounds.start, 1.0

    def advance(self, ids: np.ndarray, generators: Sequence) -> np.ndarray:
        """Updates simulations `ids` (k,), each with numbers from its own generator; returns their values (k,)."""
        # Always drawn, whether the rule uses it or not: a seed's numbers then stay in step for every rule.
        delta = np.array([generator.normal(0.0, self.bounds.std) for generator in generators])
        direction = self._direction[ids]
        value = self.rule(Update(self.value[ids], delta, direction, self.bounds, generators))
        self.value[ids], self._direction[ids] = np.clip(value, self.bounds.low, self.bounds.high), direction
        return self.value[ids]


def _turned(update, value):
    """Returns `value`, and turns the direction around where it has reached a bound."""
    update.direction[(value >= update.bounds.high) | (value <= update.bounds.low)] *= -1.0
    return value
