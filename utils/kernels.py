"""Arithmetic of rewards: kernels that map an error to [0, 1], and the sum of terms."""

import functools
import operator
from collections.abc import Iterable

import numpy as np


def bell(error: np.ndarray, width: float) -> np.ndarray:
    """Returns the Gaussian exp(-(error / width)^2): 1 at zero error, exp(-1) at `width`, which has the error's unit."""
    return np.exp(-((error / width) ** 2))


def plateau(value: np.ndarray, low: np.ndarray, high: np.ndarray, margin: np.ndarray) -> np.ndarray:
    """Returns 1 from `low` to `high`, and outside a straight decrease to 0 at a distance of `margin` (above 0)."""
    return np.maximum(1.0 - np.maximum(np.maximum(low - value, value - high), 0.0) / margin, 0.0)


def total(terms: Iterable) -> np.ndarray | float:
    """Returns the sum of the terms from left to right, 0 without terms.

    Since Python 3.12 `sum` of floats is compensated: a single environment would differ from a vector in the last bit.
    """
    return functools.reduce(operator.add, terms, 0)
