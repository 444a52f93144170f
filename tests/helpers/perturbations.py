"""Parameters that environments let users perturb."""

from contextlib import closing

import gymnasium as gym


def ranges_of(env_id: str) -> dict[str, list[float]]:
    """Returns the whole range [low, high] of each parameter of an id, by name."""
    with closing(gym.make(env_id)) as env:
        return {name: [own.low, own.high] for name, own in env.unwrapped.perturbations.items()}
