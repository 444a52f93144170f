"""Evaluates how walkers follow commands in every direction: `python benchmarks/steering_benchmark.py --model RUN`.

The gait alone and every policy get the same start states, the same commands, and the same ground of a held-out terrain seed,
and walk for 10 s from the middle of a wide tile. Every robot is nominal. A success is an episode without a fall in which the
robot follows its command, as `evaluation.walk_tally.follows` says. Intervals are Wilson's 95 % intervals; the column `all`
pools the commands. Prints a Markdown table, and writes all figures to steering.csv in the folder --out.
"""

import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.terrain_report import write_csv
from benchmarks.variation_benchmark import read_walker
from evaluation.held_out_seeds import BENCHMARK_EPISODES, BENCHMARK_TERRAIN
from evaluation.judges import Scene, Setting
from evaluation.steering import on_wide_tiles
from evaluation.walk_judge import as_walk_judge
from evaluation.walks import Policy, evaluate, gait_alone, success_table, summarise, with_pooled
from training.tasks import find_task
from utils.console.arguments import parse_arguments
from utils.console.outputs import check_no_loss, check_output, csv_with, used_alone
from utils.console.terminal import tolerant_output
from utils.fields import Checked, within
from utils.files import write_aside
from utils.paths import with_home

GAIT = "gait alone"
GROUNDS = (("flat", 0.0), ("rough", 0.5), ("rough", 0.75), ("rough", 1.0))  # kind and level
# Ranges of vx, vy (m/s) and yaw rate (rad/s) by the command's name.
COMMANDS = {
    "forward": ((0.2, 0.5), (0.0, 0.0), (0.0, 0.0)),
    "backward": ((-0.3, -0.15), (0.0, 0.0), (0.0, 0.0)),
    "left": ((0.0, 0.0), (0.1, 0.2), (0.0, 0.0)),
    "right": ((0.0, 0.0), (-0.2, -0.1), (0.0, 0.0)),
    "turn": ((0.0, 0.0), (0.0, 0.0), (0.4, 0.8)),
    "arc": ((0.2, 0.4), (0.0, 0.0), (-0.8, -0.4)),
    "diagonal": ((0.1, 0.3), (-0.2, 0.2), (-0.2, 0.2)),
    "stand": ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0)),
}


@dataclass(frozen=True)
class SteeringBenchmarkConfig(Checked):
    """The policies, their episodes, and the folder of the results."""

    model: tuple[Path, ...] = ()
    """Run folders of trained policies."""
    episodes: int = within(50, 1)
    """Number of episodes of every walker with every command on every ground."""
    seeds_from: int = 10_000
    """Seed of the first episode and of the terrain, at least 10,000."""
    out: Path = Path("runs/steering_benchmark")
    """Folder of the results."""

    def __post_init__(self):
        super().__post_init__()
        BENCHMARK_EPISODES.at(self.seeds_from, self.episodes, "seeds_from")


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Plays every walker, prints the table and writes the CSV; returns the exit code."""
    config = parse_arguments(SteeringBenchmarkConfig, with_home(argv), about=__doc__)
    try:
        out = check_output(config.out / "steering.csv", csv_with("walker", "kind", "level", "command"))
        check_no_loss(out, "walker", [GAIT, *map(str, config.model)])  # before the episodes
        out.parent.mkdir(parents=True, exist_ok=True)
        with used_alone(out):
            rows = list(all_rows(config))
            write_aside(out, lambda aside: write_csv(aside, rows))
    except (ValueError, OSError) as error:
        print(f"steering_benchmark: {error}", file=sys.stderr)
        return 2
    place = ("kind", "level", "walker")
    print(f"\n{success_table(with_pooled(rows, 'command', place), place, 'command')}\n\nWritten to {out}")
    return 0


def all_rows(config: SteeringBenchmarkConfig) -> Iterator[dict]:
    """Yields a row of figures for each ground, walker and command, and prints its success rate."""
    walkers = {model: read_walker(model) for model in (None, *config.model)}  # all are read before any walks
    for (kind, level), model in product(GROUNDS, walkers):
        title = GAIT if model is None else str(model)
        for command in COMMANDS:
            summary = followed(*walkers[model], Scene(kind, level), command, config)
            print(f"{kind} {level:g}, {title}, {command}: {summary['success']:.0%}", flush=True)
            yield {"walker": title, "kind": kind, "level": level, "command": command, **summary}


def followed(setting: Setting, policy: Policy | None, scene: Scene, command: str, config: SteeringBenchmarkConfig) -> dict:
    """Plays the episodes of a policy, or of the default gait alone for None, with a command; returns their summary."""
    judge = as_walk_judge(find_task(setting.env_id).judge, setting.env_id)
    task = judge.play_task(setting, scene, BENCHMARK_TERRAIN.at(config.seeds_from, name="seeds_from"))
    names = ("command_vx", "command_vy", "command_yaw_rate")
    task = on_wide_tiles(replace(task, **dict(zip(names, COMMANDS[command]))), judge.steered_time)
    with closing(judge.vector(setting, task, config.episodes, judge.steered_time)) as env:
        return summarise(evaluate(env, policy or gait_alone(env), config.episodes, config.seeds_from, None))


if __name__ == "__main__":
    sys.exit(main())
