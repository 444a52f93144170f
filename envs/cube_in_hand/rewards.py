"""What turning a cube is rewarded for: pure functions from arrays to unweighted terms (n,), named after their measure."""

import numpy as np


def rotation_distance(difference: np.ndarray) -> np.ndarray:
    """Returns the smallest angle (n,) that turns the target into the cube, rad, 0 to pi.

    Args:
        difference: (n, 4) unit quaternions from the target's orientation to the cube's, of either sign.
    """
    return 2 * np.arctan2(np.sqrt(np.vecdot(difference[:, 1:], difference[:, 1:])), np.abs(difference[:, 0]))


def progress(before: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Returns by how much (n,) the distance fell from `before` to `now`, rad, -pi to pi; over a way, it sums to its ends."""
    return before - now


def success(reached: np.ndarray) -> np.ndarray:
    """Returns 1 for each cube that has just reached its target, `reached` (n,) bool, else 0."""
    return reached.astype(float)


def drop(dropped: np.ndarray) -> np.ndarray:
    """Returns 1 for each hand that has just lost its cube, `dropped` (n,) bool, else 0."""
    return dropped.astype(float)


def effort(action: np.ndarray) -> np.ndarray:
    """Returns the mean square (n,) of the actions (n, a) in [-1, 1]: 0 to 1."""
    return np.vecdot(action, action) / action.shape[1]
