"""A rollout buffer that stores every frame of stacked observations once, and stacks the frames of a minibatch."""

import numpy as np
import torch
from numpy.lib.stride_tricks import as_strided
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.type_aliases import RolloutBufferSamples
from stable_baselines3.common.vec_env import VecNormalize

BLOCK = 64  # stacks that are normalised at a time: more of them leave the processor's cache


class FrameBuffer(RolloutBuffer):
    """SB3's RolloutBuffer for observations that begin with `frames` frames, oldest first, as `History` stacks them.

    It stores (n_steps + frames - 1) x size of a frame values for each simulation, not n_steps x frames x size: 128 robots x
    96 steps x 66 frames of 47 values take 4 MB instead of 153 MB. Frames are stored as they were received, with the
    statistics of every step, because a VecNormalize normalises all frames of a stack with the statistics of its newest one.
    The remaining columns are stored as they are.

    Args:
        frames: number of frames.
        stacked: number of columns of the observation that consist of frames.
        normalizer: gives received observations and statistics; None if observations are not normalised.
        args, kwargs: as in RolloutBuffer.
    """

    def __init__(self, *args, frames: int, stacked: int, normalizer: VecNormalize | None, **kwargs):
        self._frames, self._stacked, self._normalizer = frames, stacked, normalizer
        super().__init__(*args, **kwargs)

    def reset(self) -> None:
        """Empties the buffer; the current observations of the normaliser become those of the first step."""
        size, frame = *self.observation_space.shape, self._stacked // self._frames
        self.obs_shape = (size - self._stacked,)
        super().reset()
        self._received = np.zeros((self.n_envs, self.buffer_size + self._frames - 1, frame), np.float32)
        self._first = np.zeros((self.n_envs, self.buffer_size), int)  # a stack shows no frame before this one
        self._shift, self._scale = np.zeros((2, self.buffer_size, frame), np.float32)
        self._now = self._statistics()

    def add(self, obs: np.ndarray, action, reward, episode_start: np.ndarray, value, log_prob) -> None:
        """Adds a step; `obs` (n, k) is normalised."""
        step, now = self.pos, self._now or (obs, 0.0, 1.0)
        stack, self._shift[step], self._scale[step] = now
        stack = stack[:, : self._stacked].reshape(self.n_envs, self._frames, -1)
        if step == 0:
            self._received[:, : self._frames] = stack
        else:
            self._received[:, step + self._frames - 1] = stack[:, -1]
            self._first[:, step] = np.where(episode_start, step + self._frames - 1, self._first[:, step - 1])
        super().add(obs[:, self._stacked :], action, reward, episode_start, value, log_prob)
        self._now = self._statistics()

    def observations_of(self, steps: np.ndarray) -> torch.Tensor:
        """Returns the normalised observations (b, k) of steps (b,), as numbers simulation * n_steps + step."""
        wanted = np.empty((len(steps), self._stacked + self.obs_shape[0]), np.float32)
        wanted[:, self._stacked :] = self.observations[steps]
        for start in range(0, len(steps), BLOCK):
            block = slice(start, start + BLOCK)
            wanted[block, : self._stacked] = self._stacks(steps[block]).reshape(-1, self._stacked)
        return torch.from_numpy(wanted).to(self.device)

    def _stacks(self, steps):
        """Returns the normalised stacks (b, frames, size)."""
        stacks = self._received_stacks(*np.divmod(steps, self.buffer_size))
        if self._normalizer is not None:
            moments = steps % self.buffer_size
            stacks *= self._scale[moments, None]
            stacks += self._shift[moments, None]
            np.clip(stacks, -self._normalizer.clip_obs, self._normalizer.clip_obs, out=stacks)
        return stacks

    def _received_stacks(self, simulations, steps):
        """Returns a copy of the stacks (b, frames, size) as they were received."""
        received, frame = self._received, self._received.shape[2]
        windows = as_strided(received, (self.n_envs, self.buffer_size, self._stacked), received.strides)
        stacks = windows[simulations, steps].reshape(-1, self._frames, frame)
        first = self._first[simulations, steps]
        young = np.flatnonzero(first > steps)  # their windows begin in an earlier episode
        shown = np.maximum(steps[young, None] + np.arange(self._frames), first[young, None])
        stacks[young] = received[simulations[young, None], shown]
        return stacks

    def _get_samples(self, batch_inds, env=None) -> RolloutBufferSamples:
        return super()._get_samples(batch_inds, env)._replace(observations=self.observations_of(batch_inds))

    def _statistics(self):
        """Returns the received observations, and shift and scale of a frame; None if observations are not normalised.

        SB3 adds a step after the next one was taken, when the normaliser has the next observations already.
        """
        received = None if self._normalizer is None else vars(self._normalizer).get("old_obs")
        if received is None:  # before the first reset
            return None
        running, newest = self._normalizer.obs_rms, slice(self._stacked - self._received.shape[2], self._stacked)
        scale = 1.0 / np.sqrt(running.var[newest] + self._normalizer.epsilon)
        return received, -running.mean[newest] * scale, scale
