"""A rollout buffer whose minibatches also contain the observations one control step later."""

from collections import namedtuple

import numpy as np
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.type_aliases import RolloutBufferSamples

# RolloutBufferSamples, following: (b, k) observations one step later, same_episode: (b,) whether they are of that episode.
NextSamples = namedtuple("NextSamples", (*RolloutBufferSamples._fields, "following", "same_episode"))


class NextBuffer(RolloutBuffer):
    """SB3's RolloutBuffer with the next observation of every step. Call `complete` between a rollout and its minibatches.

    The next observation belongs to the same simulation. It is that of another episode, so that `same_episode` is False, if
    the step ended its episode.
    """

    def complete(self, last_observations: np.ndarray, last_starts: np.ndarray) -> None:
        """Adds the observations (n, k) after the last step of the rollout, and whether they start new episodes, (n,)."""
        following = np.concatenate([self.observations[1:], last_observations[None]])  # (steps, n, k)
        starts = np.concatenate([self.episode_starts[1:], last_starts[None]])  # (steps, n)
        self.following = self.swap_and_flatten(following)
        self.same_episode = self.swap_and_flatten(starts == 0)[:, 0]

    def _get_samples(self, batch_inds, env=None):
        more = self.to_torch(self.following[batch_inds]), self.to_torch(self.same_episode[batch_inds])
        return NextSamples(*super()._get_samples(batch_inds, env), *more)
