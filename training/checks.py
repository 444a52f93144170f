"""Checks before a run folder is created: environment, spaces, learner, memory, and that a checkpoint can be saved."""

import os
from collections.abc import Sequence
from contextlib import closing

import numpy as np
from gymnasium.spaces import Box, Dict

from algorithms.learners import LEARNERS
from algorithms.vec_env import BatchVecEnv
from run_folder.action_spaces import check_spaces
from run_folder.learner_state import check_kept
from run_folder.observations import flat, parts
from run_folder.policy import architecture, deployable
from run_folder.snapshot import capture, pack
from training.config import TrainConfig
from training.goals import check_hindsight
from training.learners import smallest_model
from utils.console.options import refuse_idle


def check(config: TrainConfig, argv: Sequence[str] = ()) -> None:
    """Checks a new training: hyperparameters, seeds, command line, and everything that `check_environment` checks.

    Raises:
        ValueError: a value is not possible, or an option has no effect in this environment. The message is one sentence.
    """
    config.check_learner()
    config.check_new()
    _check_learner(config, argv)


def check_environment(config: TrainConfig) -> None:
    """Checks that an environment can be trained: makes one simulation, steps it, and makes the smallest learner for it.

    Raises:
        ValueError: the environment cannot be trained. The message is one sentence.
    """
    config.check_learner()
    config.check()
    _check_learner(config)


def idle_numbers(config: TrainConfig) -> dict[str, str]:
    """Returns the learner's hyperparameters, by dotted name, that have no effect in an environment -> the reason.

    Raises:
        ValueError: the environment cannot be made.
    """
    config.check()
    with closing(BatchVecEnv(config.make_evaluation_env(1, 0))) as env:
        return _idle(config, env)


def _check_learner(config, argv=()):
    check_hindsight(config)
    with closing(config.make_trial_env()) as env:
        _check_spaces(config, env)
        refuse_idle(argv, _idle(config, env))
        _check_memory(config, env)
        capture(env)  # the next capture refuses constants that the step replaces
        _check_step(config, env)
        pack(capture(env), {})  # raises now, not after hours, if a checkpoint cannot save the environment
        model = smallest_model(config, env)
        architecture(deployable(model, model.get_env())[0])
        check_kept(model)


def _check_spaces(config, env):
    try:
        check_spaces(env.observation_space, env.action_space, config.algo)
    except ValueError as error:
        raise ValueError(f"{config.env_id} cannot be trained: {error}") from error


def _idle(config, env):
    """Returns the fields that have no effect with this action space -> the reason."""
    if isinstance(env.action_space, Box):
        return {}
    kind = type(env.action_space).__name__
    reason = f"the actions of {config.env_id} are {kind}, which have no standard deviation"
    return {f"{name}.{row.std_field}": reason for name, row in LEARNERS.items() if row.std_field}


def _check_memory(config, env):
    """Raises ValueError if the learner's buffer is larger than the machine's memory."""
    observation, actions = env.observation_space, int(np.prod(env.action_space.shape))
    vectors = observation.spaces.values() if isinstance(observation, Dict) else [observation]
    size = sum(vector.shape[0] * vector.dtype.itemsize for vector in vectors)
    needed = config.learner.memory * (2 * size + 4 * (actions + 3))
    available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > available:
        name = f"{config.algo}.{LEARNERS[config.algo].memory_field}"
        raise ValueError(f"{name} asks for {needed / 1e9:,.1f} GB of memory, this machine has {available / 1e9:,.1f} GB")


def _check_step(config, env):
    """Raises ValueError if a reset or a step fails, or returns observations of another shape than the space."""
    try:
        first = env.reset()
        second, *_ = env.step(np.array([env.action_space.sample()]))
    except Exception as error:  # a third-party environment may raise anything
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(f"{config.env_id} fails in its first step: {type(error).__name__}: {reason}") from error
    for observation in (first, second):
        if not np.isfinite(flat(observation, (*parts(env.observation_space),))).all():
            raise ValueError(f"{config.env_id} gives observations that are not finite in its first step")
