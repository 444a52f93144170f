"""Vectors of single environments."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.vector.utils import iterate
from gymnasium.wrappers import TimeLimit

from envs.arguments import autoreset, checked_numbers, refuse_options, step_limit
from envs.lifecycle import check_all


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


class SinglesVector(SyncVectorEnv):
    """Gymnasium's vector of single environments, which also may reset some of them before it has reset all.

    A step or reset that is refused changes no simulation. Simulations that were never reset have observations of zeros.

    Args:
        make, num_envs, render_mode, **pictures: as in `env_makers`.
        max_episode_steps: number of steps after which an episode is truncated; None or -1 for no limit.
        autoreset_mode: Gymnasium's mode or its name.
    """

    def __init__(self, make, num_envs, max_episode_steps=None, render_mode=None, autoreset_mode="same_step", **pictures):
        makers = env_makers(make, num_envs, step_limit(max_episode_steps), render_mode, **pictures)
        super().__init__(makers, autoreset_mode=autoreset(autoreset_mode))
        self._env_obs = [*iterate(self.observation_space, deepcopy(self._observations))]

    def reset(self, *, seed=None, options=None):
        refuse_options(options, ("reset_mask",))  # Gymnasium's class forgets ended episodes before a reset is refused
        return super().reset(seed=seed, options=None if options is None else dict(options))

    def step(self, actions):
        self.check_step()
        return super().step(self._checked(actions))

    def check_step(self) -> None:
        """Raises ClosedEnvironmentError after `close`, and ResetNeeded if a simulation must be reset first."""
        for env in self.envs:
            env.unwrapped.check_step()
        if self.autoreset_mode == AutoresetMode.DISABLED:
            check_all(~self._autoreset_envs, "have ended")

    def _checked(self, actions):
        """Returns the actions (n, a) as numbers; those of simulations that start a new episode in this step become 0."""
        actions = np.array(actions)
        if self.autoreset_mode == AutoresetMode.NEXT_STEP and actions.shape == self.action_space.shape:
            actions[self._autoreset_envs] = 0
        return checked_numbers(actions, self.action_space.shape)
