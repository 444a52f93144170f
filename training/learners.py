"""Builds the model of a training from its config."""

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecNormalize

from algorithms.learners import LEARNERS
from training.config import TrainConfig
from training.goals import replay_arguments


def make_model(config: TrainConfig, env: VecNormalize) -> BaseAlgorithm:
    """Returns an untrained model with the config's hyperparameters."""
    return LEARNERS[config.algo].make(config.learner, env, config.seed, **replay_arguments(config))
