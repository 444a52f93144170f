"""PPO whose critic reads privileged observations, and whose networks have the left-right symmetry of the task.

Asymmetric actor-critic: Pinto et al., 2017, arXiv:1710.06542. Symmetric networks are in `algorithms.asymmetric_policy`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import VecEnv

from algorithms.asymmetric_policy import AsymmetricPolicy
from algorithms.ppo import PPO, PpoConfig
from utils.fields import FieldError
from utils.mirror import Mirror, Symmetry

TRIED = 64  # number of observations for the check whether a policy is symmetric


@dataclass(frozen=True)
class AsymmetricPpoConfig(PpoConfig):
    """Config of PPO with a privileged critic and symmetric networks."""

    privileged: bool = True
    """Let the critic read what only the simulator knows, such as the ground's heights. The trained policy does not."""
    symmetric: bool = True
    """Make the networks symmetric: the policy's action for the mirror image of an observation is the mirrored action. For
    environments that declare a left-right symmetry."""

    def check(self) -> None:
        """Raises FieldError as PpoConfig does, or if symmetric networks have layers of an odd width."""
        super().check()
        if self.symmetric and any(width % 2 for width in self.net_arch):
            raise FieldError("net_arch", f"must have even widths for symmetric networks, got {self.net_arch}")

    def check_env(self, env: VecEnv) -> None:
        """Raises FieldError if `symmetric` is True and the environment declares no symmetry."""
        if self.symmetric:
            symmetry_of(env)

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
        return super().arguments() | {"symmetric": self.symmetric}


class SymmetricMeanStd(RunningMeanStd):
    """Running mean and variance of vectors and of their mirror images together, so that both are symmetric."""

    def __init__(self, mirror: Mirror):
        super().__init__(shape=(len(mirror),))
        self._mirror = mirror

    def update(self, arr: np.ndarray) -> None:
        """Adds vectors (n, k) and their mirror images."""
        super().update(np.concatenate([arr, self._mirror(arr)]))


class AsymmetricPPO(PPO):
    """PPO with an `AsymmetricPolicy`.

    Args:
        policy: ignored; SB3 passes the name of a policy.
        env: a BatchVecEnv or a wrapper of one; its `observation_groups` give the part of the observation for the actor.
        symmetric: make the networks, and the statistics of a VecNormalize, symmetric.
        policy_kwargs: as in SB3.

    Raises:
        FieldError: `symmetric` is True, and the environment declares no symmetry.
    """

    def __init__(self, policy, env: VecEnv, symmetric: bool = True, policy_kwargs: dict | None = None, **kwargs):
        reading = {"actor_slice": env.observation_groups["policy"]}
        if symmetric:
            reading["symmetry"] = symmetry_of(env)
        super().__init__(AsymmetricPolicy, env, policy_kwargs={**(policy_kwargs or {}), **reading}, **kwargs)
        normalizer = self.get_vec_normalize_env()
        if symmetric and normalizer is not None:
            normalizer.obs_rms = SymmetricMeanStd(reading["symmetry"].observation)


def symmetry_of(env: VecEnv) -> Symmetry:
    """Returns the symmetry that an environment, a BatchVecEnv or a wrapper of one, declares.

    Raises:
        FieldError: it declares none.
    """
    if env.symmetry is None:
        raise FieldError("symmetric", "must be False: the environment declares no left-right symmetry")
    return env.symmetry
