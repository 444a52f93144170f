"""Ranges of hinge joints around their middle, and angles scaled to them."""

from collections.abc import Sequence

import mujoco
import numpy as np

Range = tuple[np.ndarray, np.ndarray]  # (k,) middle and (k,) half width, rad


def middle_and_half(model: mujoco.MjModel, joints: Sequence[str]) -> Range:
    """Returns the middles and half widths of the joints' ranges, (k,) each, rad."""
    low, high = np.array([model.joint(joint).range for joint in joints]).T
    return (low + high) / 2, (high - low) / 2


def soft_range(hard: Range, share: float) -> Range:
    """Returns middles and half widths of the ranges that keep `share` of each width around its middle."""
    middle, half = hard
    return middle, half * share


def limits(joint_range: Range) -> Range:
    """Returns the lower and upper ends of the ranges, (k,) each, rad."""
    middle, half = joint_range
    return middle - half, middle + half


def scaled(angles: np.ndarray, joint_range: Range) -> np.ndarray:
    """Returns joint angles (n, k), rad, scaled: -1 and 1 at the ends of the range, not clipped outside of it."""
    middle, half = joint_range
    return (angles - middle) / half
