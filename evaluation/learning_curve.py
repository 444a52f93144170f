"""Statistics of a learning curve: final return, convergence, regret and instability.

The definitions are those of the Real-World RL suite (G. Dulac-Arnold et al., An empirical investigation of the challenges
of real-world reinforcement learning, 2020), except that the confidence is really used and the window is an argument.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

WINDOW = 101  # episodes
CONFIDENCE = 0.95


class MovingMean(NamedTuple):
    """Means over every window of a curve with their intervals, (m,) each; entry i is the window that starts at episode i."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class LearningStatistics:
    """Statistics of a learner. An episode or window is good if it reaches the lower end of the last window's interval."""

    final_return: float  # mean of the last window
    convergence_episode: int  # start of the first window whose mean is good; at least 1
    absolute_regret: float  # sum of (final return - return) over the episodes before convergence
    normalized_regret: float  # absolute_regret / final_return; infinite or NaN if the final return is 0
    normalized_instability: float | None  # share of bad episodes after convergence; None if there are none after it


def moving_mean(returns: np.ndarray, window: int = WINDOW, confidence: float = CONFIDENCE) -> MovingMean:
    """Returns the means of all windows of consecutive `returns` (e,), with Student's interval of each.

    Raises:
        ValueError: there are fewer returns than `window`, a return is not finite, `window` is less than 2, or the
            confidence does not lie between 0 and 1.
    """
    windows = _windows(returns, window)
    mean, half = windows.mean(axis=-1), _half_width(windows, confidence)
    return MovingMean(mean, mean - half, mean + half)


def learning_statistics(returns: np.ndarray, window: int = WINDOW, confidence: float = CONFIDENCE) -> LearningStatistics:
    """Returns the statistics of the curve `returns` (e,), one return an episode; raises as `moving_mean` does."""
    windows = _windows(returns, window)
    returns, means = np.asarray(returns, float), windows.mean(axis=-1)
    final = means[-1]
    good = final - _half_width(windows[-1], confidence)
    convergence = max(1, int(np.argmax(means >= good)))
    regret, after = np.sum(final - returns[:convergence]), returns[convergence + 1 :]
    with np.errstate(divide="ignore", invalid="ignore"):
        normalized = regret / final
    instability = float(np.mean(after < good)) if after.size else None
    return LearningStatistics(float(final), convergence, float(regret), float(normalized), instability)


def _windows(returns, window):
    """Returns a view (m, window) whose rows are the windows of the curve."""
    returns = np.asarray(returns, float)
    if window < 2:
        raise ValueError(f"window must be at least 2 episodes, got {window}")
    if returns.ndim != 1 or returns.size < window:
        raise ValueError(f"a window of {window} needs at least {window} returns (e,), got the shape {returns.shape}")
    if not np.isfinite(returns).all():
        raise ValueError(f"returns must be finite, got {returns[~np.isfinite(returns)][0]}")
    return np.lib.stride_tricks.sliding_window_view(returns, window)


def _half_width(windows, confidence):
    """Returns half of Student's interval of the mean over the last axis."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}")
    size = windows.shape[-1]
    return stdtrit(size - 1, (1 + confidence) / 2) * windows.std(axis=-1, ddof=1) / np.sqrt(size)
