"""Smoothness of sequences of actions: how fast and how far they change."""

import numpy as np

WINDOW = 64  # control steps; a fixed length, because the measure depends on it


def spectral_smoothness(actions: np.ndarray, rate: float) -> np.ndarray:
    """Returns Sm = 2 / (n f_s) sum_i M_i f_i of action sequences (..., t, a), mean over their a components; 0 is smooth.

    S. Mysore et al., Regularizing Action Policies for Smooth Control, ICRA 2021. M_i is the amplitude of the component with
    the frequency f_i, Hz, in the discrete Fourier transform, for the n = t // 2 frequencies above 0. The sampling rate f_s
    is `rate`, Hz. The unit is that of the action. Compare only sequences of the same length.
    """
    steps = actions.shape[-2]
    amplitude = 2.0 / steps * np.abs(np.fft.rfft(actions, axis=-2)[..., 1:, :])
    if steps % 2 == 0:
        amplitude[..., -1, :] /= 2.0  # the highest frequency occurs once in the transform, the others twice
    frequency = np.fft.rfftfreq(steps, 1.0 / rate)[1:, None]
    sums = (amplitude * frequency).sum(axis=-2)
    return (2.0 / (len(frequency) * rate) * sums).mean(axis=-1)


class ActionSmoothness:
    """Measures the smoothness of the actions in one episode of each of n simulations.

    Args:
        n, size: number of simulations, and of components of an action.
        rate: control rate, Hz.
    """

    def __init__(self, n: int, size: int, rate: float):
        self._rate, self._window = rate, np.zeros((n, WINDOW, size))
        self._steps, self._windows = np.zeros((2, n), int)
        self._spectral, self._change = np.zeros((2, n))

    def begin(self, ids: list[int]) -> None:
        """Starts an episode in simulations `ids`."""
        for sums in (self._steps, self._windows, self._spectral, self._change):
            sums[ids] = 0

    def add(self, actions: np.ndarray, running: np.ndarray) -> None:
        """Adds the actions (n, a) of a control step of the simulations that are `running`, (n,) bool."""
        ids, place = np.flatnonzero(running), self._steps[running] % WINDOW
        before = self._window[ids, place - 1]  # of the previous step, also across the start of a window
        change = np.abs(actions[ids] - before).mean(axis=1)
        self._change[ids] += np.where(self._steps[ids] > 0, change, 0.0)
        self._window[ids, place] = actions[ids]
        self._steps[ids] += 1
        full = ids[place == WINDOW - 1]
        self._spectral[full] += spectral_smoothness(self._window[full], self._rate)
        self._windows[full] += 1

    def measured(self, ids: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the measures (k,) of the episodes of simulations `ids` (k,).

        `smoothness` is the mean Sm over windows of WINDOW steps, NaN for a shorter episode; `mean_da` is the mean of
        |a_t - a_(t-1)| over steps and components, NaN for an episode of one step.
        """
        counts = {"smoothness": self._windows[ids], "mean_da": self._steps[ids] - 1}
        sums = {"smoothness": self._spectral[ids], "mean_da": self._change[ids]}
        return {
            name: np.divide(sums[name], count, out=np.full(len(ids), np.nan), where=count > 0)
            for name, count in counts.items()
        }
