"""The gait clock: when each leg of a biped shall swing, and the joint angles that it shall then have."""

import numpy as np

from envs.biped.scene import SWING

DOUBLE_SUPPORT = 0.1  # both feet stand while the absolute sine of the phase is smaller
_SIDES = np.array([-1.0, 1.0])  # of the sine while the left and the right leg swing


class GaitClock:
    """Phases of n robots. A phase moves from 0 to 1 in a cycle, while its robot walks: the right leg swings, then the left.

    The clock stores half a cycle and the side of the swinging leg. A robot that starts on the other side then has exactly
    the mirrored phase.

    Args:
        n: number of robots.
        cycle: duration of two steps, s.

    Attributes:
        phase: (n, 2) sine and cosine of the phase; both are 0 while a robot stands, so that standing has no side.
        stance: (n, 2) bool, the feet that shall be on the ground, left and right.
    """

    def __init__(self, n: int, cycle: float):
        self.cycle = cycle
        self._half, self._side = np.zeros(n), np.ones(n)  # cycles, 0 to 0.5; 1 if the right leg swings, -1 for the left
        self.phase = np.zeros((n, 2))
        self.stance, self._swing = np.ones((n, 2), bool), np.zeros((n, 2))  # swing: 0 for a leg in stance, at most 1

    def reset(self, ids: np.ndarray, draws: np.ndarray, walking: np.ndarray) -> None:
        """Starts the clocks of robots `ids` (k,) on a side that `draws` (k,) in [0, 1) decide; `walking` is (n,) bool."""
        self._half[ids], self._side[ids] = 0.0, np.where(draws < 0.5, 1.0, -1.0)
        self._show(walking)

    def advance(self, dt: float, walking: np.ndarray) -> None:
        """Advances the clocks of robots that are `walking` (n,) bool by `dt`, s; the others go back to the start."""
        half = np.where(walking, self._half + dt / self.cycle, 0.0)
        passed = half >= 0.5 - 1e-9  # rounding must not move a change of sides by a step
        self._half = np.maximum(np.where(passed, half - 0.5, half), 0.0)
        self._side = np.where(passed, -self._side, self._side)
        self._show(walking)

    def reference(self, default: np.ndarray) -> np.ndarray:
        """Returns reference angles (n, 12), rad: `default` (12,), and the swing in proportion to the sine of the phase."""
        return default + (self._swing[:, :, None] * SWING).reshape(-1, 12)

    def _show(self, walking):
        angle, side = 2 * np.pi * self._half, np.where(walking, self._side, 0.0)
        self.phase = (side * [np.sin(angle), np.cos(angle)]).T
        swing = self.phase[:, :1] * _SIDES
        self.stance = swing < DOUBLE_SUPPORT
        self._swing = np.where(self.stance, 0.0, swing)
