"""Arithmetic of rewards: shapes that turn a measurement into a mark between 0 and 1, and the sum of terms."""

import functools
import operator
from collections.abc import Iterable

import numpy as np


def bell(error: np.ndarray, width: float) -> np.ndarray:
    """Returns 1 where `error` is 0, falling as a Gaussian: exp(-1) at `width`, which has the error's unit."""
    return np.exp(-((error / width) ** 2))


def total(terms: Iterable) -> np.ndarray | float:
    """Returns the terms added from left to right, 0 if there are none.

    `sum` of floats is compensated since Python 3.12: a single environment would differ from a vector by the last bit.
    """
    return functools.reduce(operator.add, terms, 0)
