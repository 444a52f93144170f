"""Parameters that can be perturbed, and the `perturb_spec`, which can be written in several forms."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from utils.config import nearest_name
from utils.fields import checked, is_name, is_number, shown, within
from utils.schedules import SCHEDULERS, Bounds
from utils.specs import Spec, parse

SINGLE, RANGE = ("start", "value"), ("min", "max")  # keys of an entry of `params` in the modes "fixed" and "range"


@dataclass(frozen=True)
class Perturbable:
    """A parameter of an environment: its nominal value, default range, and default change per update, all in its unit.

    The unit of a scale is 1. Values outside `lowest` to `highest` are refused, because the model cannot be built or its
    physics does not stay finite. A `whole` parameter takes whole numbers; those that are drawn from a range are rounded.
    """

    nominal: float
    low: float
    high: float
    std: float
    lowest: float = 0.0
    highest: float = math.inf
    whole: bool = False

    def __post_init__(self):
        if not self.lowest <= self.low <= self.high <= self.highest:
            raise ValueError(f"a range must lie within its bounds, got {self}")

    def check(self, name: str, values) -> None:
        """Raises ValueError if a value, a number or an array, is no number within the bounds, or not whole for `whole`."""
        numbers = np.asarray(values)
        if numbers.dtype.kind not in "fiu":
            raise ValueError(f"{name} must {self._allowed}, got {shown(values)}")
        outside = ~(np.isfinite(numbers) & (numbers >= self.lowest) & (numbers <= self.highest))
        if self.whole:
            outside |= numbers != np.rint(numbers)
        if outside.any():
            raise ValueError(f"{name} must {self._allowed}, got {numbers[outside][0]}")

    @property
    def _allowed(self):
        bounded = f"{'be a whole number' if self.whole else 'lie'} in {self.lowest:g} to {self.highest:g}"
        return f"be a number from {self.lowest:g} on" if math.isinf(self.highest) else bounded


def check_values(values: Mapping, known: Mapping[str, Perturbable]) -> None:
    """Checks values, numbers or arrays by name, before any of them is used.

    Raises:
        ValueError: a name is unknown (the message names the nearest), or a value lies outside its bounds or is not a number.
    """
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"{name!r} cannot be perturbed here{nearest_name(name, known)}")
        known[name].check(name, value)


def _optional_number(value):
    return value is None or is_number(value)


@dataclass(frozen=True)
class PerturbSpec(Spec):
    """One parameter on a schedule. None selects the environment's default.

    The value changes at the first reset and at every `period`-th after it.
    """

    where = "perturb_spec"

    enable: bool = False
    period: int = within(1, 1, allowed="be a whole number of resets, at least 1")
    param: str | None = checked(None, lambda value: value is None or isinstance(value, str), "be a name")
    scheduler: str = checked("constant", lambda value: is_name(value, SCHEDULERS), f"be one of {', '.join(SCHEDULERS)}")
    start: Any = checked(None, _optional_number, "be a finite number")
    min: Any = checked(None, _optional_number, "be a finite number")
    max: Any = checked(None, _optional_number, "be a finite number")
    std: Any = checked(None, lambda value: value is None or is_number(value, 0.0), "be a finite number >= 0")


@dataclass(frozen=True)
class PerturbParams(Spec):
    """Several parameters at once: drawn uniformly from ranges at every `period`-th reset, or fixed to values.

    An entry of `params` is (low, high) or {min, max} in mode "range", and a number, {start} or {value} in mode "fixed". As
    in the guide, an entry may have the keys of both modes. Without a mode, an entry without a range is fixed.
    """

    where = "perturb_spec"

    mode: str | None = checked(None, lambda value: value in (None, "range", "fixed"), "be 'range' or 'fixed'")
    params: Any = field(default_factory=dict)
    enable: bool = True
    period: int = within(1, 1, allowed="be a whole number of resets, at least 1")

    def __post_init__(self):
        super().__post_init__()
        if not isinstance(self.params, Mapping):
            raise ValueError(f"{self.where}.params must be a mapping of names, got {shown(self.params)}")
        for name in self.params:
            self.ends(name)

    def ends(self, name: str) -> tuple[float, float]:
        """Returns the range (low, high) of a parameter; low equals high for a fixed value.

        Raises:
            ValueError: the entry does not have the form of the mode.
        """
        entry, place = self.params[name], f"{self.where}.params.{name}"
        entry = entry.tolist() if isinstance(entry, np.ndarray) else entry
        ranged, single = _range(entry, place), _single(entry, place)
        if self.mode == "range" or (self.mode is None and single is None):
            if not (_is_pair(ranged) and ranged[0] <= ranged[1]):
                wanted = "a range (low, high) or {min, max} with low <= high"
                raise ValueError(f"{place} must be {wanted}, got {shown(entry)}")
            return float(ranged[0]), float(ranged[1])
        if ranged is not None and self.mode is None:
            return PerturbParams("range", {name: entry}).ends(name)
        if not is_number(single):
            raise ValueError(f"{place} must be a finite number, got {shown(entry)}: write it alone, or as start or value")
        return float(single), float(single)


@dataclass(frozen=True)
class ParameterSchedule:
    """The schedule of one parameter: its scheduler, start and bounds, and the number of resets between two updates."""

    param: str
    scheduler: str
    bounds: Bounds
    period: int = 1
    whole: bool = False


def single_values(values: Mapping, known: Mapping[str, Perturbable], ids) -> dict[str, float]:
    """Returns the values (1,) for a single environment with these parameters; an empty dict if `ids` is empty.

    Raises:
        ValueError: as `check_values` does.
    """
    check_values(values, known)
    return {name: np.asarray(value, float).item() for name, value in values.items() if len(ids)}


def parse_perturbation(given: Mapping | Spec | None) -> PerturbSpec | PerturbParams:
    """Returns the spec from a mapping in either of the two forms.

    Raises:
        ValueError: a key is unknown, or a value is not allowed.
    """
    several = isinstance(given, PerturbParams) or (isinstance(given, Mapping) and not {"mode", "params"}.isdisjoint(given))
    return parse(PerturbParams if several else PerturbSpec, given)


def spec_of_params(given: Mapping) -> Mapping:
    """Returns a perturb_spec; accepts also a mapping with only the entries of `params`: {mass: [0.7, 1.3]}."""
    keys = {field.name for kind in (PerturbSpec, PerturbParams) for field in fields(kind)}
    return {"params": given} if keys.isdisjoint(given) else given


def given_spec(perturb_spec, task_kwargs: Mapping | None):
    """Returns the perturb_spec from the argument or, as in the guide, from `task_kwargs`.

    Raises:
        ValueError: both are given, or `task_kwargs` has other keys.
    """
    return merged({} if perturb_spec is None else {"perturb_spec": perturb_spec}, task_kwargs, ("perturb_spec",)).get(
        "perturb_spec"
    )


def merged(specs: Mapping, task_kwargs: Mapping | None, known: tuple[str, ...]) -> dict:
    """Returns specs by name together with those in `task_kwargs`, which may have the names `known`.

    Raises:
        ValueError: `task_kwargs` is not a mapping, a name is unknown (the message names the nearest), or is given in both.
    """
    task_kwargs = {} if task_kwargs is None else task_kwargs
    if not isinstance(task_kwargs, Mapping):
        raise ValueError(f"task_kwargs must be a mapping, got {shown(task_kwargs)}")
    for name in specs:
        if name not in known:
            raise ValueError(f"there is no argument {shown(name)}{nearest_name(name, known)}")
    for name in task_kwargs:
        if name not in known:
            raise ValueError(f"task_kwargs has no key {shown(name)}{nearest_name(name, known)}")
        if name in specs:
            raise ValueError(f"{name} is given twice, in task_kwargs too: give one of them")
    return {**specs, **task_kwargs}


def parameter_schedules(
    spec: PerturbSpec | PerturbParams, known: Mapping[str, Perturbable], default: str, exact: bool = False
) -> tuple[ParameterSchedule, ...]:
    """Returns the schedule of each parameter that a spec perturbs; none if the spec is not enabled.

    A constant value may lie outside the default range: only `exact` clips it, as the original suite does.

    Args:
        spec: the spec.
        known: the environment's parameters.
        default: the parameter for a spec without a name.
        exact: whether to reproduce the original suite bit for bit.

    Raises:
        ValueError: a parameter is unknown (the message names the nearest), a range is empty, or a value lies outside its
            bounds.
    """
    if not spec.enable:
        return ()
    if isinstance(spec, PerturbParams):
        return tuple(_drawn(_known(name, known), spec, known) for name in spec.params)
    param = _known(default if spec.param is None else spec.param, known)
    parameter = known[param]
    for key in ("start", *RANGE):
        if getattr(spec, key) is not None:
            parameter.check(f"perturb_spec.{key} of {param}", getattr(spec, key))
    start, low, high, std = _numbers(spec, parameter, spec.scheduler == "constant" and not exact)
    if low > high:
        raise ValueError(f"perturb_spec.min must be at most perturb_spec.max, got {low} and {high} for {param}")
    return (ParameterSchedule(param, spec.scheduler, Bounds(start, low, high, std), spec.period, parameter.whole),)


def _numbers(spec, parameter, widen):
    """Returns start, low, high and std; with `widen` the default range is widened so that it contains the start."""
    start = parameter.nominal if spec.start is None else spec.start
    std = parameter.std if spec.std is None else spec.std
    low = spec.min if spec.min is not None else min(parameter.low, start) if widen else parameter.low
    high = spec.max if spec.max is not None else max(parameter.high, start) if widen else parameter.high
    return tuple(map(float, (start, low, high, std)))


def _drawn(name, spec, known):
    low, high = spec.ends(name)
    for end in (low, high):
        known[name].check(f"perturb_spec.params.{name}", end)
    scheduler = "uniform" if low < high else "constant"
    return ParameterSchedule(name, scheduler, Bounds(low, low, high, 0.0), spec.period, known[name].whole)


def _range(entry, place):
    """Returns the range in an entry, not checked, or None if it has none."""
    if not isinstance(entry, Mapping):
        return entry if isinstance(entry, (tuple, list)) else None
    for key, value in entry.items():
        if key not in SINGLE + RANGE:
            raise ValueError(f"{place} has no key {shown(key)}{nearest_name(key, SINGLE + RANGE)}")
        if not is_number(value):
            raise ValueError(f"{place}.{key} must be a finite number, got {shown(value)}")
    return tuple(entry[key] for key in RANGE) if set(RANGE) <= entry.keys() else None


def _single(entry, place):
    """Returns the single value in an entry, not checked, or None if it has none."""
    if not isinstance(entry, Mapping):
        return None if isinstance(entry, (tuple, list)) else entry
    given = [entry[key] for key in SINGLE if key in entry]
    if len(given) > 1:
        raise ValueError(f"{place} has start and value: give one of them")
    return given[0] if given else None


def _is_pair(value):
    return value is not None and len(value) == 2 and all(is_number(end) for end in value)


def _known(name, known):
    if name not in known:
        raise ValueError(f"perturb_spec has no parameter {shown(name)} to perturb{nearest_name(name, known)}")
    return name
