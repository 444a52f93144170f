"""Shapes that turn a measurement into a mark between 0 and 1."""

import numpy as np


def bell(error: np.ndarray, width: float) -> np.ndarray:
    """Returns 1 where `error` is 0, falling as a Gaussian: exp(-1) at `width`, which has the error's unit."""
    return np.exp(-((error / width) ** 2))
