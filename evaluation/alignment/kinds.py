"""Explains how one series of values differs from another: order, sign, unit, scale, offset or delay."""

from dataclasses import dataclass

import numpy as np

LAGS = 6  # control steps, for delays
DEGREES = 180.0 / np.pi
_FITS = 1e-3  # residual of a fit, relative to the standard deviation of the values
_FEWEST = 12  # samples for a fit
_CONSTANT = 1e-9  # range of values that do not change


@dataclass(frozen=True)
class Kind:
    """A kind of difference, and a sentence that gives its numbers."""

    name: str
    words: str
    value: float = 0.0
    """Loop minus training, of an offset."""


def explain(training: np.ndarray, loop: np.ndarray, starts: np.ndarray, column: int, names, dt: float, order: str) -> Kind:
    """Returns the kind of the difference between two series in one column.

    Kinds are "unit", "sign", "scale", "offset", `order`, "delay" and, for everything else, "definition".

    Args:
        training, loop: (T, k) values of the two sides; steps with values that are NaN are not used.
        starts: (T,) bool, first step of an episode.
        column: the column to explain.
        names: (k,) names of the columns.
        dt: duration of a control step, s.
        order: name of the kind in which a column has the values of another one.
    """
    values = loop[:, column]
    same = _line(training[:, column], values)
    if same is not None:
        return _linear(*same, names[column])
    for other in range(training.shape[1]):
        if other != column and (line := _line(training[:, other], values)) is not None and abs(line[0] - 1) < 0.01:
            return Kind(order, f"the loop has the value of {names[other]} in the place of {names[column]}")
    steps = _delay(training[:, column], values, starts)
    if steps is not None:
        return Kind("delay", f"the loop is {steps * dt * 1e3:.3g} ms ({steps:.3g} control steps) late")
    return Kind("definition", "no constant factor, offset, order or delay explains it")


def _linear(factor, offset, name):
    """Returns the kind of difference of values that are factor * training + offset."""
    if abs(offset) < 1e-6 or abs(factor - 1.0) > 0.01:
        for unit, size in (("degrees instead of radians", DEGREES), ("radians instead of degrees", 1 / DEGREES)):
            if abs(abs(factor) / size - 1.0) < 0.01:
                return Kind("unit", f"the loop has {unit}")
        if abs(factor + 1.0) < 0.01:
            return Kind("sign", f"the loop has the opposite sign for {name}")
        return Kind("scale", f"the loop has {factor:.4g} times the value")
    return Kind("offset", f"the loop has {offset:+.4g} more for {name}", offset)


def _line(x, y):
    """Returns factor and offset of the line y = factor x + offset, or None if it does not fit."""
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if len(x) < _FEWEST:
        return None
    if np.ptp(x) < _CONSTANT and np.ptp(y) < _CONSTANT:  # only a factor or an offset can be known
        return (1.0, float(y[0] - x[0])) if abs(x[0]) < _CONSTANT else (float(y[0] / x[0]), 0.0)
    matrix, slack = np.stack([x, np.ones_like(x)], axis=1), _FITS * np.std(y) + 1e-6
    (factor, offset), *_ = np.linalg.lstsq(matrix, y, rcond=None)
    fits = np.ptp(x) >= _CONSTANT and np.abs(matrix @ [factor, offset] - y).max() <= slack
    return (float(factor), 0.0 if abs(offset) <= slack else float(offset)) if fits else None


def _delay(x, y, starts):
    """Returns the delay of y after x in control steps, with fractions, or None if no delay fits."""
    since = np.arange(len(x)) - np.maximum.accumulate(np.where(starts, np.arange(len(x)), 0))
    rows = np.flatnonzero(since >= LAGS - 1)
    past, late = np.stack([x[rows - lag] for lag in range(LAGS)], axis=1), y[rows]
    known = np.isfinite(past).all(axis=1) & np.isfinite(late)
    past, late = past[known], late[known]
    if len(late) < 2 * LAGS or np.ptp(late) < _CONSTANT:
        return None
    weights, *_ = np.linalg.lstsq(past, late, rcond=None)
    fits = np.abs(past @ weights - late).max() <= _FITS * np.std(late) + 1e-6
    return float(weights @ np.arange(LAGS)) if fits and abs(weights.sum() - 1.0) < 0.02 else None
