"""SAC (Haarnoja et al., 2018, arXiv:1812.05905): config, and SB3's update split into methods to override one by one.

`SAC` trains exactly as Stable-Baselines3's SAC does: from the same replay buffer all weights are equal.
"""

import math
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

import numpy as np
import stable_baselines3
import torch
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from stable_baselines3.common.utils import polyak_update
from torch.nn import functional

from algorithms.configs import LearnerConfig
from algorithms.reader_shape import layers
from utils.fields import FieldError, checked, within

Logged = dict[str, list[float]]  # numbers to log by name


@dataclass(frozen=True)
class SacConfig(LearnerConfig):
    """Config of SAC, its network and its normalisation."""

    num_envs: int = within(16, 1)
    """Number of parallel simulations."""
    buffer_size: int = within(300_000, 1)
    """Capacity of the replay buffer, control steps."""
    learning_starts: int = within(10_000, 0)
    """Control steps with random actions before the first update."""
    batch_size: int = within(256, 1)
    """Control steps per minibatch."""
    learning_rate: float = within(3e-4, above=0)
    """Learning rate of actor, critics and entropy coefficient."""
    tau: float = within(0.005, above=0, high=1)
    """Fraction by which the target critics move towards the critics per update."""
    gamma: float = within(0.99, 0, 1)
    """Discount factor per control step."""
    gradient_steps: int = checked(8, lambda steps: steps == -1 or steps >= 1, "be at least 1, or -1 for num_envs")
    """Updates after each step of all simulations; -1 for one update per simulation."""
    ent_coef: str = "auto"
    """Entropy coefficient: a number, auto to learn it, or auto_0.1 to learn it from the initial value 0.1."""
    net_arch: tuple[int, ...] = layers((256, 128))
    """Widths of the hidden layers of actor and critics."""
    activation: Literal["relu", "elu", "tanh"] = "elu"
    """Activation function between layers."""
    clip_obs: float = within(10.0, above=0)
    """Bound at which normalised observations are clipped, standard deviations."""

    def __post_init__(self):
        super().__post_init__()
        if not _is_coefficient(self.ent_coef):
            words = "auto, auto_0.1 (a first value above 0) or a number from 0 on"
            raise FieldError("ent_coef", f"must be {words}, got {self.ent_coef!r}")

    @property
    def memory(self) -> int:
        """The number of rows of the replay buffer."""
        return self.buffer_size

    def check(self) -> None:
        """Raises FieldError if the replay buffer is smaller than one step of all simulations."""
        if self.buffer_size < self.num_envs:
            raise FieldError("buffer_size", f"must be at least num_envs, {self.num_envs}, got {self.buffer_size}")

    def arguments(self) -> dict:
        """Returns the arguments of SB3's class."""
        numbers = self.named("learning_rate", "buffer_size", "learning_starts", "batch_size")
        return numbers | self.named("tau", "gamma", "gradient_steps", "ent_coef")


@dataclass(frozen=True)
class Minibatch:
    """b steps of the replay buffer, and actions that the current actor draws for their observations."""

    data: ReplayBufferSamples
    actions: torch.Tensor  # (b, a) in [-1, 1]
    log_prob: torch.Tensor  # (b, 1)


