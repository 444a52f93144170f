"""Ends a training after Ctrl-C, SIGTERM or SIGHUP at the next point from which it can be resumed exactly."""

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from stable_baselines3.common.callbacks import BaseCallback

HANGUP = getattr(signal, "SIGHUP", None)  # does not exist on Windows
SIGNALS = tuple(filter(None, (signal.SIGINT, signal.SIGTERM, HANGUP)))
ECHO = 1.0  # s; timeout(1) and batch systems send SIGTERM to a process and immediately again to its group


class TrainingInterrupted(Exception):
    """A signal stopped a training, which has saved its state.

    Attributes:
        exit_code: 128 plus the signal's number, as in shells: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP.
    """

    def __init__(self, number: int, steps: int):
        super().__init__(f"stopped at {steps:,} steps")
        self.exit_code = 128 + number


class InterruptCallback(BaseCallback):
    """After a first signal, waits for rollout and update, calls `save` and raises TrainingInterrupted.

    A second Ctrl-C, or a second SIGTERM after more than ECHO, ends the process immediately; a second SIGHUP does not,
    because a closing terminal sends several. SIGHUP stays ignored if it was ignored before, as under nohup. The `with`
    block sets the signal handlers and restores the previous ones at its end, not before ECHO has passed since a signal. In
    a thread other than the main thread it sets none, because Python does not allow that. A signal during the last rollout
    does not raise: call `check` afterwards.
    """

    def __init__(self, save: Callable[[], None]):
        super().__init__()
        self._save, self._received, self._at, self._before = save, None, 0.0, {}

    def __enter__(self) -> "InterruptCallback":
        if threading.current_thread() is threading.main_thread():
            wanted = [number for number in SIGNALS if not _ignored_hangup(number)]
            self._before = {number: signal.signal(number, self._note) for number in wanted}
        return self

    def __exit__(self, *_) -> None:
        if self._before and self._received not in (None, signal.SIGINT):
            # The echo of the signal would end the process by the previous handler.
            time.sleep(max(0.0, self._at + ECHO - time.monotonic()))
        for number, handler in self._before.items():
            # A handler that was not set from Python is None.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._before = {}

    def _note(self, number, frame):
        if self._received is not None:
            if not self._is_echo(number):
                os._exit(128 + number)
            return
        self._received, self._at = number, time.monotonic()
        with suppress(Exception):  # the signal may have interrupted a print, or the terminal may be closed
            print("\nFinishing this rollout and saving; repeat the signal to stop immediately.", flush=True)

    def _is_echo(self, number):
        """Returns whether a further signal repeats the first one, and is no request to stop immediately."""
        if number == HANGUP:
            return True
        if self._received == HANGUP:  # at a logout SIGTERM follows SIGHUP
            self._received, self._at = number, time.monotonic()
            return True
        return number == self._received == signal.SIGTERM and time.monotonic() - self._at < ECHO

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


def _ignored_hangup(number):
    return number == HANGUP and signal.getsignal(number) == signal.SIG_IGN
