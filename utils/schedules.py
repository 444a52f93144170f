"""Schedules: rules by which a number changes from one update to the next, in n simulations at once; users may add rules.

The rules and their order of draws are those of the Real-World RL suite (except `saw_wave`, see there), with `linear` and
`normal` added.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from utils.config import nearest_name


@dataclass(frozen=True)
class Bounds:
    """Start, lowest and highest value, and change per update of a number, in the number's unit."""

    start: float
    low: float
    high: float
    std: float

    def __post_init__(self):
        if not np.isfinite([self.start, self.low, self.high, self.std]).all() or self.low > self.high or self.std < 0.0:
            raise ValueError(f"a schedule needs finite numbers with min <= max and std >= 0, got {self}")


@dataclass(frozen=True)
class Update:
    """Input of a rule, which returns the next values (k,) of k simulations.

    A rule may reverse `direction` (+1 or -1, +1 at the start). It must return a new array. Values outside the bounds are
    clipped.
    """

    value: np.ndarray  # (k,) before the update
    delta: np.ndarray  # (k,) drawn from a normal distribution with standard deviation `bounds.std`
    direction: np.ndarray  # (k,) to write to
    bounds: Bounds
    generators: Sequence  # k generators: numpy's Generator or RandomState

    def uniform(self) -> np.ndarray:
        """Draws numbers (k,) uniformly between the bounds."""
        return np.array([generator.uniform(self.bounds.low, self.bounds.high) for generator in self.generators])


Rule = Callable[[Update], np.ndarray]


def constant(update: Update) -> np.ndarray:
    """Keeps the value."""
    return update.value


def linear(update: Update) -> np.ndarray:
    """Rises by `std` at every update, up to the highest value."""
    return update.value + update.bounds.std


def normal(update: Update) -> np.ndarray:
    """Draws from a normal distribution around the start."""
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
    """Takes random steps upwards and returns to the start when it reaches the highest value."""
    value = drift_pos(update)
    return np.where(value >= update.bounds.high, update.bounds.start, value)


def cyclic_neg(update: Update) -> np.ndarray:
    """Takes random steps downwards and returns to the start when it reaches the lowest value."""
    value = drift_neg(update)
    return np.where(value <= update.bounds.low, update.bounds.start, value)


def uniform(update: Update) -> np.ndarray:
    """Draws uniformly between the bounds."""
    return update.uniform()


def saw_wave(update: Update) -> np.ndarray:
    """Takes random steps upwards to the highest value, then downwards to the lowest value, and so on."""
    return _turned(update, update.value + update.direction * np.abs(update.delta))


def saw_wave_exact(update: Update) -> np.ndarray:
    """Reproduces the original's saw wave: the step replaces the value instead of being added to it."""
    return _turned(update, update.direction * np.abs(update.delta))


SCHEDULERS: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        constant, linear, normal, random_walk, drift_pos, drift_neg, cyclic_pos, cyclic_neg, uniform, saw_wave,
    )
}  # fmt: skip


def register_scheduler(name: str, rule: Rule) -> None:
    """Registers `rule` as the scheduler `name`, for every spec.

    Raises:
        ValueError: a scheduler has this name already.
    """
    if name in SCHEDULERS:
        raise ValueError(f"there is a scheduler called {name!r} already: choose another name")
    SCHEDULERS[name] = rule


def find_scheduler(name: str, exact: bool = False) -> Rule:
    """Returns the rule of this name; `exact` selects the original's saw wave.

    Raises:
        ValueError: the name is unknown; the message names the nearest.
    """
    if name not in SCHEDULERS:
        raise ValueError(f"no scheduler is called {name!r}{nearest_name(name, SCHEDULERS)}")
    return saw_wave_exact if exact and name == "saw_wave" else SCHEDULERS[name]


class Schedule:
    """The values of one number in n simulations, which a rule updates.

    Attributes:
        value: (n,) current values; `bounds.start` before the first update, even if it lies outside the bounds.
    """

    def __init__(self, rule: Rule, bounds: Bounds, n: int = 1):
        self.rule, self.bounds = rule, bounds
        self.value, self._direction = np.full(n, float(bounds.start)), np.ones(n)

    def restart(self, ids: np.ndarray) -> None:
        """Returns to the start in simulations `ids`."""
        self.value[ids], self._direction[ids] = self.bounds.start, 1.0

    def advance(self, ids: np.ndarray, generators: Sequence) -> np.ndarray:
        """Updates simulations `ids` (k,), each with draws from its generator (k); returns their values (k,)."""
        # Drawn for every rule, so that the following draws of a seed do not depend on the rule.
        delta = np.array([generator.normal(0.0, self.bounds.std) for generator in generators])
        direction = self._direction[ids]
        value = self.rule(Update(self.value[ids], delta, direction, self.bounds, generators))
        self.value[ids], self._direction[ids] = np.clip(value, self.bounds.low, self.bounds.high), direction
        return self.value[ids]


def _turned(update, value):
    """Returns `value`, and reverses the direction where it has reached a bound."""
    update.direction[(value >= update.bounds.high) | (value <= update.bounds.low)] *= -1.0
    return value
