"""The positions of named blocks in a row of numbers, for flat (Box) and named (Dict) observations."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from utils.config import nearest_name
from utils.observation import Past


class Layout:
    """Turns batches of observations into rows of numbers (k, size) and back.

    Args:
        space: space of one observation: a Box, or a Dict of Boxes and MultiBinaries (whose values are booleans here).
        slices: columns of the named blocks of a Box, if it has named blocks.
        past: columns of a Box that repeat values of earlier steps.
        groups: parts of a Box by name, like a task's `observation_groups`: first "policy", then others.

    Attributes:
        slices: columns of each named block; the blocks of a Dict are its keys.
        pieces: shapes of the pieces of an observation, in order; a Box is one piece.
        size, dtype: size and dtype of a row; for a Dict, a dtype that can represent all pieces.

    Raises:
        ValueError: the space is of another kind.
    """

    def __init__(
        self,
        space: spaces.Space,
        slices: Mapping[str, slice] | None = None,
        past: Sequence[Past] = (),
        groups: Mapping[str, slice] | None = None,
    ):
        self.past, self.groups = tuple(past), dict(groups or {})
        self.space, self._named = space, isinstance(space, spaces.Dict)
        self._spaces = OrderedDict(space.spaces if self._named else {"": space})
        if not all(isinstance(piece, (spaces.Box, spaces.MultiBinary)) for piece in self._spaces.values()):
            raise ValueError(f"an observation must be a Box, or a Dict of Boxes, to be changed, got {space}")
        self._dtypes = [np.dtype(bool) if isinstance(p, spaces.MultiBinary) else p.dtype for p in self._spaces.values()]
        self.pieces = [piece.shape for piece in self._spaces.values()]
        ends = np.cumsum([_size(piece) for piece in self._spaces.values()])
        self._places = [slice(int(start), int(end)) for start, end in zip((0, *ends), ends)]
        self.slices = dict(zip(self._spaces, self._places)) if self._named else dict(slices or {})
        self.size = int(ends[-1])
        self.dtype = np.result_type(*({dtype for dtype in self._dtypes if dtype.kind != "b"} or {np.dtype(bool)}))

    def rows(self, observation) -> np.ndarray:
        """Returns the numbers (k, size) of a batch of k observations."""
        if not self._named:
            return np.asarray(observation).reshape(-1, self.size)
        pieces = [np.asarray(observation[name]).reshape(-1, _size(piece)) for name, piece in self._spaces.items()]
        return np.concatenate(pieces, axis=1, dtype=self.dtype)

    def observation(self, rows: np.ndarray):
        """Returns rows (k, size) as a batch of observations."""
        if not self._named:
            return rows.reshape(-1, *self.pieces[0])
        pieces = zip(self._spaces, self._places, self.pieces, self._dtypes)
        return {name: rows[:, place].astype(dtype).reshape(-1, *shape) for name, place, shape, dtype in pieces}

    def columns(self, given, what: str, dtype=float) -> np.ndarray:
        """Returns one value per column (size,) from one value for all, one for each, or a mapping by block name.

        Blocks that the mapping does not name get 0.

        Raises:
            ValueError: a block name is unknown (the message names the nearest) or the number of values is wrong. The message
                calls the values `what`.
        """
        values = np.zeros(self.size, dtype)
        for name, value in given.items() if isinstance(given, Mapping) else ():
            block = values[self.place(name, what)]
            if np.ndim(value) and np.shape(value) != block.shape:
                words = f"must be one number or {len(block)} of them for the block {name!r}, got {np.size(value)}"
                raise ValueError(f"{what} {words}")
            block[:] = value
        if isinstance(given, Mapping):
            return values
        if np.ndim(given) and np.shape(given) != values.shape:
            raise ValueError(f"{what} must be one number or {self.size} of them, one per component, got {np.size(given)}")
        values[:] = given
        return values

    def place(self, name: str, what: str) -> slice:
        """Returns the columns of a block.

        Raises:
            ValueError: the block is unknown (the message names the nearest), or it repeats another block's past.
        """
        if name not in self.slices:
            raise ValueError(f"{what} names {name!r}, which is no block of the observation{nearest_name(name, self.slices)}")
        place = self.slices[name]
        if any(past.target == place for past in self.past):
            raise ValueError(f"{what} names {name!r}, which repeats an earlier observation: name the current block")
        return place

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the lowest and the highest value (size,) of every column."""
        boxes = [_as_box(piece) for piece in self._spaces.values()]
        return tuple(np.concatenate([np.ravel(getattr(box, end)) for box in boxes]) for end in ("low", "high"))

    def widened(self, margin: np.ndarray, zeroed: np.ndarray) -> "Layout":
        """Returns the layout with bounds widened by `margin` (size,), and to include 0 where `zeroed` (size,).

        Raises:
            ValueError: the bounds of a column that is not floating-point would change.
        """
        wider = OrderedDict()
        for (name, piece), place in zip(self._spaces.items(), self._places):
            changes = [part[place].reshape(piece.shape) for part in (margin, zeroed)]
            wider[name] = _widened(piece, *changes) if any(part.any() for part in changes) else piece
        return Layout(spaces.Dict(wider)) if self._named else Layout(wider[""], self.slices, self.past, self.groups)

    def extended(self, entries: Mapping[str, spaces.Box | spaces.MultiBinary]) -> "Layout":
        """Returns the layout with additional entries: at the end of a Dict, or at the end of a Box's policy part."""
        if self._named:
            return Layout(spaces.Dict(OrderedDict(self._spaces | entries)))
        boxes, first = [_as_box(entry) for entry in entries.values()], self.policy_size
        added = [np.concatenate([np.zeros(0), *(np.ravel(getattr(box, end)) for box in boxes)]) for end in ("low", "high")]
        low, high = (np.insert(old, first, new).astype(self.dtype) for old, new in zip(self.bounds(), added))
        ends = np.cumsum([first, *map(_size, boxes)])
        slices = {name: slice(int(start), int(end)) for name, start, end in zip(entries, ends, ends[1:])}
        return self._inserted(spaces.Box(low, high, dtype=self.dtype), slices, first, len(added[0]))

    def extend(self, observation, rows: np.ndarray):
        """Returns observations (k, ...) of this layout from observations without the added entries, and these (k, m)."""
        inner, added = self.size - rows.shape[1], rows.shape[1]
        if not self._named:
            old, first = np.reshape(observation, (-1, inner)), self.policy_size - added
            return np.concatenate([old[:, :first], rows, old[:, first:]], axis=1, dtype=self.dtype)
        entries = {}
        for name, place, shape, dtype in zip(self._spaces, self._places, self.pieces, self._dtypes):
            if place.start >= inner and name not in observation:
                values = rows[:, place.start - inner : place.stop - inner]
                entries[name] = values.astype(dtype, copy=False).reshape(-1, *shape)
        return {**observation, **entries}

    @property
    def policy_size(self) -> int:
        """The number of leading columns that a policy may use."""
        return self.groups["policy"].stop if self.groups else self.size

    def spread_to_past(self, values: np.ndarray) -> np.ndarray:
        """Returns values (size,) in which a column that repeats the past is at least as large as the repeated column."""
        values, before = values.copy(), None
        while before is None or (values != before).any():
            before = values.copy()
            for past in self.past:
                values[past.target] = np.maximum(values[past.target], values[past.source])
        return values

    def _inserted(self, space, slices, first, count):
        """Returns the layout with `count` more columns, named by `slices`, before column `first`."""

        def shifted(part, at_end):
            return slice(part.start + count * (part.start >= first), part.stop + count * (part.stop > first - at_end))

        old = {name: shifted(part, 0) for name, part in self.slices.items()}
        past = [Past(shifted(block.target, 0), shifted(block.source, 0), block.starts_current) for block in self.past]
        return Layout(space, old | slices, past, {name: shifted(part, 1) for name, part in self.groups.items()})


