"""Random control steps for the tests of smoothness losses."""

import numpy as np
import torch

from algorithms.smoothness import DISTANCES, Steps

B, K, A = 64, 5, 3  # control steps, entries of an observation, actions


def steps(policy, seed=0, radius=0.2, actions=A, distance="jeffreys", inner_steps=3):
    """Returns random steps of which every fourth ends its episode."""
    draws = torch.Generator().manual_seed(100)
    observations, later, taken = (torch.randn(B, size, generator=draws) for size in (K, K, actions))
    widths = torch.as_tensor(radius).expand(K) if np.ndim(radius) == 0 else torch.tensor(radius)
    return Steps(
        policy=policy,
        observations=observations,
        actions=taken,
        following=later,
        same_episode=torch.arange(B) % 4 != 3,
        radius=widths,
        chosen=widths > 0,
        distance=DISTANCES[distance],
        inner_steps=inner_steps,
        generator=torch.Generator().manual_seed(seed),
    )
