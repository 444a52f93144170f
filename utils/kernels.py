"""Arithmetic of rewards: kernels that map an error to [0, 1], and the sum of terms."""

import functools
import operator
from collections.abc import Iterable

import numpy as np


def bell(error: np.ndarray, width: float) -> np.ndarray:
    """Returns the Gaussian exp(-(error / width)^2): 1 at zero error, exp(-1) at `width`, which has the error's unit."""
    return np.exp(-((error / width) ** 2))


def total(terms: Iterable) -> np.ndarray | float:
    """Returns the sum of the terms from left to right, 0 without terms.

    Since Python 3.12 `sum` of floats is compensated: a single environment would differ from a vector in the last bit.
    """
    return functools.reduce(operator.add, terms, 0)
