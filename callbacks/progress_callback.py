"""Prints the progress of a training: steps, rate and remaining time."""

import sys
import time

from stable_baselines3.common.callbacks import BaseCallback

from utils.console.terminal import tolerant


class ProgressCallback(BaseCallback):
    """Prints steps, rate, remaining time, and return and length of recent episodes.

    A terminal shows one line, which is updated every second. A file gets a line every 30 s.

    Args:
        total_timesteps: number of steps that the training will have taken at its end.
        stream: where to print; by default the standard output.
    """

    def __init__(self, total_timesteps: int, stream=None):
        super().__init__()
        self._total, self._stream = total_timesteps, tolerant(stream or sys.stdout)
        self._is_terminal = self._stream.isatty()
        self._started = self._printed = 0.0
        self._before, self._cpu_started = {"steps": 0, "wall_time_s": 0.0, "cpu_time_s": 0.0}, 0.0

    @property
    def state(self) -> dict:
        """The number of steps, and their wall time and CPU time including evaluations, s, as plain data.

        The CPU time, of all threads, depends little on other work on the machine. It is missing if the state of an earlier
        version without it was restored.
        """
        seconds = self._before["wall_time_s"] + time.monotonic() - self._started
        state = {"steps": self.num_timesteps, "wall_time_s": round(seconds, 1)}
        if "cpu_time_s" in self._before:
            state["cpu_time_s"] = round(self._before["cpu_time_s"] + time.process_time() - self._cpu_started, 1)
        return state

    def restore(self, state: dict) -> None:
        """Continues from a `state`; the rate counts only later steps."""
        self._before, self.num_timesteps = state, state["steps"]
        self._started, self._cpu_started = time.monotonic(), time.process_time()

    def _on_training_start(self) -> None:
        self._started = self._printed = time.monotonic()
        self._cpu_started = time.process_time()

    def _on_step(self) -> bool:
        if time.monotonic() - self._printed > (1.0 if self._is_terminal else 30.0):
            self._print()
        return True

    def _on_training_end(self) -> None:
        self._print(end="\n")

    def _print(self, end=None):
        self._printed = time.monotonic()
        rate = (self.num_timesteps - self._before["steps"]) / max(self._printed - self._started, 1e-9)
        left = max(self._total - self.num_timesteps, 0) / max(rate, 1e-9)
        line = f"{self.num_timesteps:,} of {self._total:,} steps, {rate:,.0f} a second, {left / 60:.1f} min left"
        episodes = self.model.ep_info_buffer
        if episodes:
            reward = sum(episode["r"] for episode in episodes) / len(episodes)
            length = sum(episode["l"] for episode in episodes) / len(episodes)
            line += f"; episodes: return {reward:.0f}, {length:.0f} steps"
        start, newline = ("\r", "") if self._is_terminal else ("", "\n")
        print(start + line, end=end or newline, file=self._stream, flush=True)
