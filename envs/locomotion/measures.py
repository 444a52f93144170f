"""Measurements of walking robots: distances from the start, weight, mechanical power, and the cost of transport."""

import numpy as np

from utils.variation import Variation


class Travel:
    """Measures how far n robots have come from their starts, along and across the heading that they started with."""

    def __init__(self, n: int):
        self._start, self._ahead, self._left = np.zeros((3, n, 2))  # in the world: x, y, and two directions

    def reset(self, ids: np.ndarray, position: np.ndarray, ahead: np.ndarray, left: np.ndarray) -> None:
        """Starts robots `ids` (k,) at `position` (k, 2), m, with axes `ahead` and `left` (k, 2), all in the world."""
        self._start[ids], self._ahead[ids], self._left[ids] = position, ahead, left

    def measure(self, position: np.ndarray) -> dict[str, np.ndarray]:
        """Returns distances (n,) of robots at `position` (n, 2) from their starts, m: `distance` along the first heading,
        `sideways` to the left of it, and `straight_distance`."""
        way = position - self._start
        return {
            "distance": np.vecdot(way, self._ahead),
            "sideways": np.vecdot(way, self._left),
            "straight_distance": np.sqrt(np.vecdot(way, way)),
        }


def weight(variation: Variation, ids: np.ndarray) -> np.ndarray:
    """Returns the weights of robots `ids` (k,), N, with the masses and the gravity of their current models."""
    gravity = variation.current("opt.gravity", ids)
    return variation.current("body_mass", ids).sum(axis=1) * np.sqrt(np.vecdot(gravity, gravity))


def positive_power(torque: np.ndarray, speed: np.ndarray) -> np.ndarray:
    """Returns the mechanical power (n,), W, that joints with `torque` (n, j), N m, put out at `speed` (n, j), rad/s.

    Power that a joint absorbs is not credited.
    """
    return np.maximum(torque * speed, 0.0).sum(axis=1)


def cost_of_transport(effort: np.ndarray, distance: np.ndarray, shortest: float = 1e-3) -> np.ndarray:
    """Returns the cost of transport (n,), dimensionless: energy / (weight x distance).

    G. Gabrielli and T. von Karman, Mechanical Engineering 72, 1950.

    Args:
        effort: (n,) energy per weight, m.
        distance: (n,) straight distance, m.
        shortest: m; shorter distances count as this one, so that a robot that stays at its start has a finite cost.
    """
    return effort / np.maximum(distance, shortest)
