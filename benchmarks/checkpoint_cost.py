"""What checkpoints cost a training, and how long a run takes to load: `python benchmarks/checkpoint_cost.py`.

Trains the preset `default` for a few rollouts, then saves and loads; a checkpoint's share is its seconds over those that
the training takes, at the rate of this very run, for the steps between two of them. SAC is asked with a full replay buffer.
"""

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from run_folder.runs import load_run, save
from train_residual_ppo import parse
from training.assembly import create_run, prepare
from utils.console.terminal import tolerant_output

ROLLOUTS = {"ppo": 8 * 64 * 128, "sac": 1_600}  # steps that the rate is taken over


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Measures and prints a Markdown table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="saves and loads, of which the median counts")
    args = parser.parse_args(argv)
    print("| what | steps/s | checkpoint (MB) | to save (s) | steps between two | share | to load a policy (s) |")
    print("|" + "---|" * 7)
    for algo in ROLLOUTS:
        print(measured(algo, args.repeats), flush=True)
    return 0


def measured(algo: str, repeats: int) -> str:
    """Returns the table's line of one algorithm."""
    config = parse(["--algo", algo, "--eval-every", "0"] + ["--sac.learning-starts", "100"] * (algo == "sac"))
    with tempfile.TemporaryDirectory() as folder:
        run = create_run(replace(config, run_dir=Path(folder) / "run"), [])
        training = prepare(replace(config, total_timesteps=ROLLOUTS[algo]), run)
        seconds = timed(lambda: training.learn(run))
        rate = training.model.num_timesteps / seconds
        if algo == "sac":
            training.model.replay_buffer.full = True
        callbacks = training.callbacks["checkpoint"].callbacks
        to_save = median(timed(lambda: save(run, training.model, callbacks)) for _ in range(repeats))
        size = sum(file.stat().st_size for file in save(run, training.model, callbacks).iterdir()) / 1e6
        to_load = median(timed(lambda: load_run(run)) for _ in range(repeats))
    every = config.checkpoint_every
    share = to_save / (every / rate)
    return f"| {algo} | {rate:,.0f} | {size:.1f} | {to_save:.3f} | {every:,} | {share:.2%} | {to_load:.3f} |"


def timed(work) -> float:
    """Returns the seconds that `work` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
