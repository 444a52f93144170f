"""Measures the speed of a training against the number of threads: `python benchmarks/thread_scaling.py`.

Trains with the default preset of an environment for a few rollouts with each number of threads in turn, several times, each
time in a new process, and prints steps per second, and the largest resident memory of these processes. Physics and torch use
the same number of threads. Larger numbers of threads are extrapolated by Amdahl's law (G. M. Amdahl, AFIPS 1967): if a share
s of the work runs on one thread only, n threads are 1 / (s + (1 - s) / n) times as fast. s follows from the rates of one
thread and of the largest measured number. The extrapolation is an upper limit: it ignores that cores share memory.
"""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

import gymnasium as gym
from stable_baselines3.common.callbacks import BaseCallback

import train
from training.assembly import create_run, prepare
from training.config import TrainConfig
from utils.console.arguments import parse_arguments
from utils.console.terminal import tolerant_output
from utils.env_ids import DEFAULT_ID
from utils.fields import Checked, within
from utils.paths import with_home

ROLLOUTS = 5  # the first is a warm-up and not counted
BEYOND = (4, 8, 16, 32)  # numbers of threads to extrapolate to


@dataclass(frozen=True)
class ThreadScalingConfig(Checked):
    """The environment, and the numbers of simulations and threads to measure."""

    env: str = DEFAULT_ID
    """Id of the environment to train. Its default preset must train a variant of PPO."""
    num_envs: tuple[int, ...] = within((64, 256), 1, least=1)
    """Numbers of simulations, one row of the table each."""
    threads: tuple[int, ...] = within(tuple(range(1, (os.cpu_count() or 1) + 1)), 1, least=1)
    """Numbers of threads to measure; 1 is always measured."""
    repeats: int = within(3, 1)
    """Repetitions of each measurement; the median counts."""


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Measures and prints a Markdown table; returns the exit code."""
    config = parse_arguments(ThreadScalingConfig, with_home(argv), about=__doc__)
    threads = sorted({1, *config.threads})
    columns = [*threads, *(count for count in BEYOND if count > threads[-1])]
    titles = [f"{count} thread{'s' * (count > 1)}" for count in threads] + [
        f"{count}, predicted" for count in columns[len(threads) :]
    ]
    try:
        for num_envs in config.num_envs:
            short_training(config.env, num_envs, 1)
    except (ValueError, ImportError, gym.error.Error) as error:
        print(f"thread_scaling: {error}", file=sys.stderr)
        return 2
    print(f"| simulations | {' | '.join(titles)} | share with one thread | MB |\n" + "|" + "---|" * (len(columns) + 3))
    for num_envs in config.num_envs:
        cells = measured(partial(in_new_process, config.env, num_envs), threads, columns, config.repeats)
        print(f"| {num_envs:,} | {' | '.join(cells)} |", flush=True)
    return 0


def measured(train_with: Callable, threads: list[int], columns: list[int], repeats: int) -> list[str]:
    """Returns the cells of a row: measured steps per second, predicted ones, the share s of Amdahl's law, and memory, MB.

    `train_with` returns steps per second and memory, MB, for a number of threads.
    """
    every = [[train_with(count) for count in threads] for _ in range(repeats)]
    rounds = [[speed for speed, _ in row] for row in every]  # rates are compared within a round
    rates = [median(column) for column in zip(*rounds)]
    share = median(serial_share(row[-1] / row[0], threads[-1]) for row in rounds) if threads[-1] > 1 else 1.0
    predicted = [rates[0] * amdahl(share, count) for count in columns[len(threads) :]]
    memory = max(used for row in every for _, used in row)
    return [f"{value:,.0f}" for value in rates + predicted] + [f"{share:.0%}", f"{memory:,.0f}"]


def in_new_process(env_id: str, num_envs: int, threads: int) -> tuple[float, float]:
    """Returns steps per second of a training in a new process, and the largest resident memory of that process, MB."""
    with get_context("spawn").Pool(1) as process:
        return process.apply(_rate_and_memory, (env_id, num_envs, threads))


def _rate_and_memory(env_id, num_envs, threads):
    speed = rate(env_id, num_envs, threads)
    unit = 1 if sys.platform == "darwin" else 1024  # bytes, or kB
    return speed, unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def short_training(env_id: str, num_envs: int, threads: int) -> tuple[TrainConfig, int]:
    """Returns the config of a training of ROLLOUTS rollouts, and the steps of a rollout.

    Raises:
        ValueError: there is no such environment, or its default preset does not train a variant of PPO with so many
            simulations.
    """
    words = ["--env", env_id, "--num-envs", str(num_envs), "--num-threads", str(threads), "--eval-every", "0"]
    config = train.parse(words)
    if not hasattr(config.learner, "n_steps"):
        raise ValueError(f"the default preset of {env_id} trains {config.algo}, which has no rollouts to measure")
    config.check_learner()
    size = num_envs * config.learner.n_steps
    return replace(config, total_timesteps=ROLLOUTS * size, checkpoint_every=100 * ROLLOUTS * size), size


def rate(env_id: str, num_envs: int, threads: int) -> float:
    """Returns the steps per second of a training, including its updates."""
    config, size = short_training(env_id, num_envs, threads)
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):  # the training prints progress
        run = create_run(replace(config, run_dir=Path(folder) / "run"), [])
        training, clock = prepare(config, run), _Clock()
        training = replace(training, callbacks={**training.callbacks, "clock": clock})
        training.learn(run)
    return size * (len(clock.times) - 2) / (clock.times[-1] - clock.times[1])


def serial_share(speedup: float, threads: int) -> float:
    """Returns the share of the work that runs on one thread only, 0 to 1, from the measured speed-up of `threads`."""
    return min(1.0, max(0.0, (threads / speedup - 1) / (threads - 1)))


def amdahl(share: float, threads: int) -> float:
    """Returns the speed-up of `threads` if `share` of the work runs on one thread only."""
    return 1 / (share + (1 - share) / threads)


class _Clock(BaseCallback):
    """Records the start time of each rollout, s."""

    def __init__(self):
        super().__init__()
        self.times: list[float] = []

    def _on_rollout_start(self) -> None:
        self.times.append(time.perf_counter())

    def _on_step(self) -> bool:
        return True


if __name__ == "__main__":
    sys.exit(main())
