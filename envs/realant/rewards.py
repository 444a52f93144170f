"""Reward terms of walking to targets: pure functions from arrays to unweighted terms (n,), named after what they measure."""

import numpy as np


def progress(before: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Returns the decrease (n,) of the distance to the target from `before` to `now`, m."""
    return before - now


def speed_bonus(speed: np.ndarray, threshold: float) -> np.ndarray:
    """Returns the speed (n,) towards the target, m/s, where it exceeds `threshold`, m/s, otherwise 0."""
    return np.where(speed > threshold, speed, 0.0)


def height(body_height: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    """Returns 1 for each robot whose body's height above the ground, m, lies within `window` (low, high), otherwise 0."""
    low, high = window
    return ((body_height > low) & (body_height < high)).astype(float)


def success(reached: np.ndarray) -> np.ndarray:
    """Returns 1 for each robot that reaches its target in this step, `reached` (n,) bool, otherwise 0."""
    return reached.astype(float)


def control(action: np.ndarray) -> np.ndarray:
    """Returns the squared norm (n,) of the actions (n, a): 0 to a."""
    return np.vecdot(action, action)
