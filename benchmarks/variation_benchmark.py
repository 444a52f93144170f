"""Evaluates walks under each variation of floor, body, servos, delay and pushes: `python benchmarks/variation_benchmark.py`.

One factor at a time is set to either end of a range; all others stay nominal. The ranges are 1.5 to 2 times as wide as
those of trainings (`envs.residual_walk.variation.TRAINING_VARIATION`), because the real difference between robot and model
is unknown. All walkers start in the same states on the same rough ground, of a held-out terrain seed, at a command of
0.3 m/s. A success is 10 m from the start without a fall within 50 s, which is two thirds of the commanded speed; intervals
are Wilson's 95 % intervals. Prints a Markdown table and writes all figures as CSV.
"""

import csv
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from gymnasium.vector import VectorEnv

sys.path.insert(0, str(Path(__file__).parents[1]))

from envs.residual_walk.variation import VariationConfig
from evaluation.held_out_seeds import BENCHMARK_EPISODES, BENCHMARK_TERRAIN
from evaluation.judges import Scene, Setting
from evaluation.walk_judge import as_gait_judge, as_walk_judge
from evaluation.walks import Policy, evaluate, gait_alone, success_table, summarise
from run_folder.records import read_env
from run_folder.runs import load_run
from training.tasks import find_task
from utils.console.arguments import parse_arguments
from utils.console.outputs import check_no_loss, check_output, csv_with, used_alone
from utils.console.terminal import tolerant_output
from utils.env_ids import DEFAULT_ID
from utils.fields import Checked, within
from utils.files import write_aside
from utils.paths import with_home

GAIT = "gait alone"
COMMAND = 0.3  # m/s
# Fields of a training's config that must be equal for all walkers: they have their defaults.
ENDS_OF_EPISODES, OBSTACLES = ("min_height", "max_tilt"), ("size", "spacing", "footprint")
TILES = 4  # of ground, so that the result does not depend on one easy tile
ENDS = {
    "friction": (0.5, 1.5),
    "mass": (0.8, 1.3),
    "mass_offset_x": (-0.01, 0.01),
    "servo_strength": (0.8, 1.1),
    "servo_gain": (0.8, 1.2),
    "action_delay": (0.0, 1.0),
    "push_speed": (0.0, 0.3),
}
FIGURES = ("success", "fall", "distance_m", "time_s", "mean_speed_mps", "max_roll_deg", "max_pitch_deg")


@dataclass(frozen=True)
class VariationBenchmarkConfig(Checked):
    """The policies, their episodes, and the file of the results."""

    model: tuple[Path, ...] = ()
    """Run folders of trained policies."""
    episodes: int = within(50, 1)
    """Number of episodes of every walker under every condition."""
    seeds_from: int = 10_000
    """Seed of the first episode and of the terrain, at least 10,000."""
    level: float = within(0.75, 0, 1)
    """Terrain level, 0 to 1."""
    csv: Path = Path("runs/variation.csv")
    """File of the results."""

    def __post_init__(self):
        super().__post_init__()
        BENCHMARK_EPISODES.at(self.seeds_from, self.episodes, "seeds_from")


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Plays every walker under every condition, prints the table and writes the CSV; returns the exit code."""
    config = parse_arguments(VariationBenchmarkConfig, with_home(argv), about=__doc__)
    try:
        out = check_output(config.csv, csv_with("walker", "factor", "value"))
        check_no_loss(out, "walker", [GAIT, *map(str, config.model)])  # before hours of playing
        with used_alone(out):
            rows = list(all_rows(config))
            write_aside(out, lambda aside: write_csv(aside, rows))
    except (ValueError, OSError) as error:
        print(f"variation_benchmark: {error}", file=sys.stderr)
        return 2
    print(f"\n{success_table(rows, ('factor', 'value'), 'walker')}\n\nWritten to {out}")
    return 0


def conditions() -> Iterator[tuple[str, float | None, VariationConfig]]:
    """Yields factor, value and variation of each condition; the first is the nominal robot: "nominal", None."""
    yield "nominal", None, VariationConfig()
    for factor, ends in ENDS.items():
        for value in ends:
            yield factor, value, fixed(factor, value)


def fixed(factor: str, value: float) -> VariationConfig:
    """Returns the variation in which every robot has this value of `factor`."""
    ranged = isinstance(getattr(VariationConfig, factor), tuple)
    return replace(VariationConfig(), **{factor: (value, value) if ranged else value})


def all_rows(config: VariationBenchmarkConfig) -> Iterator[dict]:
    """Yields a row of figures for each walker and condition, and prints its success rate."""
    models = (None, *dict.fromkeys(config.model))
    for model, setting, policy in [(model, *read_walker(model)) for model in models]:  # all are read before any walks
        judge = as_walk_judge(find_task(setting.env_id).judge, setting.env_id)
        terrain_seed = BENCHMARK_TERRAIN.at(config.seeds_from, name="seeds_from")
        task = judge.play_task(setting, Scene("rough", config.level, COMMAND), terrain_seed)
        task = replace(task, terrain=replace(task.terrain, levels=task.terrain.levels * TILES))
        played = {}  # a delay in no episode and pushes of speed 0 equal the nominal robot, which is played once
        for factor, value, variation in conditions():
            if variation not in played:
                env = judge.vector(setting, replace(task, variation=variation), config.episodes)
                played[variation] = walk(env, policy, config.episodes, config.seeds_from)
            summary = played[variation]
            title = GAIT if model is None else str(model)
            print(f"{title}, {factor} {'' if value is None else value}: {summary['success']:.0%}", flush=True)
            yield {"walker": title, "factor": factor, "value": value, **summary}


def read_walker(model: Path | None) -> tuple[Setting, Policy | None]:
    """Returns the environment of a policy, with obstacles and ends of an episode as by default, and the policy.

    For None these are the default environment and None.

    Raises:
        ValueError: the policy cannot be read, or adds to no gait.
    """
    if model is None:
        return Setting(DEFAULT_ID), None
    env_id, arguments = read_env(model)
    as_gait_judge(find_task(env_id).judge, env_id)
    task = {name: value for name, value in arguments.get("config", {}).items() if name not in ENDS_OF_EPISODES}
    if "terrain" in task:
        task["terrain"] = {name: value for name, value in task["terrain"].items() if name not in OBSTACLES}
    return Setting(env_id, arguments | {"config": task}), load_run(model, (env_id, arguments)).act


def walk(env: VectorEnv, policy: Policy | None, episodes: int, seed: int) -> dict:
    """Plays `episodes` walks of a policy, or of the gait alone for None, and closes `env`; returns their summary."""
    with closing(env):
        return summarise(evaluate(env, policy or gait_alone(env), episodes, seed))


def write_csv(path: Path, rows: list[dict]) -> None:
    """Writes walker, factor, value, episodes, FIGURES and the ends of the success interval of every row."""
    names = ("walker", "factor", "value", "episodes", *FIGURES)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*names, "success_low", "success_high"])
        writer.writerows([*(row[name] for name in names), *row["success_interval"]] for row in rows)


if __name__ == "__main__":
    sys.exit(main())
