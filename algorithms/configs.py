"""Base class of the configs of learners, and limits of network sizes."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from utils.fields import Checked, checked

WIDEST, DEEPEST = 8192, 16  # width and number of hidden layers that a saved policy may have


def layers(default: tuple[int, ...]):
    """Returns a field for the widths of hidden layers; an empty tuple gives a linear policy."""

    def check(widths):
        return len(widths) <= DEEPEST and all(1 <= width <= WIDEST for width in widths)

    return checked(default, check, f"be up to {DEEPEST} widths from 1 to {WIDEST}")


@dataclass(frozen=True)
class LearnerConfig(Checked):
    """Base of the configs of learners.

    A subclass has at least the fields `num_envs`, `learning_rate`, `gamma`, `net_arch`, `activation` and `clip_obs`.

    Attributes:
        privileged: whether the learner trains on privileged observations; a subclass may make it a field.
    """

    privileged = False

    @property
    def memory(self) -> int:
        """The number of rows of the learner's buffer. A row contains two observations, an action and a few numbers."""
        raise NotImplementedError

    @property
    def idle(self) -> dict[str, str]:
        """Fields that have no effect in this config -> the reason."""
        return {}

    def check(self) -> None:
        """Raises FieldError, which names the field, if fields contradict each other."""

    def check_env(self, env: VecEnv) -> None:
        """Raises FieldError, which names the field, if the learner needs something that the environment does not have."""

    def check_start(self, act: Callable[[np.ndarray], np.ndarray], env: VecEnv) -> None:
        """Raises FieldError if a training cannot start from the policy `act`: observations (n, k) -> actions (n, a)."""

    def arguments(self) -> dict:
        """Returns the arguments of the learner's class, except environment, network, seed and device."""
        raise NotImplementedError

    def policy_arguments(self) -> dict:
        """Returns the entries of `policy_kwargs` besides `net_arch` and `activation_fn`."""
        return {}

    def named(self, *names: str) -> dict:
        """Returns these fields by name."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name in names}
