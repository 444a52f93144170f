"""Reward terms of walking robots: pure functions from arrays to unweighted terms (n,), named after the measured quantity."""

import numpy as np

from utils.kernels import bell, plateau

SLOWEST = 0.1  # m/s; `run` has the margin of this command for slower ones, too
_CONTACT_SCORES = np.array([0.1, -0.5])  # of a leg on the ground in stance, and in swing


def forward_velocity(speed: np.ndarray, commanded: np.ndarray, width: np.ndarray | float) -> np.ndarray:
    """Returns the tracking quality (n,) of the speed along the heading, in (0, 1]: 1 without error, 0.37 at `width`, m/s."""
    return bell(speed - commanded, width)


def run(speed: np.ndarray, commanded: np.ndarray) -> np.ndarray:
    """Returns the reward (n,) of a speed ahead, m/s, in [0, 1]: 1 from the commanded speed to twice that.

    It decreases linearly to 0 at a distance of twice the commanded speed from there, and is thus 0.5 at rest. Source:
    walk_in_the_park (Smith et al., 2022, arXiv:2208.07860), whose command is 0.5 m/s.
    """
    low, high = np.minimum(commanded, 2 * commanded), np.maximum(commanded, 2 * commanded)
    return plateau(speed, low, high, 2 * np.maximum(np.abs(commanded), SLOWEST))


def lateral_stability(lateral_speed: np.ndarray, commanded: np.ndarray) -> np.ndarray:
    """Returns the absolute error (n,) of the speed across the heading, m/s, at least 0."""
    return np.abs(lateral_speed - commanded)


def height(body_height: np.ndarray, target: float) -> np.ndarray:
    """Returns the absolute error (n,) of the body's height above the ground below, m, at least 0."""
    return np.abs(body_height - target)


def orientation(roll: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Returns the squared tilt (n,), rad^2, at least 0."""
    return roll * roll + pitch * pitch


def energy(action: np.ndarray) -> np.ndarray:
    """Returns the Euclidean norm (n,) of the actions (n, a): 0 to sqrt(a)."""
    return np.sqrt(np.vecdot(action, action))


def smoothness(action: np.ndarray, previous: np.ndarray) -> np.ndarray:
    """Returns the squared change (n,) of the actions (n, a) since the last step: 0 to 4 a."""
    change = action - previous
    return np.vecdot(change, change)


def contact_pattern(swing: np.ndarray, contact: np.ndarray) -> np.ndarray:
    """Returns 0.1 for each standing leg that touches the ground and -0.5 for each swinging leg that does, summed (n,).

    `swing` and `contact` are (n, 4) bool; the range is -2 to 0.4.
    """
    return np.vecdot(_CONTACT_SCORES.take(swing), contact.astype(float))


def joint_limits(angles: np.ndarray, middle: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Returns the number (n,) of joints whose angle (n, j) is more than `allowed` (j,) from `middle` (j,), rad: 0 to j."""
    return (np.abs(angles - middle) > allowed).sum(axis=1, dtype=float)


def heading(error: np.ndarray, width: float) -> np.ndarray:
    """Returns the tracking quality (n,) of the commanded heading, in (0, 1]: 1 without `error`, 0.37 at `width`, rad."""
    return bell(error, width)


def yaw_rate(measured: np.ndarray, commanded: np.ndarray) -> np.ndarray:
    """Returns the absolute error (n,) of the yaw rate, rad/s, at least 0."""
    return np.abs(measured - commanded)


def fall(fallen: np.ndarray) -> np.ndarray:
    """Returns 1 for each robot whose episode ends with a fall in this step, `fallen` (n,) bool, and 0 for the others."""
    return fallen.astype(float)
