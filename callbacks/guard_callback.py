"""Stops a training whose numbers are lost, and keeps the simulations that went wrong to look at."""

import math
from contextlib import suppress
from pathlib import Path

import torch
from stable_baselines3.common.callbacks import BaseCallback

from run_folder.bad_states import MOST_DUMPS, write_dump
from run_folder.runs import last_good

REFUSAL = "to satisfy the constraint"  # in what torch says of a distribution's parameters


class TrainingDiverged(Exception):
    """A loss or a weight is no longer finite; the sentence names the last good checkpoint."""


class GuardCallback(BaseCallback):
    """Looks, before every rollout, whether losses and weights are finite, and dumps simulations that went wrong.

    Must come before the callback that saves checkpoints. A simulation with broken physics ends its episode as terminated;
    `EpisodeCallback` counts it. Its model, last states and actions go to `bad_states/` of the run, for the first five.
    """

    def __init__(self, run: Path):
        super().__init__()
        self._run = run

    def check(self, error: Exception | None = None) -> None:
        """Raises TrainingDiverged if a loss of the last update, or a weight, is not finite.

        So it does if `error` is torch's refusal to draw from a distribution, whose scale may be 0 by finite weights.
        """
        if not hasattr(self, "model"):  # the first reset failed: nothing is trained yet
            return
        losses = {name: value for name, value in self.logger.name_to_value.items() if name.endswith("loss")}
        broken = [name for name, value in losses.items() if not math.isfinite(value)]
        if not broken and not all(torch.isfinite(weights).all() for weights in self.model.policy.parameters()):
            broken = ["the policy's weights"]
        if not broken and REFUSAL in str(error):
            broken = ["the distribution of actions"]
        if broken:
            raise TrainingDiverged(f"{broken[0]} is not finite after {self.num_timesteps:,} steps; {last_good(self._run)}")

    def _on_rollout_start(self) -> None:
        self.check()

    def _on_training_end(self) -> None:
        self.check()

    def _on_step(self) -> bool:
        for failure in self._failures():
            if len([*self._run.glob("bad_states/*.npz")]) < MOST_DUMPS:
                with suppress(OSError):  # a training is worth more than a dump, and checkpoints will tell of a full disk
                    write_dump(self._run, self.num_timesteps, failure)
        return True

    def _failures(self):
        with suppress(AttributeError):  # an environment of others has no such thing
            return self.training_env.env_method("take_failures")[0]
        return ()
