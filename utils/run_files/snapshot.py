"""What an object of ours remembers, as plain data and arrays: taken, packed into files, and put back, bit for bit."""

from collections import deque
from collections.abc import Mapping

import numpy as np
import torch
from mujoco.batch import Batch

# Objects of these packages are walked through; those of others are left as they are.
_OURS = {"callbacks", "controllers", "envs", "utils"}
_PLAIN = {bool, int, float, str, type(None)}


def capture(thing) -> dict:
    """Returns a copy of all that `thing` and the objects of ours in it remember: attribute -> number, array, generator's
    state, a batch's physics, a list or dict of these, or the same of the object there.

    Left out are attributes that the class names in `transient`, arrays that cannot be written to, and whatever else cannot
    be told in numbers: configs, models, functions, and tuples, which are constants here. An object with a `snapshot` and a
    `restore_snapshot` of its own says itself what it remembers.
    """
    if hasattr(type(thing), "snapshot"):
        return thing.snapshot()
    remembered = {}
    for name, value in vars(thing).items():
        if name not in getattr(thing, "transient", ()) and _remembers(value):
            remembered[name] = _captured(value)
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
    for name, value in remembered.items():
        if not hasattr(thing, name):
            raise ValueError(f"a {type(thing).__name__} has no {name}: the state is not its own")
        setattr(thing, name, _restored(getattr(thing, name), value))
    getattr(thing, "after_restore", lambda: None)()


def is_ours(value) -> bool:
    """Tells whether an object is of this project's own classes, those of constants aside."""
    frozen = getattr(type(value), "__dataclass_params__", None)
    return type(value).__module__.split(".")[0] in _OURS and hasattr(value, "__dict__") and frozen is None


def pack(tree, arrays: dict[str, np.ndarray]):
    """Returns nested dicts, lists, tuples, numbers and strings as JSON can hold them; arrays and tensors go to `arrays`."""
    if isinstance(tree, torch.Tensor):
        return {"tensor": _kept(tree.detach().cpu().numpy(), arrays)}
    if isinstance(tree, np.ndarray):
        return {"array": _kept(tree, arrays)}
    if isinstance(tree, Mapping):
        return {"dict": [[pack(key, arrays), pack(value, arrays)] for key, value in tree.items()]}
    if isinstance(tree, tuple):
        return {"tuple": [pack(value, arrays) for value in tree]}
    if isinstance(tree, (list, deque)):
        return [pack(value, arrays) for value in tree]
    if isinstance(tree, np.generic):
        return tree.item()
    if type(tree) in _PLAIN:
        return tree
    raise TypeError(f"{type(tree).__name__} cannot be packed")


def unpack(packed, arrays: Mapping[str, np.ndarray]):
    """Returns what `pack` was given; a deque comes back as a list, and a number of numpy's as one of Python's."""
    if isinstance(packed, list):
        return [unpack(value, arrays) for value in packed]
    if not isinstance(packed, dict):
        return packed
    ((kind, content),) = packed.items()
    if kind in ("array", "tensor"):
        return torch.from_numpy(arrays[content].copy()) if kind == "tensor" else arrays[content]
    if kind == "tuple":
        return tuple(unpack(value, arrays) for value in content)
    return {unpack(key, arrays): unpack(value, arrays) for key, value in content}


def _kept(array, arrays):
    name = str(len(arrays))
    arrays[name] = array
    return name


def _remembers(value):
    if isinstance(value, (list, dict)):
        return all(_remembers(inner) for inner in (value.values() if isinstance(value, dict) else value))
    if isinstance(value, np.ndarray):
        return value.dtype != object and value.flags.writeable  # the others are what a batch shows of its last step
    return _is_plain(value) or isinstance(value, (np.random.Generator, Batch)) or is_ours(value)


def _is_plain(value):
    return type(value) in _PLAIN or isinstance(value, np.generic)


def _captured(value):
    if isinstance(value, dict):
        return {key: _captured(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_captured(inner) for inner in value]
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, np.random.Generator):
        return value.bit_generator.state
    if isinstance(value, Batch):
        return value.state.copy()
    return value if _is_plain(value) else capture(value)


def _restored(old, new):
    """Returns what takes the place of `old`: itself, changed, where others may hold on to it."""
    if isinstance(old, Batch):
        if old.state.shape != new.shape:
            raise ValueError(f"{len(new)} simulations with {new.shape[1]} numbers each do not fit into {old.state.shape}")
        old.state[...] = new
        return old
    if isinstance(old, np.ndarray) and isinstance(new, np.ndarray) and _fits(old, new):
        old[...] = new
        return old
    if isinstance(new, dict) and "bit_generator" in new:
        return _generator(new)
    if isinstance(old, dict):
        return {key: _restored(old.get(key), value) for key, value in new.items()}
    if isinstance(new, list):
        olds = old if isinstance(old, list) and len(old) == len(new) else [None] * len(new)
        return [_restored(*pair) for pair in zip(olds, new)]
    if is_ours(old):
        restore(old, new)
        return old
    return new


def _fits(old, new):
    return (old.shape, old.dtype) == (new.shape, new.dtype)


def _generator(state):
    generator = {"PCG64": np.random.PCG64, "MT19937": np.random.MT19937}[state["bit_generator"]]()
    generator.state = state
    return np.random.Generator(generator)
