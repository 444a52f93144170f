"""Named observations as one flat vector."""

import numpy as np
from gymnasium.spaces import Box

from envs.wrappers.layout import Layout
from envs.wrappers.wrapper import ChallengeWrapper


class FlatObservation(ChallengeWrapper):
    """Shows the observation as one float32 vector, block after block in its order; booleans become 0 and 1.

    The blocks keep their names in `layout.slices`.
    """

    def __init__(self, env):
        super().__init__(env)
        self._inner = self.layout
        low, high = (end.astype(np.float32) for end in self._inner.bounds())
        self._show(Layout(Box(low, high), self._inner.slices))

    def _observe(self, observations, ids):
        return self._inner.rows(observations).astype(np.float32)
