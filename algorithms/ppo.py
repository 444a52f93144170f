"""PPO (Schulman et al., 2017, arXiv:1707.06347): config, and SB3's update split into methods to override one by one.

`PPO` trains exactly as Stable-Baselines3's PPO does: after the same rollouts all weights are equal.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import stable_baselines3
import torch
from gymnasium.spaces import Box, Discrete
from stable_baselines3.common.type_aliases import RolloutBufferSamples
from stable_baselines3.common.utils import LinearSchedule, explained_variance
from torch.nn import functional
from torch.nn.utils import clip_grad_norm_

from algorithms.configs import LearnerConfig
from algorithms.reader_shape import layers
from utils.fields import FieldError, within

LOOKED_AT = 1024  # number of observations
KL_TOLERANCE = 1.5  # an update stops above this multiple of target_kl, as in OpenAI's Spinning Up


@dataclass(frozen=True)
class PpoConfig(LearnerConfig):
    """Config of PPO, its network and its normalisation."""

    num_envs: int = within(64, 1)
    """Number of parallel simulations."""
    n_steps: int = within(128, 1)
    """Control steps of each simulation in a rollout. An update follows every rollout."""
    batch_size: int = within(2048, 2)
    """Control steps per minibatch."""
    n_epochs: int = within(5, 1)
    """Passes over the rollout per update."""
    learning_rate: float = within(3e-4, above=0)
    """Learning rate of the first update."""
    final_learning_rate: float | None = within(None, 0)
    """Learning rate at the end of a linear schedule; None keeps learning_rate constant."""
    gamma: float = within(0.99, 0, 1)
    """Discount factor per control step."""
    gae_lambda: float = within(0.95, 0, 1)
    """Lambda of the generalised advantage estimate."""
    clip_range: float = within(0.2, above=0)
    """Clipping range of the probability ratio."""
    ent_coef: float = within(0.0, 0)
    """Weight of the entropy in the loss."""
    vf_coef: float = within(0.5, 0)
    """Weight of the value loss."""
    max_grad_norm: float = within(0.5, above=0)
    """Largest norm of the gradient; larger gradients are scaled down."""
    target_kl: float | None = within(0.03, above=0)
    """An update stops above 1.5 times this KL divergence; None sets no limit."""
    net_arch: tuple[int, ...] = layers((256, 128))
    """Widths of the hidden layers of actor and critic."""
    activation: Literal["relu", "elu", "tanh"] = "elu"
    """Activation function between layers."""
    log_std_init: float = within(-1.0, -20, 10)
    """Logarithm of the initial standard deviation of an action in [-1, 1]."""
    clip_obs: float = within(10.0, above=0)
    """Bound at which normalised observations are clipped, standard deviations."""

    @property
    def memory(self) -> int:
        """The number of rows of the rollout buffer."""
        return self.num_envs * self.n_steps

    def check(self) -> None:
        """Raises FieldError if a minibatch is larger than a rollout."""
        if self.batch_size > self.memory:
            rollout = f"{self.num_envs} x {self.n_steps} = {self.memory}"
            raise FieldError("batch_size", f"must be at most num_envs x n_steps, {rollout}, got {self.batch_size}")

    def arguments(self) -> dict:
        """Returns the arguments of SB3's class."""
        last = self.learning_rate if self.final_learning_rate is None else self.final_learning_rate
        numbers = self.named("n_steps", "batch_size", "n_epochs", "gamma", "gae_lambda", "clip_range", "ent_coef", "vf_coef")
        numbers |= self.named("max_grad_norm", "target_kl")
        return {"learning_rate": LinearSchedule(self.learning_rate, last, end_fraction=1.0)} | numbers

    def policy_arguments(self) -> dict:
        """Returns the initial standard deviation of actions."""
        return self.named("log_std_init")


@dataclass
class Update:
    """The state of one call of `train`: clipping ranges, and numbers to log by name."""

    clip_range: float
    clip_range_vf: float | None
    logged: dict[str, list] = field(default_factory=lambda: defaultdict(list))
    loss: torch.Tensor | None = None
    """Loss of the newest minibatch."""


@dataclass(frozen=True)
class Minibatch:
    """b control steps of a rollout, and the outputs of the current policy for their observations and actions."""

    data: RolloutBufferSamples
    advantages: torch.Tensor  # (b,), normalised
    values: torch.Tensor  # (b,)
    log_prob: torch.Tensor  # (b,)
    entropy: torch.Tensor | None  # (b,); None if the distribution has no closed form

    @property
    def log_ratio(self) -> torch.Tensor:
        """The logarithm of (new probability / old probability) of each action, (b,)."""
        return self.log_prob - self.data.old_log_prob


