"""Batches of observations, arrays (n, ...) or dicts of them: some rows taken, put and joined."""

from collections.abc import Mapping

import numpy as np


def taken(batch, ids):
    """Returns the observations of simulations `ids`; also from Gymnasium's arrays of objects, one for each simulation."""
    if isinstance(batch, Mapping):
        return {name: part[ids] for name, part in batch.items()}
    if batch.dtype != object:
        return batch[ids]
    rows = list(batch[ids])
    if isinstance(rows[0], Mapping):
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    return np.stack(rows)


def put(batch, ids, rows):
    """Writes the observations `rows` of simulations `ids` into a batch, and returns it."""
    if isinstance(batch, Mapping):
        for name, part in batch.items():
            part[ids] = rows[name]
    else:
        batch[ids] = rows
    return batch


def joined(first, second):
    """Returns two batches as one, one after the other."""
    if isinstance(first, Mapping):
        return {name: np.concatenate([first[name], second[name]]) for name in first}
    return np.concatenate([first, second])


def copied(batch):
    """Returns a copy of a batch."""
    return {name: part.copy() for name, part in batch.items()} if isinstance(batch, Mapping) else batch.copy()


def singles(batch: Mapping, of: np.ndarray) -> np.ndarray:
    """Returns an array (n,) with a dict for each simulation that `of` (n,) marks, and None for the others."""
    rows = np.full(len(of), None, object)
    for i in np.flatnonzero(of):
        rows[i] = {name: part[i].copy() for name, part in batch.items()}
    return rows
