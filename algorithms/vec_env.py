"""Adapts a Gymnasium vector environment, which steps many simulations in one call, to Stable-Baselines3."""

import inspect
import time
from collections.abc import Sequence

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import load_env_creator
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode, VectorEnv
from stable_baselines3.common.vec_env import VecEnv

from utils.env_ids import OURS, registered
from utils.mirror import Symmetry
from utils.vector_access import call, owners, set_everywhere
from utils.vector_infos import SUCCESSES, info_of_step, numbers


class BatchVecEnv(VecEnv):
    """Wraps a vector environment with same-step autoreset as an SB3 VecEnv.

    At the end of an episode the info has the entries of SB3's `DummyVecEnv` and `Monitor`: `terminal_observation`,
    `TimeLimit.truncated` and `episode` (return `r`, length `l`, time `t`). In addition, `episode["terms"]` contains the sum
    of every reward term over the episode, and `episode["final"]` the last measurements. If these contain `is_success` or the
    number of `successes`, the info has `is_success` for SB3's success rate.
    `get_attr`, `set_attr` and `env_method` reach the vector environment, its wrappers, and its single environments if it has
    any. `indices` selects simulations; it is an error where simulations have no separate attribute.
    """

    transient = ("_started", "_was_reset")

    def __init__(self, env: VectorEnv):
        if env.metadata.get("autoreset_mode") != AutoresetMode.SAME_STEP:
            raise ValueError(f"{env} must start ended episodes in the same step (AutoresetMode.SAME_STEP)")
        self.env = env
        self.render_mode = env.render_mode
        self._actions = None
        self._started, self._was_reset = time.time(), False
        self._returns, self._lengths = np.zeros(env.num_envs), np.zeros(env.num_envs, int)
        self._term_sums: dict[str, np.ndarray] = {}
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)

    def reset(self):
        """Starts all episodes with the seeds and options that were set last; returns observations (n, k)."""
        seeds = None if all(seed is None for seed in self._seeds) else list(self._seeds)
        for options in self._grouped_options():
            observation, _ = self.env.reset(seed=seeds, options=options)
        self._was_reset = True
        self._reset_seeds()
        self._reset_options()
        self._returns[:] = self._lengths[:] = 0
        self._term_sums.clear()
        return observation

    def set_options(self, options=None):
        """Sets the options of the next reset: one mapping for all simulations, or a list with one mapping for each.

        Raises:
            ValueError: the list has another length.
        """
        if isinstance(options, Sequence) and len(options) != self.num_envs:
            raise ValueError(f"{self.num_envs} simulations need as many options, got {len(options)}")
        super().set_options(options)

    def step_async(self, actions):
        self._actions = actions

    def step_wait(self):
        observation, reward, terminated, truncated, info = self.env.step(self._actions)
        ended = terminated | truncated
        if ended.any():
            info = info_of_step(info, ended)
        self._count(reward, info.get("reward_terms", {}))
        infos = [{} for _ in range(self.num_envs)]
        for i in np.flatnonzero(ended):
            infos[i] = self._end_of_episode(i, info, bool(truncated[i] and not terminated[i]))
        self._forget(ended)
        return observation, reward.astype(np.float32), ended, infos

    def close(self):
        self.env.close()

    def get_images(self):
        return list(self.env.render() or ())

    def get_attr(self, attr_name, indices=None):
        targets = owners(self.env, attr_name)
        return [getattr(targets[i], attr_name) for i in self._chosen(indices)]

    def set_attr(self, attr_name, value, indices=None):
        set_everywhere(owners(self.env, attr_name), attr_name, value, self._chosen(indices))

    def env_method(self, method_name, *method_args, indices=None, **method_kwargs):
        targets = owners(self.env, method_name)
        if method_name == "compute_reward":  # depends only on its arguments, so any simulation can compute it
            return [np.asarray(targets[0].compute_reward(*method_args, **method_kwargs))] * len(self._chosen(indices))
        return call(targets, method_name, self._chosen(indices), method_args, method_kwargs)

    @property
    def observation_groups(self) -> dict[str, slice]:
        """Slices of the observation vector that the "policy" and the "critic" may use; by default both use all of it.

        Raises:
            ValueError: a wrapper has changed the size of the observation, and the slices of the environment do not fit.
        """
        size = self.observation_space.shape and self.observation_space.shape[0]  # None for dictionaries
        whole = slice(0, size)
        declared = self._declared("observation_groups", {})  # our wrappers around third-party environments have no groups
        groups = {"policy": whole, "critic": whole} | declared
        if groups["critic"] != whole:
            raise ValueError(f"a wrapper changes the observation to {size} values, which observation_groups do not describe")
        return groups

    @property
    def observation_rows(self) -> dict[str, slice]:
        """Slices of the observation vector by name of the row; empty if the environment names no rows.

        Raises:
            ValueError: as `observation_groups` does.
        """
        rows = self._declared("observation_rows", {})
        return rows if rows and self.observation_groups else {}  # raises if the slices do not fit

    @property
    def symmetry(self) -> Symmetry | None:
        """The left-right mirror images of observation and action; None if the environment declares none."""
        return self._declared("symmetry", None)

    @property
    def estimated_rows(self) -> dict[str, slice]:
        """Slices of the privileged rows that a policy may learn to estimate, by name; empty if there are none."""
        rows = self.observation_rows
        return {name: rows[name] for name in self._declared("estimated_rows", ())}

    @property
    def policy_frames(self) -> int:
        """The number of control steps that the policy's part of the observation consists of, oldest first."""
        return self._declared("policy_frames", 1)

    @property
    def newest_columns(self) -> np.ndarray:
        """The column with the current value for every column, (k,) int; a column that repeats no past gives itself."""
        return np.asarray(self._declared("newest_columns", np.arange(*self.observation_space.shape)))

    @property
    def current_columns(self) -> np.ndarray:
        """The columns of a flat observation that repeat no value of an earlier step, (k,) int."""
        return np.asarray(self._declared("current_columns", np.arange(*self.observation_space.shape)))

    @property
    def episode_steps(self) -> int | None:
        """The number of steps after which an episode is truncated; None if there is no known limit."""
        vector = self.env.unwrapped
        spec = vector.envs[0].spec if hasattr(vector, "envs") else vector.spec
        return getattr(spec, "max_episode_steps", None)

    def env_is_wrapped(self, wrapper_class, indices=None):
        # This class records episodes as SB3's Monitor does. Without this answer SB3 would warn that no Monitor does.
        from stable_baselines3.common.monitor import Monitor

        return [issubclass(wrapper_class, Monitor) for _ in self._get_indices(indices)]

    def _declared(self, name, default):
        """Returns an attribute of the environment or of a wrapper; `default` if none has it."""
        try:
            return self.get_attr(name, [0])[0]
        except AttributeError:
            return default

    def _chosen(self, indices):
        """Returns the chosen simulations as numbers from 0 on; raises IndexError for an unknown simulation."""
        return [range(self.num_envs)[i] for i in self._get_indices(indices)]

    def _grouped_options(self):
        """Yields the options of one reset for each group of simulations with equal options."""
        groups = []
        for options in self._options:
            if not any(data_equivalence(options, known) for known in groups):
                groups.append(options)
        masks = [np.array([data_equivalence(each, options) for each in self._options]) for options in groups]
        if len(groups) == 1 or not self._was_reset:  # a first reset must cover all simulations
            yield groups[0] or None
        for options, mask in list(zip(groups, masks)) * (len(groups) > 1):
            if self._was_reset or not mask[0]:
                yield options | {"reset_mask": mask}

    def _count(self, reward, terms):
        self._returns += reward
        self._lengths += 1
        for name, term in _measurements(terms):
            sums = self._term_sums.get(name)
            self._term_sums[name] = term.copy() if sums is None else sums + term

    def _end_of_episode(self, i, info, truncated):
        episode = {
            "r": float(self._returns[i]),
            "l": int(self._lengths[i]),
            "t": round(time.time() - self._started, 6),
            "terms": {name: float(sums[i]) for name, sums in self._term_sums.items()},
            "final": _final(info["final_info"], i),
        }
        end = {"episode": episode, "terminal_observation": info["final_obs"][i], "TimeLimit.truncated": truncated}
        reported = [bool(episode["final"][name]) for name in SUCCESSES if name in episode["final"]]
        return end | ({"is_success": reported[0]} if reported else {})

    def _forget(self, ended):
        self._returns[ended] = 0.0
        self._lengths[ended] = 0
        for sums in self._term_sums.values():
            sums[ended] = 0.0


