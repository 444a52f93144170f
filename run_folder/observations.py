"""Conversion of dictionary observations to vectors: a policy on disk takes one vector of the parts in a fixed order.

SB3's MultiInputPolicy concatenates the parts in the same order and has the same weights as the policy for vectors.
"""

from collections.abc import Callable, Mapping

import numpy as np
from gymnasium.spaces import Box, Dict, Space
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.vec_env import VecNormalize


def parts(space: Space) -> dict[str, int]:
    """Returns the sizes of the parts of a dictionary space by name, in the order of the vector; empty for a vector space.

    Raises:
        ValueError: a part is not a vector of floats; for example, it is an image or another dictionary.
    """
    if not isinstance(space, Dict):
        return {}
    for name, part in space.spaces.items():
        if not (isinstance(part, Box) and len(part.shape) == 1 and part.dtype.kind == "f"):
            raise ValueError(f"every part of a dictionary observation must be a vector of floats, {name!r} is {part}")
    return {name: part.shape[0] for name, part in space.spaces.items()}


def flat(observation: np.ndarray | Mapping[str, np.ndarray], names: tuple[str, ...]) -> np.ndarray:
    """Returns an observation as one vector (..., k), a dictionary by concatenating its parts in the order `names`."""
    if not isinstance(observation, Mapping):
        return observation
    return np.concatenate([observation[name] for name in names], axis=-1)


def split(vector: np.ndarray, sizes: Mapping[str, int]) -> np.ndarray | dict[str, np.ndarray]:
    """Returns the parts (..., k_i) of a vector (..., k) by name; the vector itself if `sizes` is empty."""
    if not sizes:
        return vector
    return dict(zip(sizes, np.split(vector, np.cumsum([*sizes.values()])[:-1], axis=-1)))


def statistics(normalizer: VecNormalize) -> tuple[np.ndarray, np.ndarray, float]:
    """Returns mean (k,), variance (k,) and count of the observations of a VecNormalize, as vectors in the order of parts."""
    if not isinstance(normalizer.obs_rms, Mapping):
        running = normalizer.obs_rms
        return np.array(running.mean), np.array(running.var), float(running.count)
    running = [normalizer.obs_rms[name] for name in parts(normalizer.observation_space)]
    mean, var = (np.concatenate([getattr(rms, name) for rms in running]) for name in ("mean", "var"))
    return mean, var, float(min(rms.count for rms in running))


def set_statistics(normalizer: VecNormalize, mean: np.ndarray, var: np.ndarray, count: float) -> None:
    """Writes mean (k,), variance (k,) and count, as `statistics` returns them, into a VecNormalize."""
    sizes = parts(normalizer.observation_space)
    running = [normalizer.obs_rms[name] for name in sizes] if sizes else [normalizer.obs_rms]
    means, variances = ([*split(values, sizes).values()] if sizes else [values] for values in (mean, var))
    for rms, *values in zip(running, means, variances):
        rms.mean, rms.var, rms.count = values[0].copy(), values[1].copy(), count


def deterministic_policy(
    model: BaseAlgorithm | BasePolicy, normalize: Callable[[np.ndarray | Mapping], np.ndarray]
) -> Callable[[np.ndarray | Mapping], np.ndarray]:
    """Returns the current deterministic policy: raw observations, vectors (n, k) or dictionaries -> actions (n, a)."""
    sizes = parts(model.observation_space)
    return lambda observation: model.predict(split(normalize(observation), sizes), deterministic=True)[0]
