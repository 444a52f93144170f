"""What a walk is rewarded for: pure functions from arrays to unweighted terms (n,), named after what they measure."""

import numpy as np

from utils.kernels import bell


def forward_velocity(speed: np.ndarray, commanded: np.ndarray, width: np.ndarray | float) -> np.ndarray:
    """Returns how well speed along the heading tracks the command, all (n,) in m/s: 1 on it, 0.37 when off by `width`."""
    return bell(speed - commanded, width)


def lateral_stability(lateral_speed: np.ndarray, commanded: np.ndarray) -> np.ndarray:
    """Returns the speed (n,) across the heading beyond what was commanded, m/s, at least 0."""
    return np.abs(lateral_speed - commanded)


def height(body_height: np.ndarray, wanted: float) -> np.ndarray:
    """Returns how far (n,) the torso is from its `wanted` height above the ground below, m, at least 0."""
    return np.abs(body_height - wanted)


def orientation(roll: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Returns the squared tilt (n,), rad^2, at least 0."""
    return roll * roll + pitch * pitch


def energy(action: np.ndarray) -> np.ndarray:
    """Returns the length (n,) of the actions (n, a), the part the policy adds to the gait: 0 to sqrt(a)."""
    return np.sqrt(np.vecdot(action, action))


def smoothness(action: np.ndarray, previous: np.ndarray) -> np.ndarray:
    """Returns the squared change (n,) of the actions (n, a) since the step before: 0 to 4 a."""
    change = action - previous
    return np.vecdot(change, change)


def contact_pattern(swing: np.ndarray, contact: np.ndarray) -> np.ndarray:
    """Returns 0.1 for each standing leg that touches the ground, -0.5 for each swinging one, both (n, 4) bool: -2 to 0.4."""
    return np.vecdot(np.where(swing, -0.5, 0.1), contact.astype(float))


def joint_limits(angles: np.ndarray, middle: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Returns the number (n,) of joints, of angles (n, j), more than `allowed` (j,) from `middle` (j,), rad: 0 to j."""
    return (np.abs(angles - middle) > allowed).sum(axis=1, dtype=float)


def heading(error: np.ndarray, width: float) -> np.ndarray:
    """Returns how well the torso (n,) points along its commanded heading: 1 at no `error`, 0.37 at `width`, rad."""
    return bell(error, width)


def fall(fallen: np.ndarray) -> np.ndarray:
    """Returns 1 for each robot whose walk ends here in a fall, `fallen` (n,) bool, else 0."""
    return fallen.astype(float)
