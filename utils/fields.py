"""Typed, bounded fields of frozen config dataclasses; a wrong value raises a one-sentence error with the field's name."""

import dataclasses
import reprlib
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from utils.paths import expanded

_LONGEST = 120  # an error shows at most this number of characters of a value
_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = _LONGEST
_REPR.maxtuple = _REPR.maxlist = _REPR.maxdict = 20


class FieldError(ValueError):
    """A value that a field does not allow.

    Attributes:
        path: the field, with the fields of the enclosing configs, for example "gait.duty_factor".
        words: the rest of the sentence.
    """

    def __init__(self, path: str, words: str):
        super().__init__(f"{path} {words}")  # one argument, because tyro shows the arguments
        self.path, self.words = path, words

    def __reduce__(self):
        return FieldError, (self.path, self.words)

    def inside(self, name: str) -> "FieldError":
        """Returns the same error for the config that contains this config in its field `name`."""
        return FieldError(f"{name}.{self.path}", self.words)


class Checked:
    """Base of frozen config dataclasses: checks the type and the bounds of every field when a config is built.

    The annotations give the types: an int is converted to a float, and a list to a tuple, if that is the field's type. Every
    float must be finite. `within`, `span` and `checked` declare further bounds. A subclass that defines `__post_init__`
    calls this one first.

    Raises:
        FieldError: a value has the wrong type or lies outside of its bounds.
    """

    def __post_init__(self):
        for field, hint in _fields(type(self)):
            given = getattr(self, field.name)
            value = fitting(given, hint, field.name)
            check_bounds(field, value)
            if value is not given:
                object.__setattr__(self, field.name, value)


def checked(default, check: Callable[[Any], bool], allowed: str):
    """Returns a dataclass field with a default and a condition; `allowed` describes the condition after the word "must"."""
    return dataclasses.field(default=default, metadata={"check": check, "allowed": allowed})


def within(default, low=-np.inf, high=np.inf, *, above=None, below=None, least: int = 0, unit: str = "", allowed: str = ""):
    """Returns a dataclass field for a number, or for a tuple of at least `least` numbers, that lie between bounds.

    `low` and `high` are allowed values; use `above` and `below` for bounds that are not allowed themselves. None is allowed
    if the field's type includes it. `allowed` replaces the description of the condition after the word "must".
    """

    def inside(number):
        return (low <= number if above is None else above < number) and (number <= high if below is None else number < below)

    def check(value):
        if isinstance(value, tuple):
            return len(value) >= least and all(map(inside, value))
        return value is None or inside(value)

    words = _interval_words(low, high, above, below, unit)
    several = f"have at least {least} number{'s' * (least > 1)}, and each must {words}"
    return checked(default, check, allowed or (several if least else words))


def span(default: tuple[float, float], low: float, high: float, unit: str = ""):
    """Returns a dataclass field for a range (low, high) with low <= high between these bounds."""
    words = f"be a range (low, high) with low <= high in {low} to {high}{' ' if unit else ''}{unit}"
    return checked(default, lambda value: low <= value[0] <= value[1] <= high, words)


def fix_fields(config, values: dict[str, Any], where: str) -> None:
    """Sets fields of a frozen dataclass that another field decides; for use in `__post_init__`.

    Raises:
        FieldError: a field was given another value than its default or the one in `values`.
    """
    defaults = {field.name: field for field in dataclasses.fields(config)}
    for name, value in values.items():
        field = defaults[name]
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        given = getattr(config, name)
        if given not in (value, default):
            raise FieldError(_first_difference(name, given, default), f"has no effect {where}")
        object.__setattr__(config, name, value)


def _first_difference(name, given, default):
    """Returns the dotted path below `name` of the first field of `given`, a dataclass, that differs from `default`."""
    if not (dataclasses.is_dataclass(given) and type(given) is type(default)):
        return name
    pairs = ((field.name, getattr(given, field.name), getattr(default, field.name)) for field in dataclasses.fields(given))
    return f"{name}." + next(_first_difference(*pair) for pair in pairs if pair[1] != pair[2])


def number_within(name: str, value, low: float, high: float, unit: str = "") -> float:
    """Returns `value` as a float.

    Raises:
        FieldError: `value` is not a number, or lies outside of low to high.
    """
    number = fitting(value, float, name)
    if not low <= number <= high:
        raise FieldError(name, f"must {_interval_words(low, high, None, None, unit)}, got {shown(value)}")
    return number


def whole_number(name: str, value, lowest: int, highest: float = np.inf) -> int:
    """Returns `value` as an int.

    Raises:
        FieldError: `value` is not a whole number between `lowest` and `highest`.
    """
    if not is_whole(value, lowest, highest):
        most = "" if highest == np.inf else f" and at most {highest}"
        raise FieldError(name, f"must be a whole number, at least {lowest}{most}, got {shown(value)}")
    return int(value)


