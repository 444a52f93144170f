"""Builds the single environments of a vector that steps them one after the other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import gymnasium as gym
from gymnasium.wrappers import TimeLimit


@dataclass(frozen=True)
class EnvMaker:
    """Makes one environment when called, with a limit of `steps` if it is not None. It can be pickled if `make` can."""

    make: Callable[..., gym.Env]
    steps: int | None
    pictures: Mapping

    def __call__(self) -> gym.Env:
        env = self.make(**self.pictures)
        return env if self.steps is None else TimeLimit(env, self.steps)


def env_makers(
    make: Callable[..., gym.Env], num_envs: int, steps: int | None, render_mode: str | None, **pictures
) -> list[EnvMaker]:
    """Returns one maker for each of `num_envs` environments; mode "human" shows the first of them.

    Args:
        make: makes one environment from `render_mode` and the picture options.
        num_envs: number of environments.
        steps: number of steps after which an episode is truncated; None for no limit.
        render_mode: None or a mode of the environment.
        **pictures: width, height, camera_name or camera_id.
    """
    first = {"render_mode": render_mode, **pictures}
    others = {} if render_mode == "human" else first
    return [EnvMaker(make, steps, options) for options in (first, *[others] * (num_envs - 1))]
