"""Running statistics of observations: equal on both sides of a symmetric robot, or equal for all frames of a history."""

import numpy as np
from stable_baselines3.common.running_mean_std import RunningMeanStd

from utils.mirror import Mirror


class SymmetricMeanStd(RunningMeanStd):
    """Running mean and variance of vectors and of their mirror images together, so that both are symmetric."""

    def __init__(self, mirror: Mirror):
        super().__init__(shape=(len(mirror),))
        self._mirror = mirror

    def update(self, arr: np.ndarray) -> None:
        """Adds vectors (n, k) and their mirror images."""
        super().update(np.concatenate([arr, self._mirror(arr)]))


class FrameMeanStd(RunningMeanStd):
    """Running mean and variance in which every column that repeats the past has those of the current column.

    A convolution along the frames then sees all frames in one scale, and an update reads the current columns only: 120 of
    3,321 for a biped with 66 frames.

    Args:
        newest: (k,) int, the column with the current value of every column.
        mirror: mirror of the vectors, whose images are added too; None without a symmetry.
    """

    def __init__(self, newest: np.ndarray, mirror: Mirror | None = None):
        super().__init__(shape=(len(newest),))
        self._columns, self._places = np.unique(newest, return_inverse=True)
        inside = None if mirror is None else mirror.chosen(self._columns)
        self._current = RunningMeanStd(shape=self._columns.shape) if inside is None else SymmetricMeanStd(inside)

    def update(self, arr: np.ndarray) -> None:
        """Adds the current columns of vectors (n, k)."""
        current = self._current
        current.mean, current.var, current.count = self.mean[self._columns], self.var[self._columns], self.count
        current.update(arr[:, self._columns])
        self.mean, self.var, self.count = current.mean[self._places], current.var[self._places], current.count
