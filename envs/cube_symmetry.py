"""The 24 rotations after which a cube looks as before, and the one of them that leaves a cube turned least."""

import numpy as np
from scipy.spatial.transform import Rotation

CUBE_ROTATIONS = Rotation.create_group("O").as_quat(scalar_first=True)  # (24, 4), wxyz


def least_turned(quat: np.ndarray) -> np.ndarray:
    """Returns for each of `quat` (n, 4) the one of CUBE_ROTATIONS (n, 4) that, coming before it, leaves it turned least.

    Of its two signs it has the one with which `quat_product(quat, least_turned(quat))` has w > 0.
    """
    parts = quat @ (CUBE_ROTATIONS * (1.0, -1.0, -1.0, -1.0)).T  # w of each product
    best = np.abs(parts).argmax(1)
    return CUBE_ROTATIONS[best] * np.sign(np.take_along_axis(parts, best[:, None], 1))
