"""A delay line for rows of numbers of n simulations."""

from collections.abc import Mapping

import numpy as np

from envs.wrappers.draws import Distribution, Draws
from envs.wrappers.layout import Layout


class DelayLine:
    """Stores the last items of n simulations and delivers items of the wanted ages.

    Args:
        n: number of simulations.
        layout: layout of an item, whose blocks `late` may name.
        late: delay in steps: d, (low, high) drawn at every step, a list with one of these for every component, or a
            mapping from block names to any of them.
        dtype: dtype of an item.
        stream: key that separates the line's random numbers from others.
        what: name of the delayed items in errors.

    Raises:
        ValueError: a block name is unknown, or a list has the wrong length.
    """

    def __init__(self, n: int, layout: Layout, late, dtype, stream: tuple[int, ...], what: str):
        low, high, self._group = _groups(layout, late, what)
        self._low, self._spans = low, high - low
        self._depth = int(high.max()) + 1
        self._fixed = len(low) == 1 and low[0] == high[0]
        self._items = np.zeros((self._depth, n, layout.size), dtype)
        self._place, self._empty = np.zeros(n, int), np.ones(n, bool)
        self._age = np.zeros((n, len(low)), int)
        self.draws = Draws(n, stream, {"late": Distribution("uniform", np.zeros(len(low)))} if self._spans.any() else {})

    def clear(self, ids: np.ndarray) -> None:
        """Empties the lines of simulations `ids`; their next item fills the line."""
        self._empty[ids] = True

    def push(self, items: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Adds new items (k, size) of simulations `ids`; returns the items (k, size) that arrive now, as a copy."""
        place = self._place[ids] = (self._place[ids] + 1) % self._depth
        self._items[place, ids] = items
        empty = self._empty[ids]
        if empty.any():
            self._items[:, ids[empty]] = items[empty]
            self._age[ids[empty]] = self._depth
            self._empty[ids] = False
        if self._fixed:
            return self._items[(place - self._low[0]) % self._depth, ids]
        ages = self._ages(ids)[:, self._group]
        return self._items[(place[:, None] - ages) % self._depth, ids[:, None], np.arange(len(self._group))]

    def _ages(self, ids):
        """Returns the ages (k, groups) of the items that arrive now; an item stays in use until a newer one arrives."""
        drawn = self._low
        if self._spans.any():
            drawn = drawn + (self.draws.take(ids)["late"] * (self._spans + 1)).astype(int)
        self._age[ids] = np.minimum(self._age[ids] + 1, drawn)
        return self._age[ids]


def _groups(layout, late, what):
    """Returns the lowest and highest delay of each group of components with a common delay, and each component's group."""
    ranges, group = [(0, 0)], np.zeros(layout.size, int)
    for place, delay in _by_place(layout, late, what):
        columns = np.arange(layout.size)[place]
        several = isinstance(delay, (list, np.ndarray))
        if several and len(delay) != len(columns):
            raise ValueError(f"{what} needs {len(columns)} delays, one per component, got {len(delay)}")
        group[columns] = len(ranges) + (np.arange(len(columns)) if several else 0)
        ranges += [_range(single) for single in (delay if several else [delay])]
    used, group = np.unique(group, return_inverse=True)
    low, high = np.array(ranges)[used].T
    return low, high, group


def _by_place(layout, late, what):
    if isinstance(late, Mapping):
        return [(layout.place(name, what), delay) for name, delay in late.items()]
    return [(slice(None), late)]


def _range(late):
    return late if isinstance(late, tuple) else (int(late), int(late))