def is_whole(value, lowest: int = 0, highest: float = np.inf) -> bool:
    """Returns whether `value` is a whole number of Python or numpy between `lowest` and `highest`."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and lowest <= value <= highest


def is_number(value, low: float = -np.inf, high: float = np.inf) -> bool:
    """Returns whether `value` is a finite number of Python or numpy between `low` and `high`."""
    known = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not known:
        return False
    value = value.item() if isinstance(value, np.generic) else value  # a float32 cannot be compared with the largest float
    return abs(value) <= sys.float_info.max and bool(low <= value <= high)  # NaN compares as False


def is_name(value, known: Iterable[str]) -> bool:
    """Returns whether a value of any type is one of the known names."""
    return isinstance(value, str) and value in known


def check_bounds(field: dataclasses.Field, value) -> None:
    """Raises FieldError if the value violates the field's condition, or contains a float that is not finite."""
    if "check" in field.metadata and not field.metadata["check"](value):
        raise FieldError(field.name, f"must {field.metadata['allowed']}, got {shown(value)}")
    for number in value if isinstance(value, tuple) else (value,):
        if isinstance(number, float) and not np.isfinite(number):
            raise FieldError(field.name, f"must be finite, got {shown(value)}")


def fitting(value, hint, name: str):
    """Returns `value` converted to the type `hint`: ints to floats, lists to tuples, strings to paths.

    Raises:
        FieldError: the value has another type.
    """
    value = value.item() if isinstance(value, np.generic) else value
    if get_origin(hint) in (Union, UnionType):
        return _fitting_one_of(value, get_args(hint), name)
    if get_origin(hint) is tuple:
        return _fitting_tuple(value, get_args(hint), name)
    if get_origin(hint) is Literal:
        if not any(type(value) is type(known) and value == known for known in get_args(hint)):
            raise _wrong(name, hint, value)
        return value
    return _fitting_plain(value, hint, name)


def check_once(option: str, values: Iterable) -> None:
    """Raises ValueError if an option of several values names one of them twice."""
    values = list(values)
    if len({*values}) < len(values):
        raise ValueError(f"{option} must name each value once, got {' '.join(map(str, values))}")


def shown(value) -> str:
    """Returns a value as text for an error: one line, shortened."""
    try:
        return " ".join(_REPR.repr(value).split())
    except ValueError:  # Python refuses to write integers of thousands of digits
        return f"{type(value).__name__} of too many digits"


@lru_cache
def _fields(kind):
    hints = get_type_hints(kind)
    return [(field, hints[field.name]) for field in dataclasses.fields(kind)]


def _fitting_one_of(value, hints, name):
    for hint in hints:
        with suppress(FieldError):
            return fitting(value, hint, name)
    lists = [hint for hint in hints if get_origin(hint) is tuple]
    if len(lists) == 1 and isinstance(value, (tuple, list)):
        return fitting(value, lists[0], name)  # its error names the length and the kind of the values
    raise FieldError(name, f"must be {' or '.join(map(_named, hints))}, got {shown(value)}")


def _fitting_tuple(value, items, name):
    open_ended = len(items) == 2 and items[1] is Ellipsis
    if not isinstance(value, (tuple, list)) or not (open_ended or len(value) == len(items)):
        size = "any number of" if open_ended else len(items)
        raise FieldError(name, f"must be a list of {size} {_named(items[0])} values, got {shown(value)}")
    kinds = items[:1] * len(value) if open_ended else items
    return tuple(fitting(inner, kind, name) for inner, kind in zip(value, kinds))


def _fitting_plain(value, hint, name):
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return _as_float(value)
    if hint is Path and isinstance(value, str):
        return expanded(value)
    if hint is Any or (isinstance(value, get_origin(hint) or hint) and not (isinstance(value, bool) and hint is int)):
        return value
    raise _wrong(name, hint, value)


def _as_float(value):
    try:
        return float(value)
    except OverflowError:  # an integer beyond the largest float
        return np.inf if value > 0 else -np.inf


def _wrong(name, hint, value):
    return FieldError(name, f"must be {_named(hint)}, got {shown(value)}")


def _named(hint):
    if get_origin(hint) is Literal:
        return " or ".join(map(repr, get_args(hint)))
    if hint is bool:
        return "True or False"
    return "None" if hint is type(None) else getattr(hint, "__name__", str(hint))


def _interval_words(low, high, above, below, unit):
    unit = f" {unit}" if unit else ""
    if above is below is None and np.isfinite([low, high]).all():
        return f"be a number in {low} to {high}{unit}"
    start = f"above {above}" if above is not None else f"at least {low}" * (low > -np.inf)
    end = f"below {below}" if below is not None else f"at most {high}" * (high < np.inf)
    return f"be {' and '.join(filter(None, (start, end)))}{unit}"
