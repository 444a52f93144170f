"""n simulations of one task of the Real-World RL suite, without any challenge."""

from collections.abc import Mapping
from copy import deepcopy
from functools import partial

import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import concatenate
from gymnasium.wrappers import TimeLimit

from envs.rwrl.env import RWRLEnv, take_steps
from envs.single_envs import SinglesVector


class RWRLVectorEnv(SinglesVector):
    """n simulations without challenges, whose states are read together; as in Gymnasium, `final_info` describes the end."""

    def __init__(
        self, num_envs, domain, task, max_episode_steps=None, render_mode=None, autoreset_mode="same_step", **pictures
    ):
        make = partial(RWRLEnv, domain, task)
        super().__init__(make, num_envs, max_episode_steps, render_mode, autoreset_mode, **pictures)

    def step(self, actions):
        self.check_step()
        over = self._autoreset_envs  # ended in an earlier step, and not reset since
        failures = self._advance(np.flatnonzero(~over), self._checked(actions))
        ended = self._terminations | self._truncations
        if self.autoreset_mode == AutoresetMode.SAME_STEP:
            infos, restarting = self._infos(~ended, failures) | self._final_infos(ended, failures), ended
            self._autoreset_envs = np.zeros(self.num_envs, bool)
        else:
            infos, restarting, self._autoreset_envs = self._infos(~over, failures), over, ended
        for i in np.flatnonzero(restarting):
            self._env_obs[i], info = self.envs[i].reset()
            infos = self._add_info(infos, info, i)
        concatenate(self.single_observation_space, self._env_obs, self._observations)
        return *map(deepcopy, (self._observations, self._rewards, self._terminations, self._truncations)), infos

    def snapshot(self) -> dict:
        """Returns the complete state between two steps as plain data and arrays."""
        states, ages = [env.unwrapped.snapshot() for env in self.envs], [_age(env) for env in self.envs]
        return {"envs": states, "ages": ages, "over": self._autoreset_envs.copy()}

    def restore_snapshot(self, snapshot: Mapping) -> None:
        """Restores the state that `snapshot` returned, bit for bit."""
        for env, state, age in zip(self.envs, snapshot["envs"], snapshot["ages"]):
            env.unwrapped.restore_snapshot(state)
            if isinstance(env, TimeLimit):
                env._elapsed_steps = age
        over = snapshot.get("over", np.zeros(self.num_envs, bool))  # earlier versions did not keep it
        self._autoreset_envs, self._env_obs = over.copy(), [env.unwrapped.last_observation() for env in self.envs]

    def _advance(self, ids, actions):
        """Takes a control step in simulations `ids` (k,); returns the error message of each of all simulations, or ""."""
        envs = [self.envs[i].unwrapped for i in ids]
        failures = np.full(self.num_envs, "", object)
        self._rewards = np.zeros(self.num_envs)
        self._rewards[ids], failures[ids] = take_steps(envs, actions[ids])
        self._terminations, self._truncations = failures != "", np.zeros(self.num_envs, bool)
        self._truncations[ids] = [_counted(self.envs[i]) for i in ids]
        for i, env in zip(ids, envs):
            self._env_obs[i] = env.last_observation()
        return failures

    def _infos(self, which, failures):
        """Returns the infos of this step of the simulations `which` (n,) bool, as Gymnasium's vectors do."""
        ids = np.flatnonzero(which)
        if not len(ids):
            return {}
        variables = [self.envs[i].unwrapped.last_safety_vars(copy=False) for i in ids]
        infos = spread(
            {
                "safety_vars": {name: np.array([row[name] for row in variables]) for name in variables[0]},
                "reward_terms": {"task": self._rewards[ids]},
                "physics_failed": self._terminations[ids],
            },
            which,
        )
        for i in ids[self._terminations[ids]]:
            infos = self._add_info(infos, {"physics_failure": failures[i]}, i)
        return infos

    def _final_infos(self, ended, failures):
        """Returns the entries of the infos that describe the ends of the episodes `ended` (n,) bool, if there are any."""
        if not ended.any():
            return {}
        infos = {"final_info": self._infos(ended, failures), "_final_info": ended.copy()}
        for i in np.flatnonzero(ended):
            infos = self._add_info(infos, {"final_obs": self._env_obs[i]}, i)
        return infos


def spread(rows: Mapping, which: np.ndarray) -> dict:
    """Returns an info (k, ...) of the simulations `which` (n,) bool as one of all n, with a mask for each entry."""
    infos = {}
    for name, part in rows.items():
        if isinstance(part, Mapping):
            infos[name] = spread(part, which)
        else:
            infos[name] = np.zeros((len(which), *part.shape[1:]), part.dtype)
            infos[name][which] = part
        infos[f"_{name}"] = which.copy()
    return infos


def _counted(env):
    """Counts a step of the episode; returns whether the limit of its length allows no more."""
    if not isinstance(env, TimeLimit):
        return False
    env._elapsed_steps += 1
    return env._elapsed_steps >= env._max_episode_steps


def _age(env):
    """Returns the number of steps of the current episode, if its length is limited."""
    return env._elapsed_steps if isinstance(env, TimeLimit) else 0
