"""Builds the model of a training from its config."""

from dataclasses import replace

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecNormalize

from algorithms.learners import LEARNERS
from algorithms.vec_env import BatchVecEnv
from training.config import TrainConfig
from training.goals import replay_arguments


def make_model(config: TrainConfig, env: VecNormalize) -> BaseAlgorithm:
    """Returns an untrained model with the config's hyperparameters."""
    return LEARNERS[config.algo].make(config.numbers, env, config.seed, **replay_arguments(config))


def smallest_model(config: TrainConfig, env: BatchVecEnv) -> BaseAlgorithm:
    """Returns a model with the config's networks and the smallest buffer, for checks with one simulation `env`."""
    smallest = replace(config.learner, **LEARNERS[config.algo].smallest)
    return make_model(replace(config, num_envs=None, **{config.algo: smallest}), VecNormalize(env))
