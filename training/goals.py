"""Hindsight experience replay (Andrychowicz et al., 2017) for goal environments: setup and checks."""

from contextlib import closing

import numpy as np
from gymnasium.spaces import Dict
from stable_baselines3.common.vec_env import VecNormalize
from stable_baselines3.her import HerReplayBuffer

from algorithms.learners import LEARNERS, names_with
from algorithms.vec_env import BatchVecEnv
from training.config import TrainConfig

PARTS = ("achieved_goal", "desired_goal", "observation")
TRIED = 3  # number of goals for comparing compute_reward of a batch with compute_reward of single goals


def replay_arguments(config: TrainConfig) -> dict:
    """Returns the arguments of a learner that enable hindsight; empty if the config does not ask for hindsight."""
    if not config.her:
        return {}
    goals = {"n_sampled_goal": 4, "goal_selection_strategy": "future"}  # as in the paper
    return {"replay_buffer_class": HerReplayBuffer, "replay_buffer_kwargs": goals}


def make_normalizer(config: TrainConfig, env: BatchVecEnv) -> VecNormalize:
    """Returns the simulations with normalised observations and rewards.

    With hindsight, desired and achieved goals share their statistics, because achieved goals replace desired goals. Rewards
    are then not normalised: most of them are computed again and never pass the normaliser.
    """
    numbers = config.learner
    normalizer = VecNormalize(env, norm_reward=not config.her, clip_obs=numbers.clip_obs, gamma=numbers.gamma)
    if config.her:
        normalizer.obs_rms["desired_goal"] = normalizer.obs_rms["achieved_goal"]
    return normalizer


def check_hindsight(config: TrainConfig) -> None:
    """Raises ValueError if `config` asks for hindsight and the algorithm, environment or hyperparameters do not allow it."""
    if config.her:
        with closing(BatchVecEnv(config.make_evaluation_env(TRIED, 0))) as env:
            _check_goals(config, env)
            _check_reward(config, env)
            _check_length(config, env)


def _check_goals(config, env):
    if not LEARNERS[config.algo].hindsight:
        first, *others = names_with("hindsight")
        titles = " and ".join(LEARNERS[name].title for name in (first, *others))
        raise ValueError(f"her needs {titles}, and this training has --algo {config.algo}: give --algo {first}")
    space = env.observation_space
    if not (isinstance(space, Dict) and {*PARTS} <= {*space.spaces}):
        raise ValueError(
            f"her needs an environment whose observation is a dictionary with {', '.join(PARTS)}, and {config.env_id} with "
            f"{config.env_arguments} has {_kind(space)}; some environments, such as ShadowHandBlock-v0, have one with "
            "--env-kwargs '{observation: goal}'"
        )
    if space["achieved_goal"].shape != space["desired_goal"].shape:
        shapes = f"{space['achieved_goal'].shape} and {space['desired_goal'].shape}"
        raise ValueError(f"her needs achieved_goal and desired_goal of the same shape, {config.env_id} has {shapes}")


def _check_reward(config, env):
    """Raises ValueError if compute_reward is missing or does not accept batches of goals."""
    reward = lambda first, second: env.env_method("compute_reward", first, second, [{}] * len(first), indices=[0])[0]  # noqa: E731
    observation = env.reset()
    achieved, desired = observation["achieved_goal"], observation["desired_goal"][::-1]
    try:
        rewards = reward(achieved, desired)
        each = [reward(achieved[i : i + 1], desired[i : i + 1])[0] for i in range(TRIED)]
    except AttributeError as error:
        raise ValueError(f"her needs {config.env_id} to have compute_reward: {error}") from error
    except Exception as error:  # an environment may raise anything
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"her: compute_reward of {config.env_id} does not accept n goals (n, k): {reason}") from error
    if np.shape(rewards) != (TRIED,) or not np.allclose(rewards, each):
        raise ValueError(f"her: compute_reward of {config.env_id} must return n rewards for n goals (n, k), got {rewards!r}")


def _check_length(config, env):
    """Raises ValueError if learning starts before an episode has ended, or if the buffer is shorter than an episode."""
    numbers, steps = config.learner, config.episode_steps or env.episode_steps
    if steps is None:
        raise ValueError(
            f"her learns from whole episodes, and {config.env_id} has no known limit of steps: give --episode-steps"
        )
    least = steps * numbers.num_envs
    for name in ("learning_starts", "buffer_size"):
        if getattr(numbers, name) < least:
            raise ValueError(
                f"her learns from whole episodes: {config.algo}.{name} must be at least {least:,} "
                f"({steps} steps x {numbers.num_envs} simulations), got {getattr(numbers, name):,}"
            )


def _kind(space):
    return f"one with {', '.join(space.spaces)}" if isinstance(space, Dict) else f"a vector {space.shape}"
