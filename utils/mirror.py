"""Left-right mirror images of vectors: which entries swap their places, and which change their signs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True)
class Mirror:
    """A linear map that is its own inverse: entry i of the image of a vector v is signs[i] * v[order[i]].

    Raises:
        ValueError: `order` is no permutation, a sign is neither 1 nor -1, or two images do not give the vector again.
    """

    order: tuple[int, ...]
    signs: tuple[float, ...]

    def __post_init__(self):
        order, signs, places = np.array(self.order, int), np.array(self.signs, float), np.arange(len(self.order))
        if sorted(self.order) != [*places] or signs.shape != order.shape or not (np.abs(signs) == 1.0).all():
            raise ValueError(f"a mirror needs a permutation and as many signs of 1 or -1, got {self}")
        if (order[order] != places).any() or (signs * signs[order] != 1.0).any():
            raise ValueError(f"a mirror must be its own inverse, got {self}")

    def __len__(self) -> int:
        return len(self.order)

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Returns the mirror images of vectors (..., k)."""
        return vectors[..., self.order] * np.array(self.signs, vectors.dtype)

    def part(self, columns: slice) -> "Mirror":
        """Returns the mirror of these columns of a vector.

        Raises:
            ValueError: the image of the columns lies elsewhere.
        """
        first = range(len(self))[columns].start
        return Mirror(tuple(place - first for place in self.order[columns]), self.signs[columns])

    def chosen(self, columns: Sequence[int]) -> "Mirror":
        """Returns the mirror of a vector of these entries, each of which is given once.

        Raises:
            ValueError: the image of an entry is not among them.
        """
        places = {int(column): place for place, column in enumerate(columns)}
        if missing := {self.order[column] for column in places} - places.keys():
            raise ValueError(f"the images of entries lie elsewhere, at {sorted(missing)}")
        return Mirror(tuple(places[self.order[column]] for column in places), tuple(self.signs[column] for column in places))


class Symmetry(NamedTuple):
    """The left-right symmetry of a task: the mirrored action in the mirrored state has the mirrored outcome."""

    observation: Mirror
    action: Mirror


def signs(*values: float) -> Mirror:
    """Returns the mirror in which every entry keeps its place and is multiplied by its sign, 1 or -1."""
    return Mirror(tuple(range(len(values))), values)


def unchanged(size: int) -> Mirror:
    """Returns the mirror that changes nothing."""
    return signs(*[1.0] * size)


def moved(order: Sequence[int], block: Mirror) -> Mirror:
    """Returns the mirror of equal blocks, such as legs: block i of the image is the mirror image of block order[i]."""
    size = len(block)
    places = tuple(size * place + entry for place in order for entry in block.order)
    return Mirror(places, block.signs * len(order))


def joined(*mirrors: Mirror) -> Mirror:
    """Returns the mirror of vectors that consist of one part for each of `mirrors`."""
    starts = np.cumsum([0, *map(len, mirrors)])
    order = tuple(int(start) + place for start, mirror in zip(starts, mirrors) for place in mirror.order)
    return Mirror(order, tuple(sign for mirror in mirrors for sign in mirror.signs))


# Vectors whose y axis points to the left, and their rotations.
VECTOR = signs(1.0, -1.0, 1.0)
ROTATION = signs(-1.0, 1.0, -1.0)  # angular velocity, torque
QUATERNION = signs(1.0, -1.0, 1.0, -1.0)  # w, x, y, z
PLANAR_VELOCITY = signs(1.0, -1.0, -1.0)  # vx, vy, yaw rate
