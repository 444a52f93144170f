"""Converts named observations to one flat vector."""

import numpy as np
from gymnasium.spaces import Box

from envs.wrappers.faces import SingleFace, VectorFace
from envs.wrappers.layout import Layout
from envs.wrappers.wrapper import ChallengeWrapper


class FlatObservation(ChallengeWrapper):
    """Converts the observation to one float32 vector with the blocks in their order; booleans become 0 and 1.

    The blocks keep their names in `layout.slices`.
    """

    def __init__(self, env):
        super().__init__(env)
        self._inner = self.layout
        low, high = (end.astype(np.float32) for end in self._inner.bounds())
        self._set_layout(Layout(Box(low, high), self._inner.slices))

    def _change_observations(self, observations, ids):
        return self._inner.rows(observations).astype(np.float32)


class SingleFlatObservation(FlatObservation, SingleFace):
    """`FlatObservation` around a single environment."""


class VectorFlatObservation(FlatObservation, VectorFace):
    """`FlatObservation` around a vector environment."""