class PPO(stable_baselines3.PPO):
    """SB3's PPO with an update split into small methods. A subclass overrides the methods that it changes."""

    def train(self) -> None:
        """Updates the policy from the rollout buffer."""
        update = self._begin_update()
        for epoch in range(self.n_epochs):
            finished = self._pass_over_rollout(epoch, update)
            self._n_updates += 1
            if not finished:
                break
        self._log_update(update)

    def _begin_update(self) -> Update:
        """Sets the learning rate and returns the clipping ranges for the current progress of the training."""
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        left = self._current_progress_remaining
        return Update(self.clip_range(left), None if self.clip_range_vf is None else self.clip_range_vf(left))

    def _pass_over_rollout(self, epoch: int, update: Update) -> bool:
        """Takes an optimiser step for every minibatch; returns False if `_should_stop` ended the update."""
        update.logged["approx_kl"].clear()  # the log shows the last epoch
        for data in self._minibatches():
            batch = self._evaluate(data)
            update.loss = self._loss(batch, update)
            if self._should_stop(batch, epoch, update):
                return False
            self._optimise(update.loss)
        return True

    def _minibatches(self) -> Iterator[RolloutBufferSamples]:
        """Yields the rollout in minibatches, in a random order."""
        return self.rollout_buffer.get(self.batch_size)

    def _evaluate(self, data: RolloutBufferSamples) -> Minibatch:
        """Returns a minibatch with the values and probabilities of the current policy."""
        actions = data.actions.long().flatten() if isinstance(self.action_space, Discrete) else data.actions
        values, log_prob, entropy = self.policy.evaluate_actions(data.observations, actions)
        return Minibatch(data, self._normalise_advantages(data.advantages), values.flatten(), log_prob, entropy)

    def _normalise_advantages(self, advantages: torch.Tensor) -> torch.Tensor:
        """Returns advantages (b,) with mean 0 and standard deviation 1; a single advantage is returned unchanged."""
        if not self.normalize_advantage or len(advantages) == 1:
            return advantages
        return (advantages - advantages.mean()) / (advantages.std() + 1e-8)

    def _loss(self, batch: Minibatch, update: Update) -> torch.Tensor:
        """Returns the weighted sum of all losses, a scalar."""
        policy, value = self._policy_loss(batch, update), self._value_loss(batch, update)
        loss = policy + self.ent_coef * self._entropy_loss(batch, update) + self.vf_coef * value
        extra = self._extra_loss(batch, update)
        return loss if extra is None else loss + extra

    def _policy_loss(self, batch: Minibatch, update: Update) -> torch.Tensor:
        """Returns -mean(min(r A, clip(r, 1 - c, 1 + c) A)), r the probability ratio and c the clipping range."""
        ratio, clip = torch.exp(batch.log_ratio), update.clip_range
        clipped = batch.advantages * torch.clamp(ratio, 1 - clip, 1 + clip)
        loss = -torch.min(batch.advantages * ratio, clipped).mean()
        update.logged["policy_gradient_loss"].append(loss.item())
        update.logged["clip_fraction"].append(torch.mean((torch.abs(ratio - 1) > clip).float()).item())
        return loss

    def _value_loss(self, batch: Minibatch, update: Update) -> torch.Tensor:
        """Returns the values' mean squared error; `clip_range_vf`, if set, limits their change since the rollout."""
        values, old, clip = batch.values, batch.data.old_values, update.clip_range_vf
        if clip is not None:
            values = old + torch.clamp(values - old, -clip, clip)
        loss = functional.mse_loss(batch.data.returns, values)
        update.logged["value_loss"].append(loss.item())
        return loss

    def _entropy_loss(self, batch: Minibatch, update: Update) -> torch.Tensor:
        """Returns the negative mean entropy, estimated by -log_prob if it has no closed form."""
        loss = -torch.mean(-batch.log_prob if batch.entropy is None else batch.entropy)
        update.logged["entropy_loss"].append(loss.item())
        return loss

    def _extra_loss(self, batch: Minibatch, update: Update) -> torch.Tensor | None:
        """Returns a further weighted loss, or None. For subclasses."""
        return None

    def _should_stop(self, batch: Minibatch, epoch: int, update: Update) -> bool:
        """Returns whether the KL divergence from the rollout's policy is too large.

        The estimate is mean((r - 1) - log r), see J. Schulman, http://joschu.net/blog/kl-approx.html.
        """
        with torch.no_grad():
            log_ratio = batch.log_ratio
            divergence = torch.mean((torch.exp(log_ratio) - 1) - log_ratio).cpu().numpy()
        update.logged["approx_kl"].append(divergence)
        if self.target_kl is None or not divergence > KL_TOLERANCE * self.target_kl:
            return False
        if self.verbose >= 1:
            print(f"The update stops in epoch {epoch}: its KL divergence is {divergence:.2f}")
        return True

    def _optimise(self, loss: torch.Tensor) -> None:
        """Takes one step of the optimiser with a limited norm of the gradient."""
        self.policy.optimizer.zero_grad()
        loss.backward()
        clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
        self.policy.optimizer.step()

    def _log_update(self, update: Update) -> None:
        """Records the means of the logged numbers under train/."""
        for name, values in update.logged.items():
            self.logger.record(f"train/{name}", np.mean(values))
        buffer = self.rollout_buffer
        self.logger.record("train/loss", update.loss.item())
        self.logger.record("train/explained_variance", explained_variance(buffer.values.flatten(), buffer.returns.flatten()))
        if hasattr(self.policy, "log_std"):
            self.logger.record("train/std", torch.exp(self.policy.log_std).mean().item())
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/clip_range", update.clip_range)
        if update.clip_range_vf is not None:
            self.logger.record("train/clip_range_vf", update.clip_range_vf)
        if isinstance(self.action_space, Box) and not self.policy.squash_output:
            self.logger.record("train/means_outside", self._means_outside())

    def _means_outside(self) -> float:
        """Returns the share of mean actions outside of the action space, where the environment clips them.

        It is that of the new policy for about LOOKED_AT observations of the rollout.
        """
        count = len(self.rollout_buffer.returns)
        seen = self.rollout_buffer._get_samples(np.arange(0, count, max(1, count // LOOKED_AT))).observations
        with torch.no_grad():
            means = self.policy.get_distribution(seen).mode().cpu().numpy()
        return float(np.mean((means < self.action_space.low) | (means > self.action_space.high)))
