"""Specs: frozen dataclasses that check themselves and tell where in a nested spec a mistake stands."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeVar

import numpy as np

from utils.config import nearest_name
from utils.fields import shown

Check = Callable[[Any], bool]


@dataclass(frozen=True)
class Spec:
    """The base of specs: every field made by `checked` is checked when the spec is built.

    `where` is the spec's name in errors, as "noise_spec.dropped"; `aliases` are other spellings of its keys.
    """

    where: ClassVar[str] = "spec"
    aliases: ClassVar[Mapping[str, str]] = {}

    def __post_init__(self):
        for own in fields(self):
            value = getattr(self, own.name)
            if "check" in own.metadata and not own.metadata["check"](value):
                raise ValueError(f"{self.where}.{own.name} must {own.metadata['allowed']}, got {shown(value)}")


SpecType = TypeVar("SpecType", bound=Spec)


def checked(default, check: Check, allowed: str):
    """Returns a field with a default, what its values must fulfil, and the words for it that follow "must"."""
    return field(default=default, metadata={"check": check, "allowed": allowed})


def parse(kind: type[SpecType], given: Mapping | SpecType | None) -> SpecType:
    """Returns a spec of this kind from a mapping with some of its keys, or the spec itself; None gives the defaults.

    Nested mappings become the specs that the fields' defaults are.

    Raises:
        ValueError: a key is unknown (the nearest is named) or given twice, or a value is none that its key may have.
    """
    if isinstance(given, kind):
        return given
    if given is not None and not isinstance(given, Mapping):
        raise ValueError(f"{kind.where} must be a mapping or a {kind.__name__}, got {shown(given)}")
    values = {}
    for key, value in (given or {}).items():
        name = _field_name(kind, key)
        if name in values:
            others = [own for own, meant in kind.aliases.items() if meant == name]
            raise ValueError(f"{kind.where}.{name} is given twice, as {others[0]} too: give one of them")
        values[name] = _nested(kind, name, value)
    return kind(**values)


def is_bool(value) -> bool:
    return isinstance(value, (bool, np.bool_))


def is_whole(value, lowest: int = 0, highest: float = np.inf) -> bool:
    """Returns whether this is a whole number, of Python or numpy, in lowest to highest."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and lowest <= value <= highest


def is_number(value, low: float = -np.inf, high: float = np.inf) -> bool:
    """Returns whether this is a finite number, of Python or numpy, and in low to high."""
    known = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not known:
        return False
    value = value.item() if isinstance(value, np.generic) else value  # a float32 cannot be compared with the largest float
    return abs(value) <= sys.float_info.max and bool(low <= value <= high)  # NaN compares as False


def flag(default: bool):
    """Returns a field for True or False."""
    return checked(default, is_bool, "be True or False")


def _field_name(kind, key):
    names = [own.name for own in fields(kind)]
    name = kind.aliases.get(key, key) if isinstance(key, str) else key
    if name not in names:
        raise ValueError(f"{kind.where} has no key {shown(key)}{nearest_name(key, names)}")
    return name


def _nested(kind, name, value):
    default = getattr(kind, name, None)
    return parse(type(default), value) if isinstance(default, Spec) else value
