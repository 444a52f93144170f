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

from utils.constants import changed

# The attributes of objects of these packages, and of classes derived from theirs, are captured recursively.
_OURS = {"callbacks", "controllers", "envs", "utils"}
_PLAIN = {bool, int, float, str, type(None)}
_FUNCTIONS = (FunctionType, BuiltinFunctionType, MethodType, ModuleType, type, partial)
_DESCRIPTIONS = (MjModel, EnvSpec, gym.Space, np.dtype, slice, range, bytes, Path, Enum, MappingProxyType)
_OTHERS_ENVS = (gym.Env, gym.vector.VectorEnv)  # a resumed training resets these environments
_GYMNASIUM = ("metadata", "spec", "_saved_kwargs", "_cached_spec")  # Gymnasium's attributes that describe an environment
_STREAMS = (np.random.Generator, np.random.RandomState)
_MUTABLE = (list, dict, set, deque, bytearray, np.ndarray, *_STREAMS)
_CONTAINERS = (dict, list, tuple, deque, set, frozenset, np.ndarray)
_DEQUE, _SET, _ENUM = "<deque>", "<set>", "<enum>"
_SAME = "<as it was built>"  # placeholder for a constant part


class UnkeptError(TypeError, ValueError):
    """An attribute may change, but cannot be saved in a checkpoint."""


def capture(obj) -> dict:
    """Recursively copies the mutable state of `obj` and of the project's objects in it.

    Returns a dict: attribute -> number, array, state of a generator, physics of a batch, container of these, or the dict
    of another object. It leaves out attributes that the class lists in `transient`, arrays that a batch owns, and
    constants: configs (frozen dataclasses), models, spaces, functions, paths. The first capture of an object in a process
    records its constants, and later captures compare them. An object with methods `snapshot` and `restore_snapshot`
    defines its state itself.

    Raises:
        UnkeptError: an attribute may change, or a constant has changed since the first capture in this process, but cannot
            be saved; the message names the class and the attribute.
    """
    if hasattr(type(obj), "snapshot"):
        return obj.snapshot()
    getattr(obj, "before_capture", _nothing)()
    state, constants = {}, {}
    for name, value in vars(obj).items():
        if name in getattr(obj, "transient", ()) or name in _GYMNASIUM:
            continue
        captured = _captured(value, f"{type(obj).__name__}.{name}", constants)
        if not _is_same(captured):
            state[name] = captured
    for where in changed(obj, constants):
        raise UnkeptError(
            f"{where} has changed, and a checkpoint does not keep it ({type(constants[where]).__name__}): use numbers, "
            "arrays, lists or dicts of them, or, if no step depends on it, name it in the class attribute `transient`"
        )
    return state


def restore(obj, state: Mapping) -> None:
    """Restores the state that `capture` returned. Arrays are changed in place, because other objects may reference them.

    At the end calls the object's method `after_restore`, if there is one.

    Raises:
        ValueError: the object lacks an attribute, because the state belongs to another class.
    """
    if hasattr(type(obj), "snapshot"):
        obj.restore_snapshot(state)
        return
    getattr(obj, "before_restore", _nothing)(state)
    for name, value in state.items():
        if not hasattr(obj, name):
            raise ValueError(f"a {type(obj).__name__} has no {name}: the state belongs to another class")
        setattr(obj, name, _restored(getattr(obj, name), value))
    getattr(obj, "after_restore", _nothing)()


def _nothing(*_):
    """Replaces a hook that an object does not define."""


def is_ours(value) -> bool:
    """Returns whether an object is a mutable instance of a class of this project, or of a class derived from one."""
    if isinstance(value, gym.vector.SyncVectorEnv) and not hasattr(type(value), "snapshot"):
        return False  # the environments in it are wrapped in Gymnasium's classes: a resumed training resets them
    modules = {kind.__module__.split(".")[0] for kind in type(value).__mro__}
    return bool(modules & _OURS) and hasattr(value, "__dict__") and not _is_frozen(value)


def _is_plain(value):
    return type(value) in _PLAIN or isinstance(value, np.generic)


def _is_frozen(value):
    parameters = getattr(type(value), "__dataclass_params__", None)
    return parameters is not None and parameters.frozen


def _is_same(captured):
    """Returns whether captured data contains constants only."""
    if isinstance(captured, dict):
        return bool(captured) and all(map(_is_same, captured.values()))
    if isinstance(captured, (list, tuple)):
        return bool(captured) and all(map(_is_same, captured))
    return isinstance(captured, str) and captured == _SAME


def _captured(value, where, constants):
    """Returns a copy of a value as plain data. Adds constants to `constants`; `where` is the attribute's path."""
    if _extends_container(value):
        raise _unkept(where, value)
    if isinstance(value, dict):
        return {key: _captured(inner, f"{where}[{key!r}]", constants) for key, inner in value.items()}
    if isinstance(value, (list, tuple, deque, set, frozenset)):
        return _captured_items(value, where, constants)
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
        constants[where] = value
        return _SAME
    raise _unkept(where, value)


def _is_walked(value):
    """Returns whether an object's attributes are captured: True for the project's objects and mutable dataclasses."""
    is_record = dataclasses.is_dataclass(value) and not isinstance(value, type) and not _is_frozen(value)
    return is_ours(value) or (is_record and hasattr(value, "__dict__"))


def _remembers(value):
    """Returns whether a function has state: in a closure, in the arguments of a partial, or in a method's object."""
    if isinstance(value, partial):
        named = value.keywords.values()  # `changed` compares arrays and containers among them
        return any(isinstance(inner, _MUTABLE) or _remembers(inner) for inner in (value.func, *value.args)) or any(
            isinstance(inner, _STREAMS) or hasattr(inner, "__next__") or _remembers(inner) for inner in named
        )
    if isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        rebinds = any(step.opname == "STORE_DEREF" and step.argval in value.__code__.co_freevars
                      for step in dis.get_instructions(value)) if cells else False  # fmt: skip
        return rebinds or any(isinstance(inner, _MUTABLE) or hasattr(inner, "__next__") for inner in cells)
    if isinstance(value, (MethodType, BuiltinFunctionType)):
        owner = value.__self__
        return not (owner is None or isinstance(owner, (ModuleType, type)) or is_ours(owner) or _is_frozen(owner))
    return False


def _extends_container(value):
    """Returns whether a container of a derived class has a type or attributes that a restore would lose."""
    if not isinstance(value, _CONTAINERS):
        return False
    rebuilt = isinstance(value, (list, deque, set)) and type(value) not in (list, deque, set)
    return rebuilt or isinstance(value, np.ma.MaskedArray) or bool(getattr(value, "__dict__", None))


def _captured_items(value, where, constants):
    items = sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value
    captured = [_captured(item, f"{where}[{i}]", constants) for i, item in enumerate(items)]
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
    is_batch_memory = owner is not None and not array.flags.writeable  # a read-only view of memory outside numpy
    return _SAME if is_batch_memory else array.copy()


def _unkept(where, value):
    kind = "array of objects" if isinstance(value, np.ndarray) else type(value).__name__
    return UnkeptError(
        f"{where} is of a type that a checkpoint cannot keep ({kind}): use numbers, arrays, lists or dicts of them, or, "
        "if no step depends on it, name it in the class attribute `transient`"
    )


def _restored(old, new):
    """Returns the restored value of an attribute: `old` changed in place if other objects may reference it, else `new`."""
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
