"""Base class of the configs of learners."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Self

import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from algorithms.reader_shape import ReaderShape
from utils.fields import Checked


@dataclass(frozen=True)
class LearnerConfig(Checked):
    """Base of the configs of learners.

    A subclass has at least the fields `num_envs`, `learning_rate`, `gamma`, `net_arch`, `activation` and `clip_obs`.

    Attributes:
        privileged: whether the learner trains on privileged observations; a subclass may make it a field.
        after_start: fields, numbers of steps, that have an effect only after a warm start.
        replacing: field -> the fields that have no effect unless it is None.
    """

    privileged = False
    after_start: ClassVar[tuple[str, ...]] = ()
    replacing: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    @property
    def memory(self) -> int:
        """The number of rows of the learner's buffer. A row contains two observations, an action and a few numbers."""
        raise NotImplementedError

    @property
    def idle(self) -> dict[str, str]:
        """Fields that have no effect in this config -> the reason."""
        return {}

    @property
    def smoothing(self) -> dict | None:
        """Arguments of `callbacks.sr2l_callback.SR2LCallback`; None if the learner has no smoothness loss to schedule."""
        return None

    def replaced(self, varied: Collection[str] = ()) -> dict[str, str]:
        """Returns the fields that have no effect because another field, which is set or `varied`, replaces them -> why."""
        setters = [name for name in self.replacing if name in varied or getattr(self, name) is not None]
        return {name: f"{setter} replaces it" for setter in setters for name in self.replacing[setter]}

    @property
    def from_scratch(self) -> Self:
        """The config of a training that starts from no policy."""
        return replace(self, **dict.fromkeys(self.after_start, 0))

    def started(self, total_timesteps: int) -> Self:
        """Returns the config of a training of that many steps that starts from a policy."""
        return self

    def check(self) -> None:
        """Raises FieldError, which names the field, if fields contradict each other."""

    def check_length(self, total_timesteps: int) -> None:
        """Raises FieldError, which names the field, if a training of that many steps is too short for a schedule."""

    def check_env(self, env: VecEnv) -> None:
        """Raises FieldError, which names the field, if the learner needs something that the environment does not have."""

    def shape(self, env: VecEnv) -> ReaderShape:
        """Returns the networks between the observation and the hidden layers of the actor; plain by default."""
        return ReaderShape()

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
