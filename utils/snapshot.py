"""Captures and restores the state of the project's objects, bit for bit, as plain data and arrays."""

import dataclasses
import dis
from collections import deque
from collections.abc import Mapping
from enum import Enum
from functools import partial
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MappingProxyType, MethodType, ModuleType

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from mujoco import MjModel
from mujoco.batch import Batch

# Objects of these packages, and of classes derived from theirs, are walked through.
_OURS = {"callbacks", "controllers", "envs", "utils"}
_PLAIN = {bool, int, float, str, type(None)}
_FUNCTIONS = (FunctionType, BuiltinFunctionType, MethodType, ModuleType, type, partial)
_DESCRIPTIONS = (MjModel, EnvSpec, gym.Space, np.dtype, slice, range, bytes, Path, Enum, MappingProxyType)
_OTHERS_ENVS = (gym.Env, gym.vector.VectorEnv)  # they begin new episodes when a training goes on
_GYMNASIUM = ("metadata", "spec", "_saved_kwargs", "_cached_spec")  # Gymnasium's attributes that describe an environment
_MUTABLE = (list, dict, set, deque, bytearray, np.ndarray, np.random.Generator, np.random.RandomState)
_DEQUE, _SET, _ENUM = "<deque>", "<set>", "<enum>"
_SAME = "<as it was built>"  # stands for a part that does not change


class UnkeptError(TypeError, ValueError):
    """An attribute that may change and cannot be kept in a checkpoint."""


def capture(thing) -> dict:
    """Returns a copy of all that `thing` and the objects of ours in it remember: attribute -> number, array, generator's
    state, a batch's physics, a container of these, or the same of the object there.

    Left out are attributes that the class names in `transient`, what a batch shows of its last step, and what does not
    change: configs (frozen dataclasses), models, spaces, functions. An object with a `snapshot` and a `restore_snapshot`
    says itself what it remembers.

    Raises:
        UnkeptError: an attribute may change, but cannot be kept; it is named, with its class.
    """
    if hasattr(type(thing), "snapshot"):
        return thing.snapshot()
    getattr(thing, "before_capture", _nothing)()
    remembered = {}
    for name, value in vars(thing).items():
        if name in getattr(thing, "transient", ()) or name in _GYMNASIUM:
            continue
        captured = _captured(value, f"{type(thing).__name__}.{name}")
        if not _is_same(captured):
            remembered[name] = captured
    return remembered


def restore(thing, remembered: Mapping) -> None:
    """Makes `thing` remember what `capture` returned. Arrays keep their place in memory: others may look at them.

    An object's `after_restore`, if it has one, is called when all that it remembers is back.

    Raises:
        ValueError: it has no such attribute: the state is another class's.
    """
    if hasattr(type(thing), "snapshot"):
        thing.restore_snapshot(remembered)
        return
    getattr(thing, "before_restore", _nothing)(remembered)
    for name, value in remembered.items():
        if not hasattr(thing, name):
            raise ValueError(f"a {type(thing).__name__} has no {name}: the state is not its own")
        setattr(thing, name, _restored(getattr(thing, name), value))
    getattr(thing, "after_restore", _nothing)()


def _nothing(*_):
    """Stands for a hook that an object does not have."""


def is_ours(value) -> bool:
    """Tells whether an object is of one of this project's classes, or of a class derived from them, constants aside."""
    modules = {kind.__module__.split(".")[0] for kind in type(value).__mro__}
    return bool(modules & _OURS) and hasattr(value, "__dict__") and not _is_frozen(value)


def _is_plain(value):
    return type(value) in _PLAIN or isinstance(value, np.generic)


def _is_frozen(value):
    parameters = getattr(type(value), "__dataclass_params__", None)
    return parameters is not None and parameters.frozen


def _is_same(captured):
    """Returns whether nothing in this can change."""
    if isinstance(captured, dict):
        return bool(captured) and all(map(_is_same, captured.values()))
    if isinstance(captured, (list, tuple)):
        return bool(captured) and all(map(_is_same, captured))
    return isinstance(captured, str) and captured == _SAME


def _captured(value, where):
    """Returns a copy of a value as plain data; `where` it stands is for errors."""
    if isinstance(value, dict):
        return {key: _captured(inner, f"{where}[{key!r}]") for key, inner in value.items()}
    if isinstance(value, (list, tuple, deque, set, frozenset)):
        return _captured_items(value, where)
    if isinstance(value, np.ndarray):
        return _captured_array(value, where)
    if isinstance(value, np.random.Generator) and hasattr(np.random, type(value.bit_generator).__name__):
        return value.bit_generator.state
    if isinstance(value, Batch):
        return value.state.copy()
    if _is_plain(value):
        return value
    if isinstance(value, Enum):
        return {_ENUM: value.name}
    if _is_walked(value):
        return capture(value)
    if _remembers(value):
        raise _unkept(where, value)
    others_env = isinstance(value, _OTHERS_ENVS) and not is_ours(value.unwrapped)
    if _is_frozen(value) or isinstance(value, (*_FUNCTIONS, *_DESCRIPTIONS)) or others_env:
        return _SAME
    raise _unkept(where, value)


