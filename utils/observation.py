"""Observation tables: the declaration of an observation, from which space, slices, vectors and documentation follow."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from gymnasium.spaces import Box


@dataclass(frozen=True)
class Row:
    """One named block of an observation: its size, bounds in `unit` that hold for every element, and its meaning.

    A row may declare that it repeats values of earlier control steps. Wrappers that change observations then rebuild these
    values from what they returned before, because a receiver cannot get another past.

    Attributes:
        frames: the row holds this many control steps of one quantity, oldest first; 0 before the first step.
        past_of: the row holds the value of this other row one control step earlier; at a reset the current value.
    """

    name: str
    size: int
    low: float
    high: float
    unit: str
    meaning: str = ""
    frames: int = 1
    past_of: str = ""


class Past(NamedTuple):
    """Columns of an observation that hold what other columns held one control step earlier."""

    target: slice
    source: slice
    starts_current: bool  # at a reset `target` holds the current value of `source`; 0 otherwise


class ObservationTable:
    """An ordered list of rows that describes a flat vector.

    Attributes:
        rows: the declaration.
        slices: the slice of the vector that holds each block, by name.
        space: float32 `Box` of the whole vector.
        past: which columns repeat values of earlier steps.

    Raises:
        ValueError: two rows have the same name, or a declared past does not fit the sizes.
    """

    def __init__(self, *rows: Row):
        names = [row.name for row in rows]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"each observation needs its own name, got {repeated} more than once")
        sizes = [row.size for row in rows]
        ends = np.cumsum(sizes)
        self.rows = rows
        self.slices = {row.name: slice(int(end) - row.size, int(end)) for row, end in zip(rows, ends)}
        low, high = (np.repeat([getattr(row, end) for row in rows], sizes).astype(np.float32) for end in ("low", "high"))
        self.space = Box(low, high)
        self._low, self._high = low, high
        self.past = tuple(past for row in rows for past in self._past(row))

    def pack(self, blocks: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns fresh float32 vectors (n, size) of `blocks`, each (n, row.size), clipped to their rows' bounds.

        Raises:
            ValueError: the blocks' names are not the table's.
        """
        if blocks.keys() != self.slices.keys():
            raise ValueError(f"observation and table disagree on {sorted(blocks.keys() ^ self.slices.keys())}")
        vectors = np.concatenate([blocks[name] for name in self.slices], axis=1, dtype=np.float32)
        np.maximum(vectors, self._low, out=vectors)
        return np.minimum(vectors, self._high, out=vectors)

    def _past(self, row):
        start, stop = self.slices[row.name].start, self.slices[row.name].stop
        if row.past_of:
            source = self.slices.get(row.past_of)
            if source is None or source.stop - source.start != row.size:
                raise ValueError(f"{row.name} is declared as the past of {row.past_of}, which is no row of its size")
            return [Past(slice(start, stop), source, True)]
        size, rest = divmod(row.size, row.frames)
        if rest:
            raise ValueError(f"the size of {row.name} must be a multiple of its {row.frames} frames, got {row.size}")
        return [Past(slice(start, stop - size), slice(start + size, stop), False)] if row.frames > 1 else []

    def markdown(self) -> str:
        """Returns the table as Markdown with the columns row, size, range, unit and meaning."""
        lines = ["| row | size | range | unit | what it is |", "|---|---|---|---|---|"]
        lines += [f"| `{r.name}` | {r.size} | {r.low:g} to {r.high:g} | {r.unit} | {r.meaning} |" for r in self.rows]
        return "\n".join(lines)
