"""Batches of observations, arrays (n, ...) or dicts of them: select, write, concatenate and copy rows."""

from collections.abc import Mapping

import numpy as np


def select(batch, ids):
    """Returns the observations of simulations `ids`; accepts Gymnasium's arrays of objects, one object per simulation."""
    if isinstance(batch, Mapping):
        return {name: part[ids] for name, part in batch.items()}
    if batch.dtype != object:
        return batch[ids]
    rows = list(batch[ids])
    if isinstance(rows[0], Mapping):
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    return np.stack(rows)


def write(batch, ids, rows):
    """Writes the observations `rows` of simulations `ids` into a batch, and returns the batch."""
    if isinstance(batch, Mapping):
        for name, part in batch.items():
            part[ids] = rows[name]
    else:
        batch[ids] = rows
    return batch


def concatenate(first, second):
    """Returns two batches as one, along the first axis."""
    if isinstance(first, Mapping):
        return {name: np.concatenate([first[name], second[name]]) for name in first}
    return np.concatenate([first, second])


def copy_batch(batch):
    """Returns a copy of a batch."""
    return {name: part.copy() for name, part in batch.items()} if isinstance(batch, Mapping) else batch.copy()


def rows_or_none(batch: Mapping, mask: np.ndarray) -> np.ndarray:
    """Returns an array (n,) of objects: a dict for each simulation in `mask` (n,) bool, None for the others."""
    rows = np.full(len(mask), None, object)
    for i in np.flatnonzero(mask):
        rows[i] = {name: part[i].copy() for name, part in batch.items()}
    return rows
