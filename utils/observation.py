"""Observation tables: one declaration gives the space, the slices, the vectors and the documentation of an observation."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from gymnasium.spaces import Box

from utils.mirror import Mirror, joined


@dataclass(frozen=True)
class Row:
    """One named block of an observation: its size, the bounds of every element in `unit`, and its meaning.

    A row may declare that it repeats values of earlier control steps. Wrappers that change observations then rebuild these
    values from their earlier outputs, so that the past agrees with the observations that were received.

    Attributes:
        frames: number of control steps of one quantity in this row, oldest first (0 before the first step); 0 for a row
            without a past.
        past_of: name of the row whose value of the previous control step this row repeats (at a reset, the current value).
        mirror: left-right mirror image of the row; None if the row has none.
    """

    name: str
    size: int
    low: float
    high: float
    unit: str
    meaning: str = ""
    frames: int = 1
    past_of: str = ""
    mirror: Mirror | None = None


class Past(NamedTuple):
    """Columns of an observation that repeat the values of other columns one control step earlier."""

    target: slice
    source: slice
    starts_current: bool  # at a reset `target` has the current value of `source` if True, otherwise 0


def current_columns(size: int, past: Iterable[Past]) -> np.ndarray:
    """Returns the columns of a vector of `size` numbers that repeat no value of an earlier step, (k,) int."""
    columns = np.arange(size)
    return np.setdiff1d(columns, np.concatenate([columns[:0], *(columns[block.target] for block in past)]))


class ObservationTable:
    """An ordered list of rows that describes a flat vector.

    Attributes:
        rows: the declaration.
        slices: the slice of each block in the vector, by name.
        space: float32 `Box` of the whole vector.
        past: columns that repeat values of earlier steps.
        mirror: left-right mirror image of the vector; None if a row has none.

    Raises:
        ValueError: two rows have the same name, or a declared past or mirror does not fit the sizes.
    """

    def __init__(self, *rows: Row):
        names = [row.name for row in rows]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"each row needs a unique name, got {repeated} more than once")
        sizes = [row.size for row in rows]
        ends = np.cumsum(sizes)
        self.rows = rows
        self.slices = {row.name: slice(int(end) - row.size, int(end)) for row, end in zip(rows, ends)}
        low, high = (np.repeat([getattr(row, end) for row in rows], sizes).astype(np.float32) for end in ("low", "high"))
        self.space = Box(low, high)
        self._low, self._high, self._sizes = low, high, sizes
        self.past = tuple(past for row in rows for past in self._past(row))
        self.mirror = _mirror(rows)

    def pack(self, blocks: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns new float32 vectors (n, size) from `blocks`, each (n, row.size), clipped to the bounds of their rows.

        Raises:
            ValueError: the names or the sizes of the blocks differ from the table's.
        """
        if blocks.keys() != self.slices.keys():
            raise ValueError(f"observation and table disagree on {sorted(blocks.keys() ^ self.slices.keys())}")
        parts = [blocks[name] for name in self.slices]
        if [part.shape[1] for part in parts] != self._sizes:
            row, part = next((row, part) for row, part in zip(self.rows, parts) if part.shape[1] != row.size)
            raise ValueError(f"{row.name} must have {row.size} columns, got {part.shape[1]}")
        vectors = np.concatenate(parts, axis=1, dtype=np.float32)
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
        lines = ["| row | size | range | unit | meaning |", "|---|---|---|---|---|"]
        lines += [f"| `{r.name}` | {r.size} | {r.low:g} to {r.high:g} | {r.unit} | {r.meaning} |" for r in self.rows]
        return "\n".join(lines)


def _mirror(rows):
    """Returns the mirror image of all rows together, or None if a row has none."""
    for row in rows:
        if row.mirror is not None and len(row.mirror) != row.size:
            raise ValueError(f"the mirror of {row.name} must have {row.size} entries, got {len(row.mirror)}")
    return None if any(row.mirror is None for row in rows) else joined(*(row.mirror for row in rows))
