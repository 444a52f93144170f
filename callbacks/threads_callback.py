"""Gives the cores to whoever needs them: physics while it is rolled out, torch while it learns."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from stable_baselines3.common.callbacks import BaseCallback


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Lets torch use one thread for the small forward passes of a policy that is played, then as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class ThreadsCallback(BaseCallback):
    """Lets torch use `num_threads` for updates and one for the small forward passes of a rollout.

    Torch's idle threads keep a core busy for a while; with two of them during rollouts, physics on two cores took half
    as long again and the whole training 1.3 times the time (`benchmarks/step_rate.py` trains with this callback).
    """

    def __init__(self, num_threads: int):
        super().__init__()
        self._num_threads = num_threads

    def _on_rollout_start(self) -> None:
        torch.set_num_threads(1)

    def _on_rollout_end(self) -> None:
        torch.set_num_threads(self._num_threads)

    def _on_step(self) -> bool:
        return True
