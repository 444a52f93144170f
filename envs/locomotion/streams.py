"""Random streams of single simulations for what is drawn within an episode."""

from collections.abc import Sequence

import numpy as np

Generators = Sequence[np.random.Generator]


def spawned(generators: Generators) -> list[np.random.Generator]:
    """Returns a new stream for each generator, seeded by one number from it.

    What is drawn from a stream within an episode then does not change what the generator draws for the next one.
    """
    return [np.random.default_rng(generator.integers(2**63)) for generator in generators]
