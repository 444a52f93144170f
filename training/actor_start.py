"""Warm start of a learner whose saved policies have no critic: weights, and statistics of what the critic reads.

The checkpoint of a training has its critic and all statistics. A policy without one, as a shipped policy, gives the actor.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from copy import deepcopy

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm

from algorithms.policies import actor_weights
from evaluation.held_out_seeds import first_simulation_seed
from run_folder.runs import Run
from training.config import TrainConfig
from training.learners import smallest_model

WEIGHT, OBSERVED = "weight.", "observed."  # names of arrays begin with them
SIMULATIONS, STEPS = 64, 300  # in which the policy is played for statistics
CONSTANT = 0.01  # share of a column's measured variance below which its saved variance is that of a constant


def critic_arrays(everything: Mapping, config: TrainConfig) -> dict[str, np.ndarray]:
    """Returns all weights and statistics of observations of a checkpoint by name; empty if the training has other networks.

    Args:
        everything: what `run_folder.training_state.read_training` returns.
        config: config of the training that starts.
    """
    weights, statistics = everything["learner"]["policy"], everything["statistics"][0]
    with closing(config.make_trial_env()) as env:
        wanted = smallest_model(config, env).policy.state_dict()
        same = len(statistics["mean"]) == env.observation_space.shape[0] and _sizes(weights) == _sizes(wanted)
    if not same:
        return {}
    arrays = {WEIGHT + name: tensor.numpy() for name, tensor in weights.items()}
    return arrays | {OBSERVED + name: np.asarray(value) for name, value in statistics.items()}


def has_critic(arrays: Mapping) -> bool:
    """Returns whether the arrays of a start contain weights of a critic."""
    return any(name.startswith(WEIGHT) for name in arrays)


def start_actor(model: BaseAlgorithm, source: Run, arrays: Mapping, config: TrainConfig) -> None:
    """Copies weights, and gives the model's VecNormalize statistics of observations.

    Those of the actor's part are saved, and stay about as they are, so that the actor acts as before. Those of the
    remaining part are saved in `arrays`, or measured while the policy plays with all of the randomisation of the training;
    columns that were constant and are no longer are measured, too.

    Args:
        model: an untrained model.
        source: the policy to start from.
        arrays: of `critic_arrays`; without weights the critic stays as it is.
        config: config of the training.
    """
    policy, running, saved = model.policy, model.get_env().obs_rms, source.normalizer
    policy.copy_plain(actor_weights(source.policy))
    if policy.actor_slice.stop < len(running.mean):
        measured, seen = _measured(deepcopy(running), model.policy, source, config)
        running.mean, running.var = measured.mean, measured.var
        if not has_critic(arrays) and policy.estimated:
            running.mean[policy.estimated], running.var[policy.estimated] = scale_of(*seen)
    if has_critic(arrays):
        policy.load_state_dict({name: torch.from_numpy(arrays[WEIGHT + name]) for name in policy.state_dict()})
        varied = arrays[OBSERVED + "var"] >= CONSTANT * running.var
        running.mean = np.where(varied, arrays[OBSERVED + "mean"], running.mean)
        running.var = np.where(varied, arrays[OBSERVED + "var"], running.var)
    part = policy.actor_slice
    running.mean[part], running.var[part], running.count = saved.mean, saved.var, saved.count


def scale_of(estimates: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns mean and variance (e,) with which normalised `values` (n, e) are what an estimator learned to return.

    A saved policy does not contain them. If each estimate is the expected normalised value, then the covariance of values
    and estimates is the standard deviation times the variance of the estimates. Columns whose estimates say nothing about
    the values keep the mean and variance of the values.
    """
    shift, centre = estimates.mean(axis=0), values.mean(axis=0)
    covariance = ((estimates - shift) * (values - centre)).mean(axis=0)
    deviation = covariance / np.maximum(estimates.var(axis=0), 1e-12)
    informed = deviation > 0.1 * values.std(axis=0)
    return np.where(informed, centre - deviation * shift, centre), np.where(informed, deviation**2, values.var(axis=0))


def _sizes(weights):
    return {name: tensor.shape for name, tensor in weights.items()}


def _measured(running, policy, source, config):
    """Returns `running` with statistics of the played policy's observations, and the estimates and their true values."""
    estimates, values = [], []
    for observations in _played(source, config, policy):
        running.update(observations)
        estimates.append(_estimates(policy, source.normalizer(observations[:, policy.actor_slice])))
        values.append(observations[:, policy.estimated])
    return running, (np.concatenate(estimates), np.concatenate(values))


def _played(source: Run, config: TrainConfig, policy) -> Iterator[np.ndarray]:
    """Yields the observations (n, k) of STEPS steps of the policy, with their mirror images for symmetric networks."""
    with closing(config.make_trial_env(SIMULATIONS)) as env:
        env.seed(first_simulation_seed(config.seed))
        observations = env.reset()
        for _ in range(STEPS):
            mirrored = [] if policy.symmetry is None else [policy.symmetry.observation(observations)]
            yield np.concatenate([observations, *mirrored])
            observations, *_ = env.step(source.act(observations[:, policy.actor_slice]))


@torch.no_grad()
def _estimates(policy, observations):
    """Returns the estimates (n, e) for the actor's part of normalised observations; (n, 0) without an estimator."""
    if not policy.estimated:
        return np.zeros((len(observations), 0))
    return policy.estimates(torch.as_tensor(observations, dtype=torch.float32)).numpy().astype(float)
