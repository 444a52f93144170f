"""The states of several simulations of one domain, as arrays with a row for each simulation."""

from collections.abc import Sequence

import mujoco
import numpy as np

# Index of each matrix entry in a row of `xmat`.
XX, XZ, ZX, ZZ = 0, 2, 6, 8
# Width of a `bell` that is 0.1 at the error 1. dm_control's bells are 0.1 at the distance that it calls margin.
TENTH = 1 / np.sqrt(np.log(10))


class States(dict):
    """Fields of MjData by name: `states["qpos"]` is a new array (n, nq). A field is read when it is first used."""

    def __init__(self, data: Sequence[mujoco.MjData]):
        super().__init__()
        self._data = data

    def __missing__(self, field: str) -> np.ndarray:
        parts = [getattr(data, field) for data in self._data]
        self[field] = np.concatenate(parts).reshape(len(parts), *parts[0].shape)
        return self[field]


def norm(vectors: np.ndarray) -> np.ndarray:
    """Returns the lengths (n,) of vectors (n, k), with the bits that `np.linalg.norm` has for a single vector."""
    return np.sqrt(np.vecdot(vectors, vectors))
