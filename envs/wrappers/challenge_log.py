"""Wrappers that record the episodes of a single or vector environment in a `ChallengeLog` and change nothing."""

from collections.abc import Mapping
from pathlib import Path

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper

from envs.wrappers.challenge_logs.log import GROUPS, ChallengeLog
from utils.vector_infos import info_of_step


class RecordChallenges(gym.Wrapper, RecordConstructorArgs):
    """Records the constraints, safety variables and objectives in the infos of one environment, and its rewards.

    Put it outside of all wrappers that change rewards or end episodes. `log` is the `ChallengeLog`; `log.stats()` returns
    the statistics of all finished episodes at any time.
    """

    def __init__(self, env: gym.Env, path: str | Path | None = None, log_every: int = 100, safety_vars: bool = True):
        """Records to `path` (an .npz; None: in memory only) every `log_every` episodes and at `close`.

        Raises:
            ValueError: as `ChallengeLog` does.
        """
        RecordConstructorArgs.__init__(self, path=path, log_every=log_every, safety_vars=safety_vars)
        super().__init__(env)
        self.log = ChallengeLog(path, log_every, 1, _name(env), safety_vars)

    def reset(self, *, seed=None, options=None):
        observation, info = self.env.reset(seed=seed, options=options)
        self.log.begin(_batched(info))
        return observation, info

    def step(self, action):
        observation, reward, terminated, truncated, info = self.env.step(action)
        self.log.add(np.array([reward], float), _batched(info))
        if terminated or truncated:
            self.log.end(np.array([0]))
        return observation, reward, terminated, truncated, info

    def close(self):
        try:
            self.log.close()
        finally:
            super().close()


class RecordVectorChallenges(VectorWrapper):
    """Records n simulations, each like `RecordChallenges`, in every autoreset mode."""

    def __init__(self, env: VectorEnv, path: str | Path | None = None, log_every: int = 100, safety_vars: bool = True):
        """Records to `path` (an .npz; None: in memory only) every `log_every` episodes and at `close`.

        Raises:
            ValueError: as `ChallengeLog` does.
        """
        super().__init__(env)
        self.log = ChallengeLog(path, log_every, env.num_envs, _name(env), safety_vars)
        self._mode = env.metadata.get("autoreset_mode")
        self._restarting = np.zeros(env.num_envs, bool)  # reset by the next step, in mode NEXT_STEP

    def reset(self, *, seed=None, options=None):
        mask = (options or {}).get("reset_mask", np.ones(self.num_envs, bool))
        observation, info = self.env.reset(seed=seed, options=options)
        self.log.begin(info, np.flatnonzero(mask))
        self._restarting &= ~np.asarray(mask)
        return observation, info

    def step(self, actions):
        observation, reward, terminated, truncated, info = self.env.step(actions)
        ended = terminated | truncated
        if self._mode == AutoresetMode.SAME_STEP:
            self._record_same_step(reward, ended, info)
        else:
            self.log.begin(info, np.flatnonzero(self._restarting))
            self.log.add(reward, info, np.flatnonzero(~self._restarting))
            self.log.end(np.flatnonzero(ended))
            self._restarting = ended & (self._mode == AutoresetMode.NEXT_STEP)
        return observation, reward, terminated, truncated, info

    def close(self, **kwargs):
        try:
            self.log.close()
        finally:
            super().close(**kwargs)

    def _record_same_step(self, reward, ended, info):
        """Records a step in which some episodes end and their next episodes start."""
        ids = np.flatnonzero(ended)
        if len(ids):
            info = info_of_step(info, ended)
        self.log.add(reward, info)
        self.log.end(ids)
        self.log.begin(info.get("reset_info", {}), ids)


def _name(env):
    """Returns the registered id of an environment, or an empty string."""
    return env.spec.id if env.spec else ""


def _batched(info):
    """Returns the entries of a single environment's info that a log reads, in the form of a vector with n = 1."""
    return {key: _row(info[key]) for key in GROUPS if key in info}


def _row(group):
    if isinstance(group, Mapping):
        return {name: np.asarray(value)[None] for name, value in group.items()}
    return np.asarray(group)[None]
