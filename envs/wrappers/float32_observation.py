"""Converts named observations to single precision."""

from collections import OrderedDict

import numpy as np
from gymnasium import spaces

from envs.wrappers.faces import SingleFace, VectorFace
from envs.wrappers.layout import Layout
from envs.wrappers.wrapper import ChallengeWrapper


class Float32Observation(ChallengeWrapper):
    """Converts the numbers of a named observation to float32; booleans are not changed."""

    def __init__(self, env):
        super().__init__(env)
        self._set_layout(Layout(spaces.Dict(OrderedDict((name, _single(box)) for name, box in self.layout.space.items()))))

    def _change_observations(self, observations, ids):
        return {name: part if part.dtype == bool else part.astype(np.float32) for name, part in observations.items()}


class SingleFloat32Observation(Float32Observation, SingleFace):
    """`Float32Observation` around a single environment."""


class VectorFloat32Observation(Float32Observation, VectorFace):
    """`Float32Observation` around a vector environment."""


def _single(space):
    if isinstance(space, spaces.MultiBinary):
        return space
    return spaces.Box(space.low.astype(np.float32), space.high.astype(np.float32))
