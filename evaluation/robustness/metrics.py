"""How well a policy bears a parameter that changes: one number for a whole sweep, and how far it can be trusted.

`returns` are those of every episode at every value, (v, e), or a list of v rows of different lengths.
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import trim_mean

RESAMPLES = 2000


def robust_auc(values: Sequence[float], returns: Sequence[Sequence[float]], quantile: float = 0.10) -> float:
    """Returns the mean over the range of `values` (v,), rising, of the returns' quantile: the area under it by its width.

    Trapezoids under r_0.10(v); of one value it is the quantile.
    """
    lows = np.array([np.quantile(row, quantile) for row in returns])
    values = np.asarray(values, float)
    if len(values) == 1:
        return float(lows[0])
    return float(np.trapezoid(lows, values) / (values[-1] - values[0]))


def robust_auc_spread(values: Sequence[float], returns: Sequence[Sequence[float]]) -> float:
    """Returns the uncertainty that goes with `robust_auc`: how much it changes from the 5 % to the 15 % quantile."""
    return robust_auc(values, returns, 0.15) - robust_auc(values, returns, 0.05)


def iqm(values: Sequence[float]) -> float:
    """Returns the interquartile mean: of the middle half (R. Agarwal et al., NeurIPS 2021)."""
    return float(trim_mean(values, 0.25))


def iqm_interval(returns: Sequence[Sequence[float]], confidence: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """Returns the bootstrap interval of the interquartile mean of all episodes, each value's drawn anew by itself."""
    generator = np.random.default_rng(seed)
    drawn = [np.asarray(row, float)[generator.integers(len(row), size=(RESAMPLES, len(row)))] for row in returns]
    means = trim_mean(np.concatenate(drawn, axis=1), 0.25, axis=1)
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, (tail, 1 - tail))
    return float(low), float(high)