def layout_of(env) -> Layout:
    """Returns the layout of the observations of a single or vector environment.

    Blocks have names in Dict observations, in observations of this package's wrappers, and in a task's `ObservationTable`.
    """
    if isinstance(getattr(env, "layout", None), Layout):
        return env.layout
    space = getattr(env, "single_observation_space", None) or env.observation_space
    table = getattr(getattr(first_env(env).unwrapped, "task", None), "observation", None)
    fits = hasattr(table, "slices") and table.space.shape == space.shape
    if not fits:
        return Layout(space)
    return Layout(space, table.slices, table.past, getattr(first_env(env).unwrapped, "observation_groups", None))


def first_env(env) -> gym.Env | gym.vector.VectorEnv:
    """Returns the environment, or the first single environment if it is a vector of single environments."""
    singles = getattr(env.unwrapped, "envs", None)
    return singles[0] if singles else env


def _size(space):
    return int(np.prod(space.shape))


def _widened(space, margin, zeroed):
    if not np.issubdtype(space.dtype, np.floating):
        raise ValueError(f"noise needs observations of floating-point numbers, got {space}")
    low = np.where(zeroed, np.minimum(space.low, 0.0), space.low) - margin
    high = np.where(zeroed, np.maximum(space.high, 0.0), space.high) + margin
    return spaces.Box(low.astype(space.dtype), high.astype(space.dtype), dtype=space.dtype)


def _as_box(space):
    return space if isinstance(space, spaces.Box) else spaces.Box(0.0, 1.0, space.shape)
