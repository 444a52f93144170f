"""What a vector of single environments, stepped one after the other, is made of."""

from collections.abc import Callable

import gymnasium as gym
from gymnasium.wrappers import TimeLimit


def env_makers(
    make: Callable[..., gym.Env], num_envs: int, steps: int | None, render_mode: str | None, **pictures
) -> list[Callable[[], gym.Env]]:
    """Returns what makes each of `num_envs` environments; mode "human" shows the first of them.

    Args:
        make: makes one environment from `render_mode` and the options of pictures.
        num_envs: how many.
        steps: after which an episode is cut off; None for no limit.
        render_mode: None or a mode of the environment.
        **pictures: width, height, camera_name or camera_id.
    """

    def made(shown):
        return make(**shown) if steps is None else TimeLimit(make(**shown), steps)

    first = {"render_mode": render_mode, **pictures}
    others = {} if render_mode == "human" else first
    return [lambda shown=shown: made(shown) for shown in (first, *[others] * (num_envs - 1))]
