"""What of an environment may be perturbed, and one `perturb_spec` from every form in which it may be written."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from utils.config import nearest_name
from utils.fields import is_name
from utils.schedules import SCHEDULERS, Bounds
from utils.specs import Spec, checked, flag, is_number, is_whole, parse


@dataclass(frozen=True)
class Perturbable:
    """A number of an environment that may be perturbed: its nominal value, the default range, and the default change per
    update, in the number's own unit (1 for factors)."""

    nominal: float
    low: float
    high: float
    std: float


def _optional_number(value):
    return value is None or is_number(value)


@dataclass(frozen=True)
class PerturbSpec(Spec):
    """One parameter on a schedule. None stands for the environment's own default.

    The value changes at the first reset and at every `period`-th after it.
    """

    where = "perturb_spec"

    enable: bool = flag(False)
    period: int = checked(1, lambda value: is_whole(value, 1), "be a whole number of resets, at least 1")
    param: str | None = checked(None, lambda value: value is None or isinstance(value, str), "be a name")
    scheduler: str = checked("constant", lambda value: is_name(value, SCHEDULERS), f"be one of {', '.join(SCHEDULERS)}")
    start: float | None = checked(None, _optional_number, "be a finite number")
    min: float | None = checked(None, _optional_number, "be a finite number")
    max: float | None = checked(None, _optional_number, "be a finite number")
    std: float | None = checked(None, lambda value: value is None or is_number(value, 0.0), "be a finite number >= 0")


@dataclass(frozen=True)
class PerturbParams(Spec):
    """Several parameters at once: drawn evenly from ranges (low, high) at every reset, or fixed to values."""

    where = "perturb_spec"

    mode: str = checked("range", lambda value: value in ("range", "fixed"), "be 'range' or 'fixed'")
    params: Mapping = field(default_factory=dict)

    def __post_init__(self):
        super().__post_init__()
        if not isinstance(self.params, Mapping):
            raise ValueError(f"{self.where}.params must be a mapping of names, got {self.params!r}")
        for name, value in self.params.items():
            ranged = self.mode == "range"
            if not (_is_range(value) if ranged else is_number(value)):
                wanted = "a range (low, high) with low <= high" if ranged else "a finite number"
                raise ValueError(f"{self.where}.params.{name} must be {wanted}, got {value!r}")


@dataclass(frozen=True)
class Course:
    """One parameter, resolved: the rule that makes its values, from where to where, and every how many resets."""

    param: str
    scheduler: str
    bounds: Bounds
    period: int = 1


def single_values(values: Mapping, known: Mapping[str, Perturbable], ids) -> dict[str, float]:
    """Returns the values (1,) that a single environment with these parameters is to take; none if there are no `ids`.

    Raises:
        ValueError: a name is unknown (the nearest is named), or a value is below 0 or no number.
    """
    for name in values:
        if name not in known:
            raise ValueError(f"no perturbation is called {name!r}{nearest_name(name, known)}")
    return {name: _only_number(name, value) for name, value in values.items() if len(ids)}


def parse_perturbation(given: Mapping | Spec | None) -> PerturbSpec | PerturbParams:
    """Returns the spec that a mapping holds, in whichever of the two forms.

    Raises:
        ValueError: a key is unknown, or a value is none that its key may have.
    """
    several = isinstance(given, PerturbParams) or (isinstance(given, Mapping) and given.keys() & {"mode", "params"})
    return parse(PerturbParams if several else PerturbSpec, given)


def courses(spec: PerturbSpec | PerturbParams, known: Mapping[str, Perturbable], default: str) -> tuple[Course, ...]:
    """Returns what a spec perturbs in an environment that knows these parameters; nothing if it is not enabled.

    Raises:
        ValueError: a parameter is unknown (the nearest is named), or a range is empty.
    """
    if isinstance(spec, PerturbParams):
        return tuple(_fixed_range(_known(name, known), value) for name, value in spec.params.items())
    if not spec.enable:
        return ()
    param = _known(default if spec.param is None else spec.param, known)
    own = known[param]
    nominal = (own.nominal, own.low, own.high, own.std)
    numbers = [
        given if given is not None else usual for given, usual in zip((spec.start, spec.min, spec.max, spec.std), nominal)
    ]
    if numbers[1] > numbers[2]:
        raise ValueError(f"perturb_spec.min must be at most perturb_spec.max, got {numbers[1]} and {numbers[2]} for {param}")
    return (Course(param, spec.scheduler, Bounds(*map(float, numbers)), spec.period),)


def _is_range(value):
    pair = isinstance(value, (tuple, list, np.ndarray)) and len(value) == 2
    return pair and all(is_number(end) for end in value) and value[0] <= value[1]


def _only_number(name, value):
    value = np.asarray(value, float).item()
    if not 0 <= value < math.inf:
        raise ValueError(f"{name} must be a number from 0 on, got {value}")
    return value


def _known(name, known):
    if name not in known:
        raise ValueError(f"perturb_spec has no parameter {name!r} to perturb{nearest_name(name, known)}")
    return name


def _fixed_range(name, value):
    low, high = (value, value) if is_number(value) else value
    return Course(name, "uniform" if low < high else "constant", Bounds(float(low), float(low), float(high), 0.0))
