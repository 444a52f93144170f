"""Ctrl-C and SIGTERM end a training at the next place from which it can go on exactly."""

import os
import signal
from collections.abc import Callable

from stable_baselines3.common.callbacks import BaseCallback

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class TrainingInterrupted(Exception):
    """A training was asked to stop, and has saved where it stands.

    Attributes:
        exit_code: 128 plus the signal's number, as shells tell it: 130 for Ctrl-C, 143 for SIGTERM.
    """

    def __init__(self, number: int, steps: int):
        super().__init__(f"stopped at {steps:,} steps")
        self.exit_code = 128 + number


class InterruptCallback(BaseCallback):
    """After a first Ctrl-C or SIGTERM lets rollout and update end, calls `save` and raises TrainingInterrupted.

    A second one ends the process at once. Outside of trainings signals do what they did before. After one that came in the
    last rollout the training ends as it would have; `check` then tells those who have more to do.
    """

    def __init__(self, save: Callable[[], None]):
        super().__init__()
        self._save, self._received, self._before = save, None, {}

    def __enter__(self) -> "InterruptCallback":
        self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number, frame):
        if self._received is not None:
            os._exit(128 + number)
        self._received = number
        print("\nFinishing this rollout and saving; once more to stop at once.", flush=True)

    def check(self) -> None:
        """Raises TrainingInterrupted if a signal has come."""
        if self._received is not None:
            raise TrainingInterrupted(self._received, self.num_timesteps)

    def _on_rollout_start(self) -> None:
        if self._received is not None:
            self._save()
        self.check()

    def _on_step(self) -> bool:
        return True
