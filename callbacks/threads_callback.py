"""Sets the number of torch threads: one during rollouts, more during updates."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from stable_baselines3.common.callbacks import BaseCallback


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Limits torch to one thread inside the `with`, for the small forward passes of a policy; then restores the number."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class ThreadsCallback(BaseCallback):
    """Gives torch `num_threads` threads for updates and one thread for the small forward passes of a rollout.

    Torch's idle threads keep a core busy for a while. With two of them during rollouts, physics on two cores took 1.5 times
    and the whole training 1.3 times as long (`benchmarks/step_rate.py` trains with this callback).
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
