"""Filters of controls."""

import numpy as np
from scipy.signal import butter, lfilter, lfilter_zi


class LowPass:
    """Butterworth low-pass filter of the controls of n simulations.

    Args:
        n: number of simulations.
        size: number of controls of a simulation.
        cutoff: cut-off frequency, Hz; below half the control rate.
        dt: duration of a control step, s.
        order: order of the filter.
    """

    def __init__(self, n: int, size: int, cutoff: float, dt: float, order: int = 2):
        self._numerator, self._denominator = butter(order, cutoff, fs=1.0 / dt)
        self._rest = lfilter_zi(self._numerator, self._denominator)[:, None, None]
        self._state = np.zeros((order, n, size))

    def reset(self, ids: np.ndarray, controls: np.ndarray) -> None:
        """Sets simulations `ids` (k,) to the state after a long time with constant `controls`, (size,) or (k, size)."""
        self._state[:, ids] = self._rest * controls

    def step(self, controls: np.ndarray) -> np.ndarray:
        """Returns the filtered `controls` (n, size). Call it once in every control step."""
        filtered, self._state = lfilter(self._numerator, self._denominator, controls[None], axis=0, zi=self._state)
        return filtered[0]
