"""Adds entries of pure noise to the observation."""

import numpy as np
from gymnasium.spaces import Box

from envs.wrappers.draws import MARGIN, Distribution, Draws, ExactDraws
from envs.wrappers.faces import SingleFace, VectorFace
from envs.wrappers.specs import DimensionalitySpec
from envs.wrappers.wrapper import ChallengeWrapper

_STREAM = 31


class Dimensionality(ChallengeWrapper):
    """Adds `number` entries `dummy-0`, `dummy-1`, ... of shape (1,), drawn from N(0, 1) at every step, to the observation.

    Args:
        env: a single environment or a vector.
        number: number of entries.
        random: numpy's RandomState, or an object that draws like it, to draw from as the original does: the entries then
            have the shape ().
    """

    def __init__(self, env, number: int, random=None):
        super().__init__(env)
        exact = self._check_exact(random is not None)
        DimensionalitySpec(True, number)
        dtype = np.float32 if self.layout.dtype == np.float32 else np.float64
        kinds = {"dummies": Distribution("normal", np.ones(number), [()] * number, dtype)}
        self._draws = ExactDraws(random, kinds) if exact else Draws(self.num_envs, self._stream(_STREAM), kinds)
        shape = () if exact else (1,)
        self._set_layout(self.layout.extended({f"dummy-{i}": Box(-MARGIN, MARGIN, shape, dtype) for i in range(number)}))

    def _seed(self, seeds, ids):
        self._draws.seed(seeds, ids)

    def _change_observations(self, observations, ids):
        return self.layout.extend(observations, self._draws.take(ids)["dummies"])


class SingleDimensionality(Dimensionality, SingleFace):
    """`Dimensionality` around a single environment."""


class VectorDimensionality(Dimensionality, VectorFace):
    """`Dimensionality` around a vector environment."""
