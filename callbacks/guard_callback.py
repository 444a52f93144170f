"""Stops a training that has diverged, and saves simulations whose physics failed."""

import math
from contextlib import suppress
from pathlib import Path

import torch
from stable_baselines3.common.callbacks import BaseCallback

from run_folder.bad_states import MOST_DUMPS, write_dump
from run_folder.runs import last_good

REFUSAL = "to satisfy the constraint"  # part of torch's message about parameters of a distribution


class TrainingDiverged(Exception):
    """A loss or a weight is not finite. The message names the last good checkpoint."""


class GuardCallback(BaseCallback):
    """Checks before every rollout that losses and weights are finite, and saves simulations whose physics failed.

    Must come before the callback that saves checkpoints. A physics failure terminates the episode; `EpisodeCallback` counts
    it. This callback writes model, last states and actions of the first five to `bad_states/` of the run.
    """

    def __init__(self, run: Path):
        super().__init__()
        self._run = run
        self._reported = False  # whether the simulations report physics failures

    def check(self, error: Exception | None = None) -> None:
        """Raises TrainingDiverged if a loss of the last update, or a weight, is not finite.

        Also raises if `error` is torch's error about a parameter of a distribution: with finite weights the standard
        deviation may have underflowed to 0.
        """
        if not hasattr(self, "model"):  # the first reset failed before any training
            return
        losses = {name: value for name, value in self.logger.name_to_value.items() if name.endswith("loss")}
        broken = [name for name, value in losses.items() if not math.isfinite(value)]
        if not broken and not all(torch.isfinite(weights).all() for weights in self.model.policy.parameters()):
            broken = ["the policy's weights"]
        if not broken and REFUSAL in str(error):
            broken = ["the distribution of actions"]
        if broken:
            raise TrainingDiverged(f"{broken[0]} is not finite after {self.num_timesteps:,} steps; {last_good(self._run)}")

    def _init_callback(self) -> None:
        self._reported = self.training_env.has_attr("take_failures")

    def _on_rollout_start(self) -> None:
        self.check()

    def _on_training_end(self) -> None:
        self.check()

    def _on_step(self) -> bool:
        for failure in self._failures():
            if len([*self._run.glob("bad_states/*.npz")]) < MOST_DUMPS:
                with suppress(OSError):  # a failed dump must not stop the training; a checkpoint reports a full disk
                    write_dump(self._run, self.num_timesteps, failure)
        return True

    def _failures(self):
        return self.training_env.env_method("take_failures")[0] if self._reported else ()
