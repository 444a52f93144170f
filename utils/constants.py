"""Notices constants that change: parts of an object that no checkpoint keeps, because they should never change."""

import weakref
from collections import deque
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType

import gymnasium as gym
import numpy as np

# Values that are compared by `==`.
_COMPARED = (str, bytes, Path, Enum, type, gym.Space, np.dtype, slice, range, BuiltinFunctionType, CodeType, ModuleType)
_NUMBERS = (bool, int, float, complex, np.generic)
_first: dict[int, dict[str, object]] = {}  # id of an object -> place -> fingerprint at its first capture


def changed(owner, constants: Mapping[str, object]) -> list[str]:
    """Returns the places whose constants differ from those of the first call with this owner in this process.

    Args:
        owner: the object that holds the constants.
        constants: place -> value; a place that was never seen before counts as unchanged.
    """
    if id(owner) not in _first:
        _first[id(owner)] = {}
        weakref.finalize(owner, _first.pop, id(owner), None).atexit = False
    known = _first[id(owner)]
    prints = {place: fingerprint(value) for place, value in constants.items()}
    return [place for place, new in prints.items() if known.setdefault(place, new) != new]


def fingerprint(value, above: tuple = ()):
    """Returns a value that is equal for equal contents and holds no reference to a mutable object.

    Functions compare by code, defaults, closure and attributes; frozen dataclasses and containers by contents; other
    objects by type. `above` holds the objects that contain `value`: a function may contain itself.
    """
    parts = None if any(value is outer for outer in above) else _parts(value)
    if parts is not None:
        return type(value), tuple(fingerprint(part, (*above, value)) for part in parts)
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, hash(value.tobytes())
    if isinstance(value, _NUMBERS):
        return type(value), repr(value)  # unlike ==, repr finds nan equal to nan
    if isinstance(value, np.random.Generator):
        return repr(value.bit_generator.state)
    return value if isinstance(value, _COMPARED) else type(value)


def _parts(value):
    """Returns the values that decide what a container or a function is; None for other types."""
    if isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        return value.__code__, value.__defaults__, value.__kwdefaults__, vars(value), cells
    if isinstance(value, partial):
        return value.func, value.args, value.keywords
    if isinstance(value, MethodType):
        return value.__func__, type(value.__self__)
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple, deque, bytearray)):
        return value
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    if is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, field.name) for field in fields(value)]
    return None
