"""The 24 rotations after which a cube looks as before, and the one of them that leaves a cube turned least."""

from itertools import permutations

import numpy as np


def cube_rotations() -> np.ndarray:
    """Returns the rotations of a cube onto itself, (24, 4) unit quaternions, wxyz, w >= 0."""
    signs = np.array(np.meshgrid(*[(-1.0, 1.0)] * 4)).reshape(4, -1).T
    shapes = ((1.0, 0.0, 0.0, 0.0), (1.0, 1.0, 0.0, 0.0), (1.0, 1.0, 1.0, 1.0))
    quats = np.array([sign * shape for shape in {own for one in shapes for own in permutations(one)} for sign in signs])
    first = np.array([quat[np.flatnonzero(quat)[0]] for quat in quats])
    quats = np.unique((quats / first[:, None] + 0.0).round(9), axis=0)  # of each and its negative, one
    return quats / np.linalg.norm(quats, axis=1)[:, None]


def least_turned(quat: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """Returns for each of `quat` (n, 4) the rotation (n, 4) before it that leaves it turned least, so that it has w >= 0.

    `quat_product(quat, least_turned(quat, rotations))` is within 62.8 degrees of no turn at all.
    """
    parts = quat @ (rotations * (1.0, -1.0, -1.0, -1.0)).T  # w of each product
    best = np.abs(parts).argmax(1)
    return rotations[best] * np.sign(np.take_along_axis(parts, best[:, None], 1))


CUBE_ROTATIONS = cube_rotations()
