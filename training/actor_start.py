"""Warm start of a learner whose saved policies have no critic: weights, and statistics of what the critic reads.

The checkpoint of a training has its critic and all statistics. A policy without one, as a shipped policy, gives the actor.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing

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
RARE = 1e-4  # variance of a measured column below which it has varied too little for a scale
STILL = 1e-6  # variance below which a column was constant in a training; SB3's statistics begin at 1 with the weight 1e-4
CORRELATED = 0.3  # least correlation of estimates with the true values


def critic_arrays(everything: Mapping, config: TrainConfig) -> dict[str, np.ndarray]:
    """Returns the critic's weights and statistics of observations of a checkpoint by name; empty if the networks differ.

    Args:
        everything: what `run_folder.training_state.read_training` returns.
        config: config of the training that starts.

    Raises:
        ValueError: a weight or a statistic is not finite, or a variance is negative.
    """
    weights, statistics = everything["learner"]["policy"], everything["statistics"][0]
    with closing(config.make_trial_env()) as env:
        wanted = smallest_model(config, env).policy.state_dict()
        size = env.observation_space.shape
    if np.shape(statistics["mean"]) != size or _kinds(weights) != _kinds(wanted):
        return {}
    arrays = {WEIGHT + name: tensor.numpy() for name, tensor in weights.items() if "value_net" in name}
    arrays |= {OBSERVED + name: np.asarray(statistics[name], float) for name in ("mean", "var")}
    if arrays[OBSERVED + "var"].shape != size or not all(np.isfinite(values).all() for values in arrays.values()):
        raise ValueError("its critic or its statistics are not finite numbers of the right size")
    if (arrays[OBSERVED + "var"] < 0.0).any():
        raise ValueError("a variance of its observations is negative")
    return arrays


def has_critic(arrays: Mapping) -> bool:
    """Returns whether the arrays of a start contain weights of a critic."""
    return any(name.startswith(WEIGHT) for name in arrays)


def start_actor(model: BaseAlgorithm, source: Run, arrays: Mapping, config: TrainConfig) -> None:
    """Copies weights, and gives the model's VecNormalize statistics of observations.

    Those of the actor's part are saved, and stay about as they are, so that the actor acts as before. Those of the
    remaining part are saved in `arrays`. Where they are not, or where a column was constant, they are measured while the
    policy plays with the randomisation of an evaluation. Columns that hardly vary then, such as rare pushes, get variance 1.

    Args:
        model: an untrained model.
        source: the policy to start from.
        arrays: of `critic_arrays`; without weights the critic stays as it is.
        config: config of the training.
    """
    policy, running, saved = model.policy, model.get_env().obs_rms, source.normalizer
    policy.copy_plain(actor_weights(source.policy))
    if policy.actor_slice.stop < len(running.mean):
        for observations in _played(source, config, policy.actor_slice):
            running.update(observations)
    measured = running.var
    running.var = np.where(measured < RARE, 1.0, measured)
    if has_critic(arrays):
        _start_critic(policy, running, measured, arrays)
    elif policy.estimated:
        running.mean[policy.estimated], running.var[policy.estimated] = _estimated(policy, source, config)
    part = policy.actor_slice
    running.mean[part], running.var[part], running.count = saved.mean, saved.var, saved.count


def scale_of(estimates: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns mean and variance (e,) with which normalised `values` (n, e) are what an estimator learned to return.

    A saved policy does not contain them. If each estimate is the expected normalised value, then the covariance of values
    and estimates is the standard deviation times the variance of the estimates. Columns whose estimates hardly correlate
    with the values keep the mean and variance of the values.
    """
    shift, centre = estimates.mean(axis=0), values.mean(axis=0)
    covariance = ((estimates - shift) * (values - centre)).mean(axis=0)
    informed = covariance > CORRELATED * estimates.std(axis=0) * values.std(axis=0)
    deviation = covariance / np.maximum(estimates.var(axis=0), 1e-12)
    return np.where(informed, centre - deviation * shift, centre), np.where(informed, deviation**2, values.var(axis=0))


def _kinds(weights):
    return {name: (tensor.shape, tensor.dtype) for name, tensor in weights.items()}


def _start_critic(policy, running, measured, arrays):
    """Copies the critic's weights, and its statistics but for columns that were constant and vary now, as `measured`."""
    weights = {name: torch.from_numpy(arrays[WEIGHT + name]) for name in policy.state_dict() if WEIGHT + name in arrays}
    policy.load_state_dict(weights, strict=False)
    varied = arrays[OBSERVED + "var"] > np.maximum(CONSTANT * measured, STILL)
    running.mean = np.where(varied, arrays[OBSERVED + "mean"], running.mean)
    running.var = np.where(varied, arrays[OBSERVED + "var"], running.var)


def _estimated(policy, source, config):
    """Returns mean and variance (e,) of the estimated columns, on nominal robots, whose estimates are the best.

    Columns that hardly vary there, as properties of the robot, have the scale of randomised robots, or the variance 1.
    """
    estimates, values = _pairs(policy, source, config, nominal=True)
    mean, variance = scale_of(estimates, values)
    if (still := values.var(axis=0) < RARE).any():
        mean, variance = np.where(still, scale_of(*_pairs(policy, source, config)), (mean, variance))
    return mean, np.where(variance < RARE, 1.0, variance)


def _pairs(policy, source, config, nominal=False):
    """Returns estimates and true values (n, e) of steps that the policy plays, and of their mirror images."""
    estimates, values = [], []
    for observations in _played(source, config, policy.actor_slice, nominal):
        mirrored = [] if policy.symmetry is None else [policy.symmetry.observation(observations)]
        seen = np.concatenate([observations, *mirrored])
        estimates.append(_estimates(policy, source.normalizer(seen[:, policy.actor_slice])))
        values.append(seen[:, policy.estimated])
    return np.concatenate(estimates), np.concatenate(values)


def _played(source: Run, config: TrainConfig, part: slice, nominal: bool = False) -> Iterator[np.ndarray]:
    """Yields the observations (SIMULATIONS, k) of STEPS steps of the policy, which reads `part` of them."""
    with closing(config.make_trial_env(SIMULATIONS, nominal)) as env:
        env.seed(first_simulation_seed(config.seed))
        observations = env.reset()
        for _ in range(STEPS):
            yield observations
            observations, *_ = env.step(source.act(observations[:, part]))


@torch.no_grad()
def _estimates(policy, observations):
    """Returns the estimates (n, e) for the actor's part of normalised observations."""
    return policy.estimates(torch.as_tensor(observations, dtype=torch.float32)).numpy().astype(float)
