"""The two faces of a `ChallengeWrapper`: a `gymnasium.Wrapper` and a `VectorWrapper` that call its hooks."""

from collections.abc import Mapping

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import AutoresetMode, VectorWrapper
from gymnasium.vector.utils import batch_space, create_empty_array

from envs.arguments import seeds_of
from envs.lifecycle import check_step
from envs.wrappers.batches import concatenate, copy_batch, rows_or_none, select, write
from envs.wrappers.layout import Layout
from utils.vector_infos import info_of_step

ONE = np.array([0])
_AT_ENDS = {"final_obs", "_final_obs", "final_info", "_final_info", "reset_info"}


class SingleFace(gym.Wrapper, RecordConstructorArgs):
    """Calls the hooks of a `ChallengeWrapper` around a single environment."""

    num_envs = 1

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if SingleFace in cls.__bases__:  # a class derived from a face is built only by its name
            cls.__bases__[0].single_face = cls

    def __init__(self, env):
        super().__init__(env)
        # An entry point that adds this wrapper adds it whenever it makes the environment: `spec` must not add it again.
        self._is_recorded = env.spec is not None

    @property
    def spec(self):
        """The registration of the environment with this wrapper, unless the environment's entry point adds the wrapper."""
        return super().spec if self._is_recorded else self.env.spec

    def reset(self, *, seed=None, options=None):
        if seed is not None:
            self._seed([seed], ONE)
        self._before_reset(ONE)
        observation, info = self.env.reset(seed=seed, options=options)
        self._start_episodes(ONE, info)
        self._report(info)
        return self._changed(observation), info

    def step(self, action):
        check_step(self)
        action = self._change_actions(self._checked(action)[None], ONE)[0]
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._report(info)
        reward = float(self._change_rewards(np.array([reward], float), info, ONE)[0])
        return self._changed(observation), reward, terminated, truncated, info

    def _changed(self, observation):
        if not isinstance(observation, Mapping):
            return self._change_observations(np.asarray(observation)[None], ONE)[0]
        batch = {name: np.asarray(part)[None] for name, part in observation.items()}
        return select(self._change_observations(batch, ONE), (0, ...))

    def _set_layout(self, layout: Layout) -> None:
        self.layout, self.observation_space = layout, layout.space

    def _info_value(self, values):
        """Returns the value of the only simulation, from (1, ...), in the form of an info entry."""
        return values[0].item() if values.ndim == 1 else values[0].copy()


class VectorFace(VectorWrapper):
    """Calls the hooks of a `ChallengeWrapper` around a vector environment, in every autoreset mode."""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if VectorFace in cls.__bases__:  # a class derived from a face is built only by its name
            cls.__bases__[0].vector_face = cls

    def __init__(self, env):
        super().__init__(env)
        mode = env.metadata.get("autoreset_mode")
        self._same_step, self._next_step = mode == AutoresetMode.SAME_STEP, mode == AutoresetMode.NEXT_STEP
        self._all, self._over = np.arange(env.num_envs), np.zeros(env.num_envs, bool)
        self._last = None

    def reset(self, *, seed=None, options=None):
        ids = self._reset_ids(options)
        if seed is not None:
            seed = seeds_of(seed, self.num_envs)
            self._seed([seed[i] for i in ids], ids)
        self._before_reset(ids)
        observation, info = self.env.reset(seed=seed, options=None if options is None else dict(options))
        self._over[ids] = False
        self._start_episodes(ids, info)
        self._report(info)
        changed = self._change_observations(select(observation, ids), ids)
        if len(ids) == self.num_envs:
            return self._remembered(changed), info
        if self._last is None:  # the other simulations have never been reset
            self._last = create_empty_array(self.single_observation_space, self.num_envs, fn=np.zeros)
        return self._remembered(write(copy_batch(self._last), ids, changed)), info

    def step(self, actions):
        check_step(self)
        actions = self._checked(actions, self._over)
        if self._over.any():
            return self._step_after_ends(actions)
        actions = self._change_actions(actions, self._all)
        observation, reward, terminated, truncated, info = self.env.step(actions)
        ended = terminated | truncated
        if self._same_step and ended.any():
            reward, observation, info = self._handle_same_step(observation, reward, info, ended)
        else:
            self._over = ended & self._next_step
            self._report(info)
            reward = self._change_rewards(reward, info, self._all)
            observation = self._change_observations(observation, self._all)
        return self._remembered(observation), reward, terminated, truncated, info

    def _handle_same_step(self, observation, reward, info, ended):
        """Handles same-step autoreset: changes the last observations of ended episodes and the first of the new ones."""
        ids = np.flatnonzero(ended)
        last = write(copy_batch(observation), ids, select(info["final_obs"], ids))
        info = info_of_step(info, ended)
        self._report(info)
        reward = self._change_rewards(reward, info, self._all)
        last = self._change_observations(last, self._all)
        self._start_episodes(ids, info["reset_info"])
        self._report(info["reset_info"])
        changed = write(copy_batch(last), ids, self._change_observations(select(observation, ids), ids))
        info["final_obs"] = rows_or_none(last, ended) if isinstance(last, Mapping) else last
        info["final_info"] = {name: value for name, value in info.items() if name not in _AT_ENDS}
        return reward, changed, info

    def _step_after_ends(self, actions):
        """Handles next-step autoreset: ended simulations are reset in this step, and their actions are ignored."""
        ids, live = np.flatnonzero(self._over), np.flatnonzero(~self._over)
        changed = self._change_actions(actions[live], live)
        observation, reward, terminated, truncated, info = self.env.step(write(actions.astype(changed.dtype), live, changed))
        self._over = terminated | truncated
        self._start_episodes(ids, info)
        self._report(info)
        reward[live] = self._change_rewards(reward[live], info, live)
        continued = self._change_observations(select(observation, live), live)
        first = self._change_observations(select(observation, ids), ids)
        both, order = concatenate(continued, first), np.argsort(np.concatenate([live, ids]))
        return self._remembered(select(both, order)), reward, terminated, truncated, info

    def _reset_ids(self, options):
        mask = (options or {}).get("reset_mask")
        return self._all if mask is None else np.flatnonzero(mask)

    def _remembered(self, observation):
        """Stores the observations, because a reset of some simulations returns them for the others; returns a copy."""
        self._last = observation
        return copy_batch(observation)

    def _set_layout(self, layout: Layout) -> None:
        self.layout, self.single_observation_space = layout, layout.space
        self.observation_space = batch_space(layout.space, self.num_envs)

    def _info_value(self, values):
        """Returns the values (n, ...) of all simulations in the form of an info entry."""
        return values.copy()
