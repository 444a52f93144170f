"""Measures of robustness over a sweep of one parameter, and their uncertainty.

`returns` contains the return of every episode at every value: an array (v, e), or a list of v rows of different lengths.
"""

from collections.abc import Sequence

import numpy as np

RESAMPLES = 2000


def robust_auc(values: Sequence[float], returns: Sequence[Sequence[float]], quantile: float = 0.10) -> float:
    """Returns the mean of the returns' quantile over the range of the increasing `values` (v,).

    This is the area under the quantile by the trapezoidal rule, divided by the width of the range; for a single value, the
    quantile itself.
    """
    lows = np.array([np.quantile(row, quantile) for row in returns])
    values = np.asarray(values, float)
    if len(values) == 1:
        return float(lows[0])
    return float(np.trapezoid(lows, values) / (values[-1] - values[0]))


def robust_auc_spread(values: Sequence[float], returns: Sequence[Sequence[float]]) -> float:
    """Returns the uncertainty of `robust_auc`: its difference between the 15 % and the 5 % quantile."""
    return robust_auc(values, returns, 0.15) - robust_auc(values, returns, 0.05)


def iqm(values: Sequence[float]) -> float:
    """Returns the interquartile mean, the mean of the middle half (R. Agarwal et al., NeurIPS 2021)."""
    return float(_middle_mean(np.asarray(values)))


def iqm_interval(returns: Sequence[Sequence[float]], confidence: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """Returns the bootstrap interval of the interquartile mean of all episodes, resampled separately at each value."""
    generator = np.random.default_rng(seed)
    drawn = [np.asarray(row, float)[generator.integers(len(row), size=(RESAMPLES, len(row)))] for row in returns]
    means = _middle_mean(np.concatenate(drawn, axis=1))
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, (tail, 1 - tail))
    return float(low), float(high)


def _middle_mean(values):
    """Returns the mean of the middle half of the last axis; scipy.stats has it, but takes half a second to import."""
    count = values.shape[-1]
    first, end = count // 4, count - count // 4
    return np.partition(values, (first, end - 1), axis=-1)[..., first:end].mean(-1)
