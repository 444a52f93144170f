"""Received observations of n simulations: the last ones, and observations whose past values are the received ones."""

import numpy as np

from envs.wrappers.layout import Layout


class ReceivedFrames:
    """Stores the last `frames` rows (size,) that each of n simulations has received.

    The first row after a reset fills all frames.
    """

    def __init__(self, n: int, frames: int, size: int, dtype):
        self._frames, self._empty = np.zeros((n, frames, size), dtype), np.ones(n, bool)

    def clear(self, ids: np.ndarray) -> None:
        """Deletes the rows of simulations `ids`."""
        self._empty[ids] = True

    def is_empty(self, ids: np.ndarray) -> np.ndarray:
        """Returns (k,) bool: simulations among `ids` (k,) that have received no row since they were cleared."""
        return self._empty[ids]

    def newest(self, ids: np.ndarray) -> np.ndarray:
        """Returns the rows (k, size) that simulations `ids` (k,) received last, as a copy."""
        return self._frames[ids, -1]

    def push(self, rows: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Adds rows (k, size) of simulations `ids` (k,); returns their last frames (k, frames, size), oldest first."""
        frames = np.concatenate([self._frames[ids, 1:], rows[:, None]], axis=1)
        empty = self._empty[ids]
        frames[empty] = rows[empty, None]
        self._frames[ids], self._empty[ids] = frames, False
        return frames


class ReceivedPast:
    """Rebuilds the columns of observations that repeat values of earlier steps, as `layout.past` declares them.

    A wrapper that changes observations uses it last: a value received as the current one is received unchanged as the
    past one step later.
    """

    def __init__(self, n: int, layout: Layout):
        self._past = layout.past
        self._received = ReceivedFrames(n, 1, layout.size, layout.dtype) if layout.past else None

    def clear(self, ids: np.ndarray) -> None:
        """Deletes the received rows of simulations `ids`."""
        if self._received is not None:
            self._received.clear(ids)

    def rebuild(self, rows: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Writes the received past into rows (k, size) of simulations `ids` (k,), and returns them."""
        if self._received is None:
            return rows
        first, before = self._received.is_empty(ids)[:, None], self._received.newest(ids)
        for past in self._past:
            start = rows[:, past.source] if past.starts_current else 0.0
            rows[:, past.target] = np.where(first, start, before[:, past.source])
        self._received.push(rows, ids)
        return rows