class SAC(stable_baselines3.SAC):
    """SB3's SAC with an update split into small methods. A subclass overrides the methods that it changes.

    Random numbers are drawn in the order sample, actor, target; another order gives other weights.
    """

    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        """Updates critics, actor and entropy coefficient `gradient_steps` times from the replay buffer."""
        self._begin_update()
        logged: Logged = defaultdict(list)
        for step in range(gradient_steps):
            batch = self._act(self._sample_batch(batch_size))
            entropy = self._update_entropy(batch, logged)
            target = self._target(batch, entropy, logged)
            self._optimise(self.critic.optimizer, self._critic_loss(batch, target, logged))
            self._optimise(self.actor.optimizer, self._actor_loss(batch, entropy, logged))
            if self._targets_are_due(step):
                self._update_targets()
        self._n_updates += gradient_steps
        self._log(logged)

    def _begin_update(self) -> None:
        """Sets the learning rate of all optimisers for the current progress of the training."""
        self.policy.set_training_mode(True)
        optimizers = [self.actor.optimizer, self.critic.optimizer]
        if self.ent_coef_optimizer is not None:
            optimizers.append(self.ent_coef_optimizer)
        self._update_learning_rate(optimizers)

    def _sample_batch(self, batch_size: int) -> ReplayBufferSamples:
        """Returns normalised steps drawn from the replay buffer."""
        return self.replay_buffer.sample(batch_size, env=self._vec_normalize_env)

    def _act(self, data: ReplayBufferSamples) -> Minibatch:
        """Returns the steps with actions of the current actor; gSDE draws new noise first."""
        if self.use_sde:
            self.actor.reset_noise()
        actions, log_prob = self.actor.action_log_prob(data.observations)
        return Minibatch(data, actions, log_prob.reshape(-1, 1))

    def _update_entropy(self, batch: Minibatch, logged: Logged) -> torch.Tensor:
        """Returns the entropy coefficient before this update, then updates it if it is learned.

        The loss -log(coefficient) (log_prob + target entropy) raises the coefficient while the entropy is too low.
        """
        if self.ent_coef_optimizer is None:
            coefficient = self.ent_coef_tensor
        else:
            coefficient = torch.exp(self.log_ent_coef.detach())
            loss = -(self.log_ent_coef * (batch.log_prob + self.target_entropy).detach()).mean()
            logged["ent_coef_loss"].append(loss.item())
            self._optimise(self.ent_coef_optimizer, loss)
        logged["ent_coef"].append(coefficient.item())
        return coefficient

    def _target(self, batch: Minibatch, entropy: torch.Tensor, logged: Logged) -> torch.Tensor:
        """Returns reward + (1 - done) discount V(s'), (b, 1)."""
        data = batch.data
        discounts = self.gamma if data.discounts is None else data.discounts  # gamma^k if the buffer sums k rewards
        with torch.no_grad():
            values = self._next_values(data.next_observations, entropy, logged)
            return data.rewards + (1 - data.dones) * discounts * values

    def _next_values(self, observations, entropy: torch.Tensor, logged: Logged) -> torch.Tensor:
        """Returns the values V of the next observations for the target, (b, 1)."""
        return self._value(observations, entropy)

    def _value(self, observations, entropy: torch.Tensor) -> torch.Tensor:
        """Returns min_i target Q_i(s, a) - coefficient log_prob(a), (b, 1), for actions a that the current actor draws."""
        actions, log_prob = self.actor.action_log_prob(observations)
        values = self._smallest(self.critic_target(observations, actions))
        return values - entropy * log_prob.reshape(-1, 1)

    def _critic_loss(self, batch: Minibatch, target: torch.Tensor, logged: Logged) -> torch.Tensor:
        """Returns half the sum of all critics' mean squared errors."""
        values = self.critic(batch.data.observations, batch.data.actions)
        loss = 0.5 * sum(functional.mse_loss(value, target) for value in values)
        logged["critic_loss"].append(loss.item())
        return loss

    def _actor_loss(self, batch: Minibatch, entropy: torch.Tensor, logged: Logged) -> torch.Tensor:
        """Returns mean(coefficient log_prob(a) - min_i Q_i(s, a))."""
        values = self._smallest(self.critic(batch.data.observations, batch.actions))
        loss = (entropy * batch.log_prob - values).mean()
        logged["actor_loss"].append(loss.item())
        return loss

    def _smallest(self, values: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Returns the smallest of all critics' values, (b, 1)."""
        return torch.min(torch.cat(values, dim=1), dim=1, keepdim=True)[0]

    def _optimise(self, optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
        """Takes one step of an optimiser."""
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def _targets_are_due(self, step: int) -> bool:
        """Returns whether to update the target critics after update `step` of this call of `train`, as SB3 counts."""
        return step % self.target_update_interval == 0

    def _update_targets(self) -> None:
        """Moves the target critics towards the critics by `tau`; copies the statistics of batch normalisation."""
        polyak_update(self.critic.parameters(), self.critic_target.parameters(), self.tau)
        polyak_update(self.batch_norm_stats, self.batch_norm_stats_target, 1.0)

    def _log(self, logged: Logged) -> None:
        """Records the means of the logged numbers under train/."""
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        for name, values in logged.items():
            self.logger.record(f"train/{name}", np.mean(values))


def _is_coefficient(text):
    """Returns whether SB3 reads a text as an entropy coefficient: a number, or auto with an initial value above 0."""
    start, number = re.fullmatch(r"(auto_?)?(.*)", text).groups()
    if start == "auto":
        return not number
    try:
        return math.isfinite(float(number)) and (float(number) > 0 if start else float(number) >= 0)
    except ValueError:
        return False