def _is_walked(value):
    """Returns whether the attributes of an object are captured: the project's objects, and mutable dataclasses."""
    is_record = dataclasses.is_dataclass(value) and not isinstance(value, type) and not _is_frozen(value)
    return is_ours(value) or (is_record and hasattr(value, "__dict__"))


def _remembers(value):
    """Returns whether a function holds state: in a closure, in the arguments of a partial, or in the object of a method."""
    if isinstance(value, partial):
        return any(isinstance(inner, _MUTABLE) or _remembers(inner) for inner in (value.func, *value.args))
    if isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        rebinds = any(step.opname == "STORE_DEREF" and step.argval in value.__code__.co_freevars
                      for step in dis.get_instructions(value)) if cells else False  # fmt: skip
        return rebinds or any(isinstance(inner, _MUTABLE) or hasattr(inner, "__next__") for inner in cells)
    if isinstance(value, (MethodType, BuiltinFunctionType)):
        holder = value.__self__
        return not (holder is None or isinstance(holder, (ModuleType, type)) or is_ours(holder) or _is_frozen(holder))
    return False


def _captured_items(value, where):
    items = sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value
    captured = [_captured(item, f"{where}[{i}]") for i, item in enumerate(items)]
    if isinstance(value, deque):
        return {_DEQUE: captured, "maxlen": value.maxlen}
    if isinstance(value, (set, frozenset)):
        return {_SET: captured, "frozen": isinstance(value, frozenset)}
    return tuple(captured) if isinstance(value, tuple) else captured


def _captured_array(array, where):
    if array.dtype == object:
        raise _unkept(where, array)
    owner = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    shown = owner is not None and not array.flags.writeable  # by a batch: memory that is not numpy's
    return _SAME if shown else array.copy()


def _unkept(where, value):
    kind = "array of objects" if isinstance(value, np.ndarray) else type(value).__name__
    return UnkeptError(
        f"{where} is of a type that a checkpoint cannot keep ({kind}): use numbers, arrays, lists or dicts of them, or, "
        "if no step depends on it, name it in the class attribute `transient`"
    )


def _restored(old, new):
    """Returns what takes the place of `old`: itself, changed, where others may hold on to it."""
    if isinstance(new, str) and new == _SAME:
        if old is None:
            raise ValueError("a part of the state is a constant that the new object does not have")
        return old
    if isinstance(old, Batch):
        if old.state.shape != new.shape:
            raise ValueError(f"{len(new)} simulations with {new.shape[1]} numbers each do not fit into {old.state.shape}")
        old.state[...] = new
        return old
    if isinstance(new, np.ndarray):
        return _restored_array(old, new)
    if isinstance(new, dict) and "bit_generator" in new:
        return _generator(new)
    if _is_walked(old):
        restore(old, new)
        return old
    if isinstance(new, dict):
        return _restored_mapping(old, new)
    if isinstance(new, (list, tuple)):
        return _restored_sequence(old, new)
    return new


def _restored_array(old, new):
    if not isinstance(old, np.ndarray) or not _fits(old, new):
        return new
    if not old.flags.writeable:
        new.flags.writeable = False
        return new
    old[...] = new
    return old


def _restored_mapping(old, new):
    if _ENUM in new:
        return type(old)[new[_ENUM]]
    if _DEQUE in new:
        return deque(_restored_sequence(list(old or ()), new[_DEQUE]), new["maxlen"])
    if _SET in new:
        return (frozenset if new["frozen"] else set)(new[_SET])
    olds = old if isinstance(old, dict) else {}
    restored = {key: _restored(olds.get(key), value) for key, value in new.items()}
    olds.clear()
    olds.update(restored)
    return olds


def _restored_sequence(old, new):
    olds = old if isinstance(old, (list, tuple)) and len(old) == len(new) else [None] * len(new)
    restored = [_restored(*pair) for pair in zip(olds, new)]
    if hasattr(olds, "_fields"):
        return type(olds)(*restored)  # a named tuple
    return tuple(restored) if isinstance(new, tuple) else restored


def _fits(old, new):
    return (old.shape, old.dtype) == (new.shape, new.dtype)


def _generator(state):
    generator = getattr(np.random, state["bit_generator"])()
    generator.state = state
    return np.random.Generator(generator)
