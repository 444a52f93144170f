"""Statistics of a study in which several trainings of each method play the same episodes under the same conditions.

The values of a method are an array (s, c): one row for each training, one column for each condition.
"""

import numpy as np

from evaluation.episodes import mean_interval
from evaluation.robustness.metrics import RESAMPLES, iqm

WORST_SHARE = 0.1  # of a CVaR


def cvar(values: np.ndarray, share: float = WORST_SHARE) -> np.ndarray:
    """Returns the conditional value at risk over the last axis: the mean of the lowest `share` of the values.

    R. T. Rockafellar and S. Uryasev, Journal of Risk 2, 2000. If `share` is no whole number of values, the highest of these
    values counts in part. The values of 25 episodes are the lowest two, and half of the third.
    """
    ordered = np.sort(values, axis=-1)
    wanted = share * ordered.shape[-1]
    weights = np.clip(wanted - np.arange(ordered.shape[-1]), 0.0, 1.0)
    return ordered @ weights / wanted


def iqm_over_trainings(values: np.ndarray, confidence: float = 0.95, seed: int = 0) -> tuple[float, float, float]:
    """Returns the interquartile mean of all values (s, c), and its percentile bootstrap interval (low, high).

    R. Agarwal et al., NeurIPS 2021, resample the runs of each task separately, because each run has one task. Here a
    training has all conditions, so that its values depend on each other: whole trainings are resampled. For one training
    the interval is (-inf, inf). With five trainings a bootstrap interval is too narrow: it contains the true value less
    often than `confidence` says.
    """
    trainings = len(values)
    if trainings < 2:
        return iqm(values.ravel()), -np.inf, np.inf
    chosen = np.random.default_rng(seed).integers(trainings, size=(RESAMPLES, trainings))
    from scipy.stats import trim_mean  # loads for half a second, and most programs do not need it

    means = trim_mean(values[chosen].reshape(RESAMPLES, -1), 0.25, axis=1)
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, (tail, 1 - tail))
    return iqm(values.ravel()), float(low), float(high)


def paired_difference(values: np.ndarray, others: np.ndarray, confidence: float = 0.95) -> tuple[float, float, float]:
    """Returns the mean of `values` - `others`, (s,) each, and Student's paired interval (low, high).

    Entry i of both comes from trainings with the same seed, which start from the same networks and simulations, and from
    the same episodes. The interval is (-inf, inf) for fewer than two pairs.
    """
    difference = np.asarray(values, float) - np.asarray(others, float)
    return float(difference.mean()), *mean_interval(difference.tolist(), confidence)


def is_clear(interval: tuple[float, float]) -> bool:
    """Returns whether an interval excludes 0."""
    low, high = interval
    return low > 0.0 or high < 0.0
