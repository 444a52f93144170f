"""Reward terms of the A1: pure functions from arrays to unweighted terms (n,), named after what they measure."""

import numpy as np

from utils.kernels import bell, plateau

SLOWEST = 0.1  # m/s; slower commands have the margin of this one
POSE_WIDTH = 0.5  # rad


def forward_velocity(speed: np.ndarray, commanded: np.ndarray) -> np.ndarray:
    """Returns the reward (n,) of the speed ahead, m/s, in [0, 1]: 1 from the commanded speed to twice that.

    It decreases to 0 at a distance of twice the commanded speed: to 0.5 at rest. Source: walk_in_the_park, with a command
    of 0.5 m/s.
    """
    low, high = np.minimum(commanded, 2 * commanded), np.maximum(commanded, 2 * commanded)
    return plateau(speed, low, high, 2 * np.maximum(np.abs(commanded), SLOWEST))


def yaw_rate(measured: np.ndarray, commanded: np.ndarray) -> np.ndarray:
    """Returns the absolute error (n,) of the yaw rate, rad/s, at least 0."""
    return np.abs(measured - commanded)


def upright(up: np.ndarray) -> np.ndarray:
    """Returns 1 for upright robots and 0 for robots on their backs, from the up-vector's vertical component (n,)."""
    return (1.0 + up) / 2


def height(body_height: np.ndarray, up: np.ndarray, target: float) -> np.ndarray:
    """Returns the height (n,) of the body as a share of `target`, m, at most 1, times the positive part of `up` (n,)."""
    return np.clip(body_height / target, 0.0, 1.0) * np.maximum(up, 0.0)


def pose(joint_pos: np.ndarray, target: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Returns 1 for joint angles (n, j) at `target` (j,), 0.37 for an RMS error of POSE_WIDTH, times `upright`, (n,)."""
    error = joint_pos - target
    return bell(np.sqrt(np.vecdot(error, error) / len(target)), POSE_WIDTH) * upright(up)
