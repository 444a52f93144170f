"""Supported action spaces of policies, and their conversion to and from plain data for policy.json."""

import math
from dataclasses import dataclass

import numpy as np
from gymnasium import spaces

from algorithms.learners import LEARNERS, names_with

KINDS, DTYPES = ("box", "discrete", "multi_discrete", "multi_binary"), ("float32", "float64")
LARGEST = 8192  # number of actions, or of values of one action
SUPPORTED = "Box of shape (k,) of floating-point numbers with finite bounds, Discrete, MultiDiscrete and MultiBinary"


@dataclass(frozen=True)
class ActionSpace:
    """An action space as plain data: bounds of a Box, or the number of values of each discrete action."""

    kind: str = "box"
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    dtype: str = "float32"
    values: tuple[int, ...] = ()

    def __post_init__(self):
        for name, known in (("kind", KINDS), ("dtype", DTYPES)):
            if getattr(self, name) not in known:
                raise ValueError(f"action_{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        if len(self.low) != len(self.high) or not all(map(math.isfinite, self.low + self.high)):
            raise ValueError("the bounds of actions must be finite, with the same number of low and high bounds")
        sizes = (len(self.low),) if self.kind == "box" else (len(self.values), *self.values)
        if not all(1 <= size <= LARGEST for size in sizes) or (self.kind == "discrete" and len(self.values) != 1):
            raise ValueError(f"there must be 1 to {LARGEST} actions with 1 to {LARGEST} values each, got {self}")

    @property
    def space(self) -> spaces.Space:
        """The space as an object of Gymnasium."""
        if self.kind == "box":
            return spaces.Box(*(np.array(bound, self.dtype) for bound in (self.low, self.high)), dtype=self.dtype)
        if self.kind == "discrete":
            return spaces.Discrete(self.values[0])
        return spaces.MultiDiscrete(self.values) if self.kind == "multi_discrete" else spaces.MultiBinary(len(self.values))


def described(space: spaces.Space) -> ActionSpace:
    """Returns a supported space as plain data.

    Raises:
        ValueError: the space is not supported. The message names the supported spaces.
    """
    if isinstance(space, spaces.Discrete) and space.start == 0:
        return ActionSpace("discrete", values=(int(space.n),))
    if isinstance(space, spaces.MultiDiscrete) and space.nvec.ndim == 1 and not np.any(space.start):
        return ActionSpace("multi_discrete", values=tuple(map(int, space.nvec)))
    if isinstance(space, spaces.MultiBinary) and len(space.shape) == 1:
        return ActionSpace("multi_binary", values=(2,) * space.shape[0])
    box = isinstance(space, spaces.Box) and len(space.shape) == 1 and space.dtype in (np.float32, np.float64)
    if box and np.isfinite([space.low, space.high]).all():
        low, high = (tuple(map(float, bound)) for bound in (space.low, space.high))
        return ActionSpace("box", low, high, str(space.dtype))
    raise ValueError(f"its actions are {one_line(space)}; supported are {SUPPORTED}, all counted from 0")


def check_spaces(observation: spaces.Space, action: spaces.Space, algo: str) -> None:
    """Checks that a policy of this algorithm, with its normaliser, can be trained, saved and exported.

    Raises:
        ValueError: a space is not supported. The message names the supported spaces.
    """
    vectors = observation.spaces.values() if isinstance(observation, spaces.Dict) else [observation]
    kinds = "f" if isinstance(observation, spaces.Dict) else "fiu"
    numbers = [isinstance(box, spaces.Box) and len(box.shape) == 1 and box.dtype.kind in kinds for box in vectors]
    if not all(numbers):
        raise ValueError(
            f"its observations are {one_line(observation)}; supported is a Box of shape (k,), or a Dict of "
            "such Boxes with floats; gymnasium.wrappers.FlattenObservation converts most other spaces"
        )
    if isinstance(observation, spaces.Dict) and not LEARNERS[algo].dictionaries:
        raise ValueError(
            f"its observations are {one_line(observation)}, and {LEARNERS[algo].title} needs a Box: "
            f"train it with --algo {names_with('dictionaries')[0]}, or use gymnasium.wrappers.FlattenObservation"
        )
    kind = described(action).kind
    if kind != "box" and not LEARNERS[algo].discrete:
        raise ValueError(
            f"its actions are {one_line(action)}, and {LEARNERS[algo].title} needs a Box: "
            f"train it with --algo {names_with('discrete')[0]}"
        )


def one_line(space: spaces.Space) -> str:
    """Returns a space as one line of text; leaves out the middle of a long text."""
    text = " ".join(str(space).split())
    return text if len(text) <= 160 else f"{text[:120]} ... {text[-30:]}"
