"""Measures the time to save a checkpoint and to load a policy: `python benchmarks/checkpoint_cost.py`.

Trains the preset `default` with every learner for a few rollouts, then saves and loads. The share of a checkpoint is the
time to save it over the training time between two checkpoints, at the measured rate. Replay buffers are saved full.
"""

import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from algorithms.learners import LEARNERS
from run_folder.runs import load_run, save
from train_residual_ppo import parse
from training.assembly import create_run, prepare
from utils.console.arguments import parse_arguments
from utils.console.terminal import tolerant_output
from utils.fields import Checked, within

ROLLOUT_STEPS, REPLAY_STEPS = 8 * 64 * 128, 1_600  # training steps that are timed, without and with a replay buffer


@dataclass(frozen=True)
class CheckpointCostConfig(Checked):
    """Number of repetitions."""

    repeats: int = within(5, 1)
    """Number of saves and loads; the median counts."""


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Measures every algorithm and prints a Markdown table; returns the exit code."""
    config = parse_arguments(CheckpointCostConfig, argv, about=__doc__)
    print("| algorithm | steps/s | checkpoint (MB) | to save (s) | steps between two | share | to load a policy (s) |")
    print("|" + "---|" * 7)
    for algo in LEARNERS:
        print(measured(algo, config.repeats), flush=True)
    return 0


def measured(algo: str, repeats: int) -> str:
    """Returns the row of one algorithm."""
    row = LEARNERS[algo]
    early = [f"{row.option}.learning-starts", "100"] * hasattr(row.config, "learning_starts")
    config = parse(["--algo", algo, "--eval-every", "0", *early])
    replays = "replay_buffer" in row.kept
    with tempfile.TemporaryDirectory() as folder:
        run = create_run(replace(config, run_dir=Path(folder) / "run"), [])
        training = prepare(replace(config, total_timesteps=REPLAY_STEPS if replays else ROLLOUT_STEPS), run)
        seconds = timed(lambda: training.learn(run))
        rate = training.model.num_timesteps / seconds
        if replays:
            training.model.replay_buffer.full = True
        callbacks = training.callbacks["checkpoint"].callbacks
        to_save = median(timed(lambda: save(run, training.model, callbacks)) for _ in range(repeats))
        size = sum(file.stat().st_size for file in save(run, training.model, callbacks).iterdir()) / 1e6
        to_load = median(timed(lambda: load_run(run)) for _ in range(repeats))
    every = config.checkpoint_every
    share = to_save / (every / rate)
    return f"| {algo} | {rate:,.0f} | {size:.1f} | {to_save:.3f} | {every:,} | {share:.2%} | {to_load:.3f} |"


def timed(work) -> float:
    """Runs `work` once; returns its duration, s."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