def make_vector(env_id: str, num_envs: int, num_threads: int = 2, **kwargs) -> VectorEnv:
    """Returns `num_envs` simulations of a registered id, such as "envs:ResidualWalk-v0", with same-step autoreset.

    If the id has no vector entry point with same-step autoreset, single environments are stepped one after the other in
    this process. `num_threads` is used if the vector entry point has such an argument.
    """
    creator = registered(env_id.removeprefix(f"{OURS}:")).vector_entry_point
    if creator is not None and _same_step(creator := creator if callable(creator) else load_env_creator(creator)):
        threads = "num_threads" in inspect.signature(creator).parameters
        env = gym.make_vec(env_id, num_envs=num_envs, **kwargs, **({"num_threads": num_threads} if threads else {}))
        if env.metadata.get("autoreset_mode") == AutoresetMode.SAME_STEP:
            return env
        env.close()
    same_step = {"autoreset_mode": AutoresetMode.SAME_STEP}
    return gym.make_vec(env_id, num_envs=num_envs, vectorization_mode="sync", vector_kwargs=same_step, **kwargs)


def _same_step(creator):
    """Returns whether the metadata of a vector environment's class or function allows same-step autoreset."""
    return getattr(creator, "metadata", {}).get("autoreset_mode", AutoresetMode.SAME_STEP) == AutoresetMode.SAME_STEP


def make_batch_vec_env(env_id: str, num_envs: int, seed: int | None = None, **kwargs) -> BatchVecEnv:
    """Returns `num_envs` simulations of a registered id, such as "envs:ResidualWalk-v0", as a BatchVecEnv."""
    env = BatchVecEnv(make_vector(env_id, num_envs, **kwargs))
    env.seed(seed)
    return env


def _final(final_info, i):
    """Returns the last measurements that simulation i reported, by name."""
    all_true = np.ones(i + 1, bool)
    return {name: float(values[i]) for name, values in _measurements(final_info) if final_info.get(f"_{name}", all_true)[i]}


def _measurements(group):
    """Yields the names and values of numeric entries, one number per simulation; skips masks and other entries."""
    for name, values in group.items():
        if not name.startswith("_") and (values := numbers(values)) is not None:
            yield name, values
