"""The specs of the challenges: every key with its allowed values and its default, and the three combined challenges."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from utils.fields import checked, is_number, is_whole, within
from utils.perturbation import PerturbSpec
from utils.specs import Spec

LATEST, LOUDEST, WIDEST = 10_000, 1e6, 10_000
DELAY = (
    f"be a whole number of steps up to {LATEST}, a range (low, high), a list with one of these per component, or a mapping "
    "from block names to any of these"
)
_PROBABILITY = "lie in 0 to 1"
_SINGULAR = {"action_prob": "actions_prob", "action_steps": "actions_steps"}  # spelling of the original's documentation
_LONGEST = 10**9
_STEPS = "be a whole number of steps, at least 1, at most 1e9"


def is_delay(value) -> bool:
    """Returns whether `value` is a delay in steps: n, (low, high), [one per component], or {block: any of these}."""
    if isinstance(value, Mapping):
        return all(is_delay(delay) and not isinstance(delay, Mapping) for delay in value.values())
    if isinstance(value, (list, np.ndarray)):
        return all(is_common_delay(delay) for delay in value)
    return is_common_delay(value)


def is_common_delay(value) -> bool:
    """Returns whether `value` is a delay in steps that several components can share: n, or (low, high)."""
    if isinstance(value, tuple):
        return len(value) == 2 and all(is_whole(steps, 0, LATEST) for steps in value) and value[0] <= value[1]
    return is_whole(value, 0, LATEST)


def is_strength(value, high: float = np.inf) -> bool:
    """Returns whether `value` is a number in 0 to `high`, or several: [one per component], {block: any of these}."""
    if isinstance(value, Mapping):
        return all(is_strength(strength, high) and not isinstance(strength, Mapping) for strength in value.values())
    if isinstance(value, (list, tuple, np.ndarray)):
        return all(is_number(strength, 0.0, high) for strength in value)
    return is_number(value, 0.0, high)


def _delay():
    return checked(0, is_delay, DELAY)


def _std():
    return checked(0.0, lambda value: is_strength(value, LOUDEST), f"be a standard deviation >= 0, at most {LOUDEST:g}")


def _probability():
    return checked(0.0, lambda value: is_strength(value, 1.0), _PROBABILITY)


def _steps():
    return within(1, 1, _LONGEST, allowed=_STEPS)


@dataclass(frozen=True)
class SafetySpec(Spec):
    """Constraints, and where they are reported.

    `constraints` is a list of functions, or names of optional constraints, to add to the built-in constraints; or a mapping
    name -> function of the safety variables, which adds or replaces constraints (None removes one). `limits` replace the
    scaled limits of the same names. `cost` lists the constraints that `info["cost"]` counts; None for all.
    """

    where = "safety_spec"

    enable: bool = False
    observations: bool = True
    safety_coeff: float = within(1.0, 0.0, 1.0, allowed=_PROBABILITY)
    limits: Any = checked(None, lambda value: value is None or isinstance(value, Mapping), "be a mapping of limits")
    constraints: Any = checked(
        None,
        lambda value: value is None or _is_constraints(value),
        "be a list of names or functions, or a mapping from names to functions",
    )
    cost: Any = checked(
        None,
        lambda value: value is None or (isinstance(value, (list, tuple)) and all(isinstance(name, str) for name in value)),
        "be a list of names of constraints",
    )


@dataclass(frozen=True)
class DelaySpec(Spec):
    """Delays of actions, observations and rewards, control steps."""

    where = "delay_spec"

    enable: bool = False
    actions: Any = _delay()
    observations: Any = _delay()
    rewards: Any = checked(
        0,
        is_common_delay,
        f"be a whole number of steps, or (low, high), at most {LATEST}",
    )


@dataclass(frozen=True)
class GaussianSpec(Spec):
    """Standard deviations of normally distributed noise, in the units of actions and observations."""

    where = "noise_spec.gaussian"

    enable: bool = False
    actions: Any = _std()
    observations: Any = _std()


@dataclass(frozen=True)
class DroppedSpec(Spec):
    """Components that read 0: the probability per step that this starts for a component, and its duration in steps."""

    where = "noise_spec.dropped"
    aliases = _SINGULAR

    enable: bool = False
    observations_prob: Any = _probability()
    observations_steps: int = _steps()
    actions_prob: Any = _probability()
    actions_steps: int = _steps()


@dataclass(frozen=True)
class StuckSpec(DroppedSpec):
    """Components that stay at their last value, with probability and duration as in `DroppedSpec`."""

    where = "noise_spec.stuck"


@dataclass(frozen=True)
class RepetitionSpec(Spec):
    """Actions that, with probability `actions_prob`, are executed `actions_steps` times in total (1 for no repetition)."""

    where = "noise_spec.repetition"
    aliases = _SINGULAR

    enable: bool = False
    actions_prob: float = within(0.0, 0.0, 1.0, allowed=_PROBABILITY)
    actions_steps: int = _steps()


@dataclass(frozen=True)
class NoiseSpec(Spec):
    """The four kinds of noise."""

    where = "noise_spec"

    gaussian: GaussianSpec = GaussianSpec()
    dropped: DroppedSpec = DroppedSpec()
    stuck: StuckSpec = StuckSpec()
    repetition: RepetitionSpec = RepetitionSpec()

    @property
    def enable(self) -> bool:
        return any(kind.enable for kind in (self.gaussian, self.dropped, self.stuck, self.repetition))


@dataclass(frozen=True)
class DimensionalitySpec(Spec):
    """Number of entries of pure noise N(0, 1) that are added to the observation."""

    where = "dimensionality_spec"

    enable: bool = False
    num_random_state_observations: int = within(0, 0, WIDEST, allowed=f"be a whole number, at least 0, at most {WIDEST}")


@dataclass(frozen=True)
class MultiObjectiveSpec(Spec):
    """A second objective: a name in OBJECTIVES, an `Objective`, or a function that makes one.

    It is mixed into the reward with weight `coeff` if `reward`, and added to the observation if `observed`.
    """

    where = "multiobj_spec"

    enable: bool = False
    objective: Any = None
    reward: bool = False
    coeff: float = within(0.0, 0.0, 1.0, allowed=_PROBABILITY)
    observed: bool = False


@dataclass(frozen=True)
class CombinedChallenge:
    """The specs of one level of the combined challenge; the ranges of `perturb` come from the environment."""

    delay: DelaySpec
    noise: NoiseSpec
    perturb: PerturbSpec
    dimensionality: DimensionalitySpec
    share: float
    """Fraction of the default range, from the nominal value to its ends, for environments that define no tuning."""


def _combined(late, reward_late, std, prob, steps, executions, dummies, share):
    faults = {"enable": True, "observations_prob": prob, "observations_steps": steps}
    return CombinedChallenge(
        DelaySpec(True, late, late, reward_late),
        NoiseSpec(
            GaussianSpec(True, std, std), DroppedSpec(**faults), StuckSpec(**faults), RepetitionSpec(True, 1.0, executions)
        ),
        PerturbSpec(True, scheduler="uniform"),
        DimensionalitySpec(True, dummies),
        share,
    )


COMBINED: Mapping[str, CombinedChallenge] = {
    "easy": _combined(3, 10, 0.1, 0.01, 1, 1, 10, 0.1),
    "medium": _combined(6, 20, 0.3, 0.05, 5, 2, 20, 0.3),
    "hard": _combined(9, 40, 1.0, 0.1, 10, 3, 50, 0.6),
}


def _is_constraints(value):
    if isinstance(value, Mapping):
        return all(isinstance(name, str) and (entry is None or callable(entry)) for name, entry in value.items())
    return isinstance(value, (list, tuple)) and all(isinstance(entry, str) or callable(entry) for entry in value)
