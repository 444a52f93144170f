"""Evaluates trainings after 5, 10, 20 and 30 minutes: `python benchmarks/time_to_quality.py RUN [RUN ...]`.

Plays the last checkpoint that a run had saved by that time, or its final policy if the training had ended, on every kind of
terrain at one level, as terrain_benchmark.py does. The column `all` pools the kinds; intervals are Wilson's 95 % intervals.
The minutes are the wall time of the training: other work on the machine makes it longer. With --steps, the training steps
choose the checkpoints. Prints a Markdown table and writes all figures as CSV.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, NamedTuple

import tyro

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.terrain_benchmark import BenchmarkConfig, load_walker, terrain_row
from benchmarks.terrain_report import write_csv
from evaluation.walks import success_table, with_pooled
from run_folder.runs import CARD
from utils.console.arguments import parse_arguments
from utils.console.options import refuse_idle
from utils.console.outputs import check_no_loss, check_output, csv_with, used_alone
from utils.console.terminal import tolerant_output
from utils.fields import Checked, check_once, checked, within
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
    steps: tuple[int, ...] = within((), 1)
    """Training steps that choose the checkpoints instead of --minutes."""
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
        for name in ("run", "minutes", "steps"):
            check_once(name, getattr(self, name))

    @property
    def benchmark(self) -> BenchmarkConfig:
        """The terrain benchmark of one checkpoint."""
        return BenchmarkConfig(episodes=self.episodes, seeds_from=self.seeds_from, levels=(self.level,))


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Plays every checkpoint, prints the table and writes the CSV; returns the exit code."""
    options = with_home(argv)
    config = parse_arguments(TimeToQualityConfig, options, about=__doc__)
    try:
        refuse_idle(options, {"minutes": "--steps chooses the checkpoints"} if config.steps else {})
        out = check_output(config.csv, csv_with("run", "minutes", "training_steps"))
        check_no_loss(out, "run", map(str, config.run))  # before hours of playing
        with used_alone(out):
            rows = list(all_rows(config))
            write_aside(out, lambda aside: write_csv(aside, rows))
    except (ValueError, OSError) as error:
        print(f"time_to_quality: {error}", file=sys.stderr)
        return 2
    moment = ("run", "minutes", "training_steps")
    report = success_table(with_pooled(rows, "kind", moment), moment, "kind")
    print(f"\n{report}\n\nWritten to {out}")
    return 0


def all_rows(config: TimeToQualityConfig) -> Iterator[dict]:
    """Yields the rows of the terrain benchmark for each run at each time, with run, minutes and training steps."""
    limits = [("steps", limit) for limit in config.steps] or [("minutes", limit) for limit in config.minutes]
    found = [(run, unit, limit, reached(run, unit, limit)) for run, (unit, limit) in product(config.run, limits)]
    if config.steps:  # two limits may choose the same policy
        found = list({(run, saved): (run, unit, limit, saved) for run, unit, limit, saved in found}.values())
    for run, unit, limit, saved in found:
        moment = {"run": str(run), "minutes": limit if unit == "minutes" else round(saved.minutes, 1)}
        walker = load_walker(saved.folder, config.benchmark.terrain_seed)
        for kind, level in product(config.benchmark.kinds, config.benchmark.levels):
            yield moment | {"training_steps": saved.steps, **terrain_row(walker, kind, level, config.benchmark)}


class Saved(NamedTuple):
    """A policy that a training has saved: its training steps, the minutes since the start, and its folder."""

    steps: int
    minutes: float
    folder: Path


def reached(run: Path, unit: str, limit: float) -> Saved:
    """Returns the last policy that `run` had saved after `limit` minutes or steps of training.

    Raises:
        ValueError: the run had saved no policy by then.
    """
    cards = [*run.glob(f"checkpoints/*/{CARD}"), *run.glob(CARD)]
    progress = [(json.loads(card.read_text()), card.parent) for card in cards]
    saved = [Saved(done["steps"], done["wall_time_s"] / 60, folder) for done, folder in progress]
    in_time = [policy for policy in saved if getattr(policy, unit) <= limit]
    if not in_time:
        raise ValueError(f"{run} had saved no policy after {limit:g} {unit}")
    return max(in_time)


if __name__ == "__main__":
    sys.exit(main())
