"""PPO that acts quietly: the mean squared action is kept below a limit by a Lagrange multiplier."""

from dataclasses import dataclass

import torch

from algorithms.ppo import PPO, Minibatch, PpoConfig, Update
from utils.fields import within


@dataclass(frozen=True)
class QuietPpoConfig(PpoConfig):
    """Arguments of PPO, and the limit of actions."""

    action_limit: float = within(0.05, above=0)
    """Limit of the mean squared action, whose range is -1 to 1."""

    def arguments(self) -> dict:
        """Returns the arguments of `QuietPPO`."""
        return super().arguments() | {"action_limit": self.action_limit}


class QuietPPO(PPO):
    """PPO with one more term in the loss."""

    def __init__(self, *args, action_limit: float = 0.05, **kwargs):
        self.action_limit, self.multiplier = action_limit, 0.0
        super().__init__(*args, **kwargs)

    def _extra_loss(self, batch: Minibatch, update: Update) -> torch.Tensor:
        """Returns the multiplier times the mean squared action; the multiplier grows while that is above the limit."""
        actions = self.policy.get_distribution(batch.data.observations).distribution.mean
        size = actions.square().mean()
        self.multiplier = max(0.0, self.multiplier + 0.1 * (size.item() / self.action_limit - 1.0))
        update.logged["multiplier"].append(self.multiplier)
        return self.multiplier * size
