"""Observation tables: the declaration of an observation, from which space, slices, vectors and documentation follow."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from gymnasium.spaces import Box


@dataclass(frozen=True)
class Row:
    """One named block of an observation: its size, bounds of every element in `unit`, and its meaning."""

    name: str
    size: int
    low: float
    high: float
    unit: str
    meaning: str = ""


class ObservationTable:
    """An ordered list of rows that describes a flat vector.

    Attributes:
        rows: the declaration.
        slices: the slice of the vector that holds each block, by name.
        space: float32 `Box` of the whole vector.

    Raises:
        ValueError: two rows have the same name.
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

    def markdown(self) -> str:
        """Returns the table as Markdown with the columns row, size, range, unit and meaning."""
        lines = ["| row | size | range | unit | what it is |", "|---|---|---|---|---|"]
        lines += [f"| `{r.name}` | {r.size} | {r.low:g} to {r.high:g} | {r.unit} | {r.meaning} |" for r in self.rows]
        return "\n".join(lines)
