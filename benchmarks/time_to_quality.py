"""How good trainings were after 5, 10, 20 and 30 minutes of them: `python benchmarks/time_to_quality.py RUN [RUN ...]`.

Walks the last checkpoint that a run had saved by then, and its last policy if the training ended before; as
terrain_benchmark.py walks policies, on every kind at one level. `all` pools the kinds; with Wilson's 95 % interval.
The minutes are the training's own wall time: what else the machine had to do meanwhile counts against it.
Prints a Markdown table and writes all figures as CSV.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.terrain_benchmark import BenchmarkConfig, load_walker, terrain_row
from benchmarks.terrain_report import write_csv
from evaluation.walks import success_table, with_pooled
from run_folder.runs import CARD
from utils.console.outputs import check_no_loss, check_output, csv_with, used_alone
from utils.console.terminal import tolerant_output
from utils.files import write_aside
from utils.paths import with_home


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Walks every checkpoint, prints the table and writes the CSV; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="+", help="run folders with their checkpoints")
    parser.add_argument("--minutes", type=float, nargs="+", default=[5, 10, 20, 30], help="of training")
    parser.add_argument("--episodes", type=int, default=40, help="of every checkpoint on every kind of terrain")
    parser.add_argument("--level", type=float, default=1.0, help="terrain level, 0 to 1")
    parser.add_argument(
        "--seeds-from", type=int, default=10_000, help="seed of the first episode and of the terrain, from 10,000 on"
    )
    parser.add_argument("--csv", type=Path, default=Path("runs/time_to_quality.csv"), help="file of the results")
    args = parser.parse_args(with_home(argv))
    try:
        config = BenchmarkConfig(episodes=args.episodes, seeds_from=args.seeds_from, levels=(args.level,))
        args.csv = check_output(args.csv, csv_with("run", "minutes", "training_steps"))
        check_no_loss(args.csv, "run", map(str, args.run))  # before much walking
        with used_alone(args.csv):
            rows = list(all_rows(args.run, args.minutes, config))
            write_aside(args.csv, lambda aside: write_csv(aside, rows))
    except (ValueError, OSError) as error:
        print(f"time_to_quality: {error}", file=sys.stderr)
        return 2
    moment = ("run", "minutes", "training_steps")
    report = success_table(with_pooled(rows, "kind", moment), moment, "kind")
    print(f"\n{report}\n\nWritten to {args.csv}")
    return 0


def all_rows(runs: list[Path], minutes: list[float], config: BenchmarkConfig) -> Iterator[dict]:
    """Yields the terrain benchmark's rows of what each run had reached by each time, with run, minutes and steps."""
    for run in runs:
        for limit in minutes:
            folder, steps = reached(run, 60 * limit)
            walker = load_walker(folder, config.terrain_seed)
            for kind, level in product(config.kinds, config.levels):
                yield {
                    "run": str(run),
                    "minutes": limit,
                    "training_steps": steps,
                    **terrain_row(walker, kind, level, config),
                }


def reached(run: Path, seconds: float) -> tuple[Path, int]:
    """Returns the folder of the last policy that `run` had saved after so many seconds of training, and its steps.

    Raises:
        ValueError: there was none yet.
    """
    notes = [*run.glob(f"checkpoints/*/{CARD}"), *run.glob(CARD)]
    saved = [(json.loads(note.read_text()), note.parent) for note in notes]
    in_time = [(progress["steps"], folder) for progress, folder in saved if progress["wall_time_s"] <= seconds]
    if not in_time:
        raise ValueError(f"{run} had saved no policy after {seconds:g} s")
    steps, folder = max(in_time, key=lambda pair: pair[0])
    return folder, steps


if __name__ == "__main__":
    sys.exit(main())
