"""Random numbers of wrappers: blocks for n simulations, or the original's sequence of calls for one simulation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

BLOCK_STEPS = 16  # steps drawn in one call: a call per simulation and step takes longer than drawing the numbers
MARGIN = 10.0  # standard deviations; no normal draw is larger, so spaces use it as a bound


@dataclass(frozen=True)
class Distribution:
    """Distribution of the numbers that are drawn for each of `size` components at every step.

    Kinds: "normal" with standard deviation `strength`, "chance", True with probability `strength`, and "uniform" in [0, 1).
    `pieces` are the shapes of the pieces that the original draws one after the other.
    """

    kind: str
    strength: np.ndarray  # (size,)
    pieces: Sequence[tuple] = ()
    dtype: type = np.float64

    def block(self, generators: Sequence[np.random.Generator]) -> np.ndarray:
        """Returns the numbers of the next steps of k simulations (k, BLOCK_STEPS, size); chances are booleans."""
        # 24 random bits are enough for a probability, and take half the time.
        numbers = np.empty((len(generators), BLOCK_STEPS, len(self.strength)), self._precision)
        for block, generator in zip(numbers, generators):
            draw = generator.standard_normal if self.kind == "normal" else generator.random
            draw(out=block, dtype=self._precision)
        if self.kind == "normal":
            numbers *= self.strength.astype(self._precision)
        return numbers < self.strength.astype(self._precision) if self.kind == "chance" else numbers

    @property
    def _precision(self):
        return self.dtype if self.kind == "normal" else np.float32

    def step(self, random) -> np.ndarray:
        """Returns the numbers of one step (1, size) as the original's calls give them, piece by piece."""
        return np.concatenate([np.ravel(self._piece(random, *piece)) for piece in self._calls])[None]

    @cached_property
    def _calls(self):
        """The strength and the shape of every piece."""
        ends = np.cumsum([int(np.prod(shape)) for shape in self.pieces])
        strengths = np.split(self.strength, ends[:-1])
        return [(_one_if_equal(strength, shape), shape) for strength, shape in zip(strengths, self.pieces)]

    def _piece(self, random, strength, shape):
        if self.kind == "normal":
            return random.normal(np.zeros(shape), strength)
        if self.kind == "chance":
            return np.asarray(random.binomial(n=1, p=strength, size=shape)) == 1
        return random.uniform()


class Draws:
    """Random numbers for n simulations from n generators, so that no simulation's draws depend on the others.

    Args:
        n: number of simulations.
        stream: whole numbers that, together with the seed, separate these draws from others.
        kinds: distributions to draw from at every step, by name, in this order.
    """

    def __init__(self, n: int, stream: tuple[int, ...], kinds: Mapping[str, Distribution]):
        self._stream, self._kinds = stream, tuple(kinds.items())
        self._generators = [np.random.default_rng() for _ in range(n)]
        self._blocks = {name: kind.block(self._generators) for name, kind in self._kinds}
        self._used = np.full(n, BLOCK_STEPS)

    def seed(self, seeds: Sequence[int | None], ids: np.ndarray) -> None:
        """Seeds simulations `ids` (k,) with seeds (k,); entries that are None are skipped."""
        for i, seed in zip(ids, seeds):
            if seed is not None:
                self._generators[i] = np.random.default_rng([int(seed), *self._stream])
                self._used[i] = BLOCK_STEPS

    def take(self, ids: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the next step's numbers of simulations `ids` (k,), (k, size) by name."""
        used = self._used[ids]
        if (used == BLOCK_STEPS).any():
            self._refill(ids[used == BLOCK_STEPS])
            used = self._used[ids]
        self._used[ids] = used + 1
        return {name: block[ids, used] for name, block in self._blocks.items()}

    def _refill(self, ids):
        generators = [self._generators[i] for i in ids]
        for name, kind in self._kinds:
            self._blocks[name][ids] = kind.block(generators)
        self._used[ids] = 0


class ExactDraws:
    """Random numbers for one simulation, drawn by the same calls as in the original.

    `random` is numpy's RandomState or an object with its methods `normal`, `binomial` and `uniform`.
    """

    transient = ("_random",)

    def __init__(self, random, kinds: Mapping[str, Distribution]):
        self._random, self._kinds = random, tuple(kinds.items())

    def seed(self, seeds: Sequence[int | None], ids: np.ndarray) -> None:
        """Seeds the one generator, if it can be seeded."""
        reseed(self._random, seeds[0])

    def take(self, ids: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the next step's numbers (1, size) by name."""
        return {name: kind.step(self._random) for name, kind in self._kinds}


def reseed(random, seed: int | None) -> None:
    """Seeds numpy's RandomState; does nothing for an object without a `seed` method."""
    if seed is not None and hasattr(random, "seed"):
        random.seed(seed % 2**32)


def _one_if_equal(strength, shape):
    """Returns a single number if all are equal, because the original passes numbers to numpy instead of arrays."""
    return float(strength[0]) if (strength == strength[0]).all() else strength.reshape(shape)
