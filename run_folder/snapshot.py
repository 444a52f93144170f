"""Packs the state that `utils.snapshot` captures, and tensors of a learner, into JSON and arrays; unpacks them."""

from collections import deque
from collections.abc import Mapping

import numpy as np
import torch

from utils.snapshot import UnkeptError, capture, is_ours, restore

__all__ = ["UnkeptError", "capture", "is_ours", "pack", "restore", "unpack"]
_PLAIN = {bool, int, float, str, type(None)}


def pack(tree, arrays: dict[str, np.ndarray]):
    """Returns nested dicts, lists, tuples, numbers and strings as data for JSON; moves arrays and tensors to `arrays`."""
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
    """Returns the argument of `pack`, with lists instead of deques, and Python numbers instead of numpy scalars."""
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
