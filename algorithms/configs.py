"""The numbers of each learner: arguments of its Stable-Baselines3 class, its network and its normalisation."""

import math
import re
from dataclasses import dataclass
from typing import Literal

from utils.fields import Checked, FieldError, checked, within

WIDEST, DEEPEST = 8192, 16  # layers of a network


def layers(default: tuple[int, ...]):
    """Returns a field for the widths of hidden layers, as many and as wide as a saved policy may have; none is linear."""

    def check(widths):
        return len(widths) <= DEEPEST and all(1 <= width <= WIDEST for width in widths)

    return checked(default, check, f"be up to {DEEPEST} widths from 1 to {WIDEST}")


@dataclass(frozen=True)
class PpoConfig(Checked):
    """Arguments of Stable-Baselines3's PPO, its network and its normalisation."""

    num_envs: int = within(64, 1)
    """Simulations at once."""
    n_steps: int = within(128, 1)
    """Control steps of each simulation between two updates."""
    batch_size: int = within(2048, 2)
    """Control steps in a minibatch."""
    n_epochs: int = within(5, 1)
    """Passes over a rollout."""
    learning_rate: float = within(3e-4, above=0)
    """Of the first update."""
    final_learning_rate: float | None = within(None, 0)
    """Of the last update, reached in a straight line; learning_rate throughout if None."""
    gamma: float = within(0.99, 0, 1)
    """Discount per control step."""
    gae_lambda: float = within(0.95, 0, 1)
    """Lambda of the generalised advantage estimate."""
    clip_range: float = within(0.2, above=0)
    """Clipping of the ratio of probabilities."""
    ent_coef: float = within(0.0, 0)
    """Weight of the entropy in the loss."""
    vf_coef: float = within(0.5, 0)
    """Weight of the value loss."""
    max_grad_norm: float = within(0.5, above=0)
    """Largest norm of a gradient."""
    target_kl: float | None = within(0.03, above=0)
    """KL divergence at which an update stops; no limit if None."""
    net_arch: tuple[int, ...] = layers((256, 128))
    """Widths of the hidden layers of actor and critic."""
    activation: Literal["relu", "elu", "tanh"] = "elu"
    """Activation function between layers."""
    log_std_init: float = within(-1.0, -20, 10)
    """Logarithm of the first standard deviation of an action in [-1, 1]."""
    clip_obs: float = within(10.0, above=0)
    """Clipping of normalised observations, standard deviations."""

    @property
    def memory(self) -> int:
        """Rows of its rollout buffer: an observation, an action and a few numbers each."""
        return self.num_envs * self.n_steps

    def check(self) -> None:
        """Raises FieldError if numbers contradict each other."""
        if self.batch_size > self.num_envs * self.n_steps:
            rollout = f"{self.num_envs} x {self.n_steps} = {self.num_envs * self.n_steps}"
            raise FieldError("ppo.batch_size", f"must be at most num_envs x n_steps, {rollout}, got {self.batch_size}")


@dataclass(frozen=True)
class SacConfig(Checked):
    """Arguments of Stable-Baselines3's SAC, its network and its normalisation."""

    num_envs: int = within(16, 1)
    """Simulations at once."""
    buffer_size: int = within(300_000, 1)
    """Control steps that the replay buffer holds."""
    learning_starts: int = within(10_000, 0)
    """Control steps of random actions at the start."""
    batch_size: int = within(256, 1)
    """Control steps in a minibatch."""
    learning_rate: float = within(3e-4, above=0)
    """Of actor, critics and entropy coefficient."""
    tau: float = within(0.005, above=0, high=1)
    """Share by which target critics follow, per update."""
    gamma: float = within(0.99, 0, 1)
    """Discount per control step."""
    gradient_steps: int = checked(8, lambda steps: steps == -1 or steps >= 1, "be at least 1, or -1 for num_envs")
    """Updates after each step of all simulations; -1 for as many as simulations."""
    ent_coef: str = "auto"
    """Entropy coefficient: a number, or auto to learn it."""
    net_arch: tuple[int, ...] = layers((256, 128))
    """Widths of the hidden layers of actor and critics."""
    activation: Literal["relu", "elu", "tanh"] = "elu"
    """Activation function between layers."""
    clip_obs: float = within(10.0, above=0)
    """Clipping of normalised observations, standard deviations."""

    def __post_init__(self):
        super().__post_init__()
        if not _is_coefficient(self.ent_coef):
            words = "auto, auto_0.1 (a first value above 0) or a number from 0 on"
            raise FieldError("ent_coef", f"must be {words}, got {self.ent_coef!r}")

    @property
    def memory(self) -> int:
        """Rows of its replay buffer: two observations, an action and a few numbers each."""
        return self.buffer_size

    def check(self) -> None:
        """Raises FieldError if numbers contradict each other."""
        if self.buffer_size < self.num_envs:
            raise FieldError("sac.buffer_size", f"must be at least num_envs, {self.num_envs}, got {self.buffer_size}")


def _is_coefficient(text):
    """Tells whether SB3 reads this as an entropy coefficient: a number, or auto with a first value above 0."""
    start, number = re.fullmatch(r"(auto_?)?(.*)", text).groups()
    if start == "auto":
        return not number
    try:
        return math.isfinite(float(number)) and (float(number) > 0 if start else float(number) >= 0)
    except ValueError:
        return False
