"""How training speeds up with threads: `python benchmarks/thread_scaling.py`; physics and torch both get as many.

Trains PPO for a few rollouts with each number of threads in turn, several times over, as the default preset does, and
prints steps a second. Beyond what was measured it draws Amdahl's line (G. M. Amdahl, AFIPS 1967): if a share s of the work
has one thread only, n threads are 1 / (s + (1 - s) / n) times as fast. s comes from one thread against the most measured.
That is the most to hope for: it knows nothing of memory that the cores share.
"""

import argparse
import os
import sys
import tempfile
import time
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from stable_baselines3.common.callbacks import BaseCallback

from train_residual_ppo import parse
from training.assembly import create_run, prepare
from utils.console.terminal import tolerant_output
from utils.paths import with_home

ROLLOUTS = 5  # of which the first is not counted
BEYOND = (4, 8, 16, 32)


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Measures and prints a Markdown table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num-envs", type=int, nargs="+", default=[64, 256], help="simulations at once")
    parser.add_argument("--threads", type=int, nargs="+", default=[*range(1, (os.cpu_count() or 1) + 1)], help="to measure")
    parser.add_argument("--repeats", type=int, default=3, help="of which the median counts")
    args = parser.parse_args(with_home(argv))
    threads = sorted({1, *args.threads})
    columns = [*threads, *(count for count in BEYOND if count > threads[-1])]
    titles = [f"{count} thread{'s' * (count > 1)}" for count in threads] + [
        f"{count}, predicted" for count in columns[len(threads) :]
    ]
    print(f"| simulations | {' | '.join(titles)} | share with one thread |\n" + "|" + "---|" * (len(columns) + 2))
    for num_envs in args.num_envs:
        print(f"| {num_envs} | {' | '.join(measured(num_envs, threads, columns, args.repeats))} |", flush=True)
    return 0


def measured(num_envs: int, threads: list[int], columns: list[int], repeats: int) -> list[str]:
    """Returns a line's cells: steps a second measured, then predicted, and Amdahl's share."""
    rounds = [[rate(num_envs, count) for count in threads] for _ in range(repeats)]  # each round is its own comparison
    rates = [median(column) for column in zip(*rounds)]
    share = median(serial_share(one[-1] / one[0], threads[-1]) for one in rounds) if threads[-1] > 1 else 1.0
    predicted = [rates[0] * amdahl(share, count) for count in columns[len(threads) :]]
    return [f"{value:,.0f}" for value in rates + predicted] + [f"{share:.0%}"]


def rate(num_envs: int, threads: int) -> float:
    """Returns the steps a second of a training, updates and all."""
    config = parse(["--num-envs", str(num_envs), "--num-threads", str(threads), "--eval-every", "0"])
    size = num_envs * config.ppo.n_steps
    config = replace(config, total_timesteps=ROLLOUTS * size, checkpoint_every=100 * ROLLOUTS * size)
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):  # the training tells how far it is
        run = create_run(replace(config, run_dir=Path(folder) / "run"), [])
        training, clock = prepare(config, run), _Clock()
        training = replace(training, callbacks={**training.callbacks, "clock": clock})
        training.learn(run)
    return size * (len(clock.times) - 2) / (clock.times[-1] - clock.times[1])


def serial_share(speedup: float, threads: int) -> float:
    """Returns the share of the work that has one thread only, from how much faster so many threads were: 0 to 1."""
    return min(1.0, max(0.0, (threads / speedup - 1) / (threads - 1)))


def amdahl(share: float, threads: int) -> float:
    """Returns how much faster so many threads are if that share of the work has one thread only."""
    return 1 / (share + (1 - share) / threads)


class _Clock(BaseCallback):
    """Notes when each rollout began."""

    def __init__(self):
        super().__init__()
        self.times: list[float] = []

    def _on_rollout_start(self) -> None:
        self.times.append(time.perf_counter())

    def _on_step(self) -> bool:
        return True


if __name__ == "__main__":
    sys.exit(main())
