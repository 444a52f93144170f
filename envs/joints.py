"""Joint ranges as a middle and half a width, and angles scaled by them."""

from collections.abc import Sequence

import mujoco
import numpy as np


def middle_and_half(model: mujoco.MjModel, joints: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the middles and half the widths, (k,) each, of the ranges of these hinge or slide joints, rad or m."""
    low, high = np.array([model.joint(joint).range for joint in joints]).T
    return (low + high) / 2, (high - low) / 2


def scaled(angles: np.ndarray, middle_half: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Returns joint angles (n, k), rad, as -1 to 1 over their ranges."""
    middle, half = middle_half
    return (angles - middle) / half
