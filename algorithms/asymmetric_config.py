"""Config of PPO with a privileged critic, symmetric networks, an encoder of the history and an estimator."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from algorithms.adaptive_update import UpdateOptions
from algorithms.history_options import HistoryOptions
from algorithms.ppo import PpoConfig
from algorithms.reader_shape import layers
from utils.fields import FieldError, within
from utils.mirror import Symmetry

LONGEST_WARM_UP = 200_000  # control steps
TRIED = 64  # number of observations for the check whether a policy is symmetric


@dataclass(frozen=True)
class AsymmetricPpoConfig(UpdateOptions, HistoryOptions, PpoConfig):
    """Config of PPO with a privileged critic and symmetric networks."""

    after_start = ("critic_warm_up",)
    replacing: ClassVar = {"std_schedule": ("std_floor", "log_std_init", "ent_coef")}

    privileged: bool = True
    """Let the critic read what only the simulator knows, such as the ground's heights. The trained policy does not."""
    symmetric: bool = True
    """Make the networks symmetric: the policy's action for the mirror image of an observation is the mirrored action. For
    environments that declare a left-right symmetry."""
    critic_reads: Literal["everything", "privileged", "newest"] = "everything"
    """Part of the observation for the critic: everything; the privileged part alone, for tasks whose privileged rows
    include the policy's values; or the newest frames of the policy's part, which the actor's layers also read."""
    critic_arch: tuple[int, ...] | None = layers(None)
    """Widths of the hidden layers of the critic; None for those of net_arch."""
    critic_warm_up: int | None = within(None, 0)
    """Control steps after a warm start in which only the critic learns: advantages from a critic that does not know the
    policy, or the task, would ruin the policy. Default: 5 % of the training, at most 200,000."""
    clip_range_vf: float | None = within(None, above=0)
    """Clipping range of values: the value loss is the larger one of those with and without a limit to the change of the
    value since the rollout, in standard deviations of the return. None for no limit."""

    @property
    def idle(self) -> dict[str, str]:
        """Fields that have no effect -> the reason."""
        idle = super().idle | self.idle_networks | self.idle_limits | self.replaced()
        return idle if self.desired_kl is None else idle | {"final_learning_rate": "the learning rate follows desired_kl"}

    def check(self) -> None:
        """Raises FieldError as PpoConfig does, or if options contradict each other."""
        super().check()
        self.check_first(self.learning_rate, math.exp(self.log_std_init))
        self._check_reading()
        if self.symmetric:
            self._check_widths()
            self.check_symmetric()

    def check_length(self, total_timesteps: int) -> None:
        """Raises FieldError if the actor would never learn."""
        if (self.critic_warm_up or 0) >= total_timesteps:
            words = f"must be below total_timesteps, {total_timesteps:,}, got {self.critic_warm_up:,}"
            raise FieldError("critic_warm_up", f"{words}: the actor would never learn")

    def started(self, total_timesteps: int) -> Self:
        """Returns the config of a training of that many steps that starts from a policy."""
        usual = min(LONGEST_WARM_UP, total_timesteps // 20)
        return self if self.critic_warm_up is not None else replace(self, critic_warm_up=usual)

    def check_env(self, env: VecEnv) -> None:
        """Raises FieldError if the environment lacks what an option needs."""
        if self.symmetric:
            symmetry_of(env)
        self.shape(env)

    def check_start(self, act: Callable[[np.ndarray], np.ndarray], env: VecEnv) -> None:
        """Raises FieldError if networks must be symmetric, and the policy `act` is not."""
        if not self.symmetric:
            return
        observation, action = symmetry_of(env)
        mirror = observation.part(env.observation_groups["policy"])
        seen = np.random.default_rng(0).normal(size=(TRIED, len(mirror)))
        if not np.allclose(act(mirror(seen)), action(act(seen)), atol=1e-3):
            raise FieldError("symmetric", "must be False: that policy is not symmetric")

    def arguments(self) -> dict:
        """Returns the arguments of `AsymmetricPPO`."""
        history = HistoryOptions(**self.named(*HistoryOptions.__dataclass_fields__))
        limits = UpdateOptions(**self.named(*UpdateOptions.__dataclass_fields__))
        own = self.named("symmetric", "critic_reads", "clip_range_vf")
        return super().arguments() | own | {"critic_warm_up": self.critic_warm_up or 0, "history": history, "limits": limits}

    def policy_arguments(self) -> dict:
        """Returns the initial standard deviation of actions, and the hidden layers if the critic has others."""
        more = super().policy_arguments()
        if self.critic_arch is None:
            return more
        return more | {"net_arch": {"pi": list(self.net_arch), "vf": list(self.critic_arch)}}

    def _check_reading(self):
        """Raises FieldError if the critic or the estimator reads what is not there, or nobody reads what is."""
        newest = self.critic_reads == "newest"
        if not self.privileged:
            for name, wrong, value in (("estimate", True, False), ("critic_reads", "privileged", "everything")):
                if getattr(self, name) == wrong:
                    raise FieldError(name, f"must be {value} without privileged observations")
        if newest and not (self.encodes or self.estimate):
            raise FieldError("critic_reads", "must be everything or privileged without an encoder and without an estimator")
        if newest and self.privileged and not self.estimate:
            raise FieldError("privileged", "must be False: neither the critic nor an estimator reads it")

    def _check_widths(self):
        for name, widths in (("net_arch", self.net_arch), ("critic_arch", self.critic_arch or ())):
            if any(width % 2 for width in widths):
                raise FieldError(name, f"must have even widths for symmetric networks, got {widths}")


def symmetry_of(env: VecEnv) -> Symmetry:
    """Returns the symmetry that an environment, a BatchVecEnv or a wrapper of one, declares.

    Raises:
        FieldError: it declares none.
    """
    if env.symmetry is None:
        raise FieldError("symmetric", "must be False: the environment declares no left-right symmetry")
    return env.symmetry
