"""Evaluates trainings after 5, 10, 20 and 30 minutes: `python benchmarks/time_to_quality.py RUN [RUN ...]`.

Plays the last checkpoint that a run had saved by that time, or its final policy if the training had ended, on every kind of
terrain at one level, as terrain_benchmark.py does. The column `all` pools the kinds; intervals are Wilson's 95 % intervals.
The minutes are the wall time of the training: other work on the machine makes it longer. Prints a Markdown table and writes
all figures as CSV.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated

import tyro

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.terrain_benchmark import BenchmarkConfig, load_walker, terrain_row
from benchmarks.terrain_report import write_csv
from evaluation.walks import success_table, with_pooled
from run_folder.runs import CARD
from utils.console.arguments import parse_arguments
from utils.console.outputs import check_no_loss, check_output, csv_with, used_alone
from utils.console.terminal import tolerant_output
from utils.fields import Checked, checked, within
from utils.files import write_aside
from utils.paths import with_home


@dataclass(frozen=True, kw_only=True)
class TimeToQualityConfig(Checked):
    """The runs, the times, the episodes, and the file of the results."""

    run: tyro.conf.Positional[Annotated[tuple[Path, ...], tyro.conf.arg(metavar="RUN ...")]] = checked(
        (), bool, "name at least one run"
    )
    """Run folders with checkpoints."""
    minutes: tuple[float, ...] = within((5.0, 10.0, 20.0, 30.0), above=0, least=1)
    """Times since the start of the training, min."""
    episodes: int = within(40, 1)
    """Number of episodes of each checkpoint on each kind of terrain."""
    level: float = within(1.0, 0, 1)
    """Terrain level, 0 to 1."""
    seeds_from: int = 10_000
    """Seed of the first episode and of the terrain, at least 10,000."""
    csv: Path = Path("runs/time_to_quality.csv")
    """File of the results."""

    def __post_init__(self):
        super().__post_init__()
        _ = self.benchmark  # raises ValueError for wrong values

    @property
    def benchmark(self) -> BenchmarkConfig:
        """The terrain benchmark of one checkpoint."""
        return BenchmarkConfig(episodes=self.episodes, seeds_from=self.seeds_from, levels=(self.level,))


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Plays every checkpoint, prints the table and writes the CSV; returns the exit code."""
    config = parse_arguments(TimeToQualityConfig, with_home(argv), about=__doc__)
    try:
        out = check_output(config.csv, csv_with("run", "minutes", "training_steps"))
        check_no_loss(out, "run", map(str, config.run))  # before hours of playing
        with used_alone(out):
            rows = list(all_rows(config.run, config.minutes, config.benchmark))
            write_aside(out, lambda aside: write_csv(aside, rows))
    except (ValueError, OSError) as error:
        print(f"time_to_quality: {error}", file=sys.stderr)
        return 2
    moment = ("run", "minutes", "training_steps")
    report = success_table(with_pooled(rows, "kind", moment), moment, "kind")
    print(f"\n{report}\n\nWritten to {out}")
    return 0


def all_rows(runs: Sequence[Path], minutes: Sequence[float], config: BenchmarkConfig) -> Iterator[dict]:
    """Yields the rows of the terrain benchmark for each run at each time, with run, minutes and training steps."""
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
    """Returns the folder of the last policy that `run` had saved after `seconds` of training, and its training steps.

    Raises:
        ValueError: the run had saved no policy by that time.
    """
    cards = [*run.glob(f"checkpoints/*/{CARD}"), *run.glob(CARD)]
    saved = [(json.loads(card.read_text()), card.parent) for card in cards]
    in_time = [(progress["steps"], folder) for progress, folder in saved if progress["wall_time_s"] <= seconds]
    if not in_time:
        raise ValueError(f"{run} had saved no policy after {seconds:g} s")
    steps, folder = max(in_time, key=lambda pair: pair[0])
    return folder, steps


if __name__ == "__main__":
    sys.exit(main())
