"""Stacks the observations of the last control steps as the agent received them."""

from collections.abc import Sequence

import numpy as np
from gymnasium.spaces import Box

from envs.wrappers.faces import SingleFace, VectorFace
from envs.wrappers.layout import Layout
from envs.wrappers.wrapper import ChallengeWrapper
from utils.fields import whole_number
from utils.mirror import Mirror, Symmetry
from utils.observation import Past

MOST_FRAMES = 10_000  # more would need gigabytes for hundreds of simulations


def frame_count(name: str, frames: int) -> int:
    """Returns a number of frames. Raises FieldError if it is no whole number from 1 to MOST_FRAMES."""
    return whole_number(name, frames, 1, MOST_FRAMES)


class History(ChallengeWrapper):
    """Stacks the last `frames` observations that were received, oldest first.

    Put it outside of `Noise` and `Delay`, so that past frames are the received ones and do not change. After a reset all
    frames are the first observation. In `layout.slices` the current block keeps its name; the block of a steps before is
    called `name-a`.

    Args:
        env: a single environment or a vector, whose observation is a flat Box.
        frames: number of control steps, with the current one.
        rows: names of the blocks to stack, each in its place; the other blocks are returned unchanged. None stacks all
            blocks that the policy may use; privileged values, for the critic, are not stacked by default.

    Raises:
        ValueError: the observation is a Dict (put `FlatObservation` inside), a block name is unknown, or a value is wrong.
    """

    def __init__(self, env, frames: int, rows: Sequence[str] | None = None):
        super().__init__(env)
        if not isinstance(self.layout.space, Box):
            raise ValueError("History needs a flat observation: put FlatObservation around the environment first")
        self._inner, count = self.layout, frame_count("frames", frames)
        stacked = _stacked(self.layout, rows)
        self._count, self._whole = count, rows is None
        self._frame, self._column = _order(self.layout.size, stacked, count)
        self._set_layout(_stacked_layout(self.layout, stacked, count, self._frame, self._column))
        self._blocks = _blocks(self._inner.size, stacked, count)
        # The last stacks hold the past; there is no second copy of the frames.
        self._stacks = np.zeros((self.num_envs, self.layout.size), self.layout.dtype)
        self._empty = np.ones(self.num_envs, bool)

    @property
    def symmetry(self) -> Symmetry | None:
        """The mirror images of action and stack; None without any inside, or if an image of a stacked row is not stacked."""
        inner = self._symmetry_inside(self._inner)
        if inner is None:
            return None
        signs, image = np.array(inner.observation.signs), np.array(inner.observation.order)[self._column]
        places = _places(self._inner.size, self._frame, self._column, self._count)[self._frame, image]
        if (self._frame[places] != self._frame).any():
            return None
        return Symmetry(Mirror(tuple(places.tolist()), tuple(signs[self._column].tolist())), inner.action)

    @property
    def policy_frames(self) -> int:
        """The number of control steps that the policy's part of the observation consists of, whole frames, oldest first."""
        return self._count if self._whole else 1

    def _start_episodes(self, ids, info):
        self._empty[ids] = True

    def _change_observations(self, observations, ids):
        rows, before = self._inner.rows(observations), self._stacks[ids]
        stacks = np.empty_like(before)
        for inner, first, newest in self._blocks:  # for 128 x 66 frames under 1 ms; one index per column took 6 ms
            stacks[:, first.start : newest.start] = before[:, first.stop : newest.stop]
            stacks[:, newest] = rows[:, inner]
        empty = self._empty[ids]
        stacks[empty] = rows[empty][:, self._column]
        self._stacks[ids], self._empty[ids] = stacks, False
        return stacks


class SingleHistory(History, SingleFace):
    """`History` around a single environment."""


class VectorHistory(History, VectorFace):
    """`History` around a vector environment."""


def _stacked(layout, rows):
    """Returns the blocks of columns to stack, in the order of the observation."""
    if rows is None:
        return [slice(0, layout.policy_size)]
    if isinstance(rows, str):
        raise ValueError(f"rows must be a list of names, got {rows!r}")
    places = sorted((layout.place(name, "rows") for name in dict.fromkeys(rows)), key=lambda place: place.start)
    if any(second.start < first.stop for first, second in zip(places, places[1:])):
        raise ValueError(f"rows must be blocks that do not overlap, got {list(rows)}")
    return places


def _order(size, stacked, frames):
    """Returns the frame and the inner column that each column of the stacked observation comes from."""
    parts, column = [], 0
    for place in [*stacked, slice(size, size)]:
        between, block = np.arange(column, place.start), np.arange(place.start, place.stop)
        parts += [(np.full(len(between), frames - 1), between)]
        parts += [(np.full(len(block), frame), block) for frame in range(frames)]
        column = place.stop
    frame, columns = (np.concatenate(part) for part in zip(*parts))
    return frame, columns


def _places(size, frame, column, frames):
    """Returns the column of the stacked observation, (frames, size), for every frame and inner column."""
    places = np.zeros((frames, size), int)
    places[:, column[frame == frames - 1]] = np.flatnonzero(frame == frames - 1)
    places[frame, column] = np.arange(len(frame))
    return places


def _blocks(size, stacked, frames):
    """Returns the blocks of the stacked observation: inner columns, and columns of their first and newest frames."""
    blocks, column, at = [], 0, 0
    for place in [*stacked, slice(size, size)]:
        for part, count in ((slice(column, place.start), 1), (place, frames)):
            width = part.stop - part.start
            end = at + count * width
            blocks.append((part, slice(at, at + width), slice(end - width, end)))
            at = end
        column = place.stop
    return blocks


def _stacked_layout(layout, stacked, frames, frame, column):
    """Returns the layout of the stacked observation, with its blocks, its groups, and which columns repeat the past."""
    places = _places(layout.size, frame, column, frames)

    def moved(part, age=0):
        return slice(int(places[frames - 1 - age, part.start]), int(places[frames - 1 - age, part.stop - 1]) + 1)

    slices = {name: moved(part) for name, part in layout.slices.items()}
    for block in stacked:
        inside = {n: p for n, p in layout.slices.items() if block.start <= p.start and p.stop <= block.stop}
        slices |= {f"{name}-{age}": moved(part, age) for age in range(1, frames) for name, part in inside.items()}
    past = [Past(moved(block.target), moved(block.source), block.starts_current) for block in layout.past]
    past += [Past(moved(block, age), moved(block, age - 1), True) for age in range(1, frames) for block in stacked]
    groups = {name: slice(int(places[0, part.start]), moved(part).stop) for name, part in layout.groups.items()}
    low, high = (end[column] for end in layout.bounds())
    return Layout(Box(low, high, dtype=layout.dtype), slices, past, groups)
