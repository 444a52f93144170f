"""Reward terms of turning a cube: pure functions from arrays to unweighted terms (n,), named after the measured quantity."""

import numpy as np


def rotation_distance(difference: np.ndarray) -> np.ndarray:
    """Returns the angle (n,) between the orientations of target and cube, rad, 0 to pi.

    Args:
        difference: (n, 4) unit quaternions from the target's orientation to the cube's; their sign does not matter.
    """
    return 2 * np.arctan2(np.sqrt(np.vecdot(difference[:, 1:], difference[:, 1:])), np.abs(difference[:, 0]))


def progress(before: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Returns the decrease (n,) of the distance from `before` to `now`, rad, -pi to pi."""
    return before - now


def success(reached: np.ndarray) -> np.ndarray:
    """Returns 1 for each cube that reaches its target in this step, `reached` (n,) bool, otherwise 0."""
    return reached.astype(float)


def drop(dropped: np.ndarray) -> np.ndarray:
    """Returns 1 for each hand that drops its cube in this step, `dropped` (n,) bool, otherwise 0."""
    return dropped.astype(float)


def effort(action: np.ndarray) -> np.ndarray:
    """Returns the mean square (n,) of the actions (n, a) in [-1, 1]: 0 to 1."""
    return np.vecdot(action, action) / action.shape[1]
