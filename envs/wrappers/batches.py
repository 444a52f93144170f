"""Batches of observations, arrays (n, ...) or dicts of them, and the infos of vectors: some rows taken, put and joined."""

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


def info_of_step(info: dict, ended: np.ndarray) -> dict:
    """Returns an info in which everything belongs to the step itself and `reset_info` to the episodes that it began.

    Our own vectors give it so. Gymnasium's give the new episodes' values, and the ends' in `final_info`.
    """
    if "reset_info" in info:
        return info
    ends = {name: info.get(name) for name in ("final_obs", "_final_obs", "final_info", "_final_info")}
    began = {name: value for name, value in info.items() if name not in ends}
    return _merged(began, info.get("final_info", {}), ended) | ends | {"reset_info": began}


def _merged(began, final, ended):
    """Returns the values of `final` where `ended` (n,), and those of `began` elsewhere."""
    merged = {}
    for name in dict.fromkeys([*began, *final]):
        if name not in began or name not in final:
            merged[name] = final.get(name, began.get(name))
        elif isinstance(final[name], Mapping):
            merged[name] = _merged(began[name], final[name], ended)
        else:
            merged[name] = began[name].copy()
            merged[name][ended] = final[name][ended]
    return merged
