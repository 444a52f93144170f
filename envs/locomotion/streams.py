"""Random streams for the draws within an episode, one per simulation."""

from collections.abc import Sequence

import numpy as np

Generators = Sequence[np.random.Generator]


def spawned(generators: Generators) -> list[np.random.Generator]:
    """Returns a new stream for each generator, seeded by one number from it.

    The number of draws within an episode then does not change what the generator draws for the next episode.
    """
    return [np.random.default_rng(generator.integers(2**63)) for generator in generators]
