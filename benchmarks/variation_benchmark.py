"""How floors, bodies, servos, delays and pushes change a walk: `python benchmarks/variation_benchmark.py --help`.

One factor at a time is set to either end of a range; all others stay nominal. Most ends lie twice as far out as trainings
go (`envs.residual_walk.variation.TRAINING_VARIATION`), because the real difference between robot and model is unknown. All
walkers take the same starts on the same rough ground, of a terrain seed that no training made, at 0.3 m/s. A success is
10 m from the start without a fall within 50 s, two thirds of that speed; with Wilson's 95 % interval. Prints a Markdown
table and writes all figures as CSV.
"""

import argparse
import csv
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from gymnasium.vector import VectorEnv

sys.path.insert(0, str(Path(__file__).parents[1]))

from envs.residual_walk.variation import VariationConfig
from evaluation.held_out_seeds import BENCHMARK_EPISODES, BENCHMARK_TERRAIN
from evaluation.judges import Scene, Setting
from evaluation.walk_judge import as_walk_judge
from evaluation.walks import Policy, evaluate, gait_alone, success_table, summarise
from run_folder.records import read_env
from run_folder.runs import load_run
from training.tasks import find_task
from utils.console.outputs import check_no_loss, check_output, csv_with, used_alone
from utils.console.terminal import tolerant_output
from utils.env_ids import DEFAULT_ID
from utils.files import write_aside
from utils.paths import with_home

GAIT = "gait alone"
TILES = 4  # of ground: one lucky tile must not decide
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


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Plays every walker under every condition, prints the table and writes the CSV; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, nargs="*", default=[], help="run folders of trained policies")
    parser.add_argument("--episodes", type=int, default=50, help="of every walker under every condition")
    parser.add_argument(
        "--seeds-from", type=int, default=10_000, help="seed of the first episode and of the terrain, from 10,000 on"
    )
    parser.add_argument("--level", type=float, default=0.75, help="terrain level, 0 to 1")
    parser.add_argument("--csv", type=Path, default=Path("runs/variation.csv"), help="file of the results")
    args = parser.parse_args(with_home(argv))
    try:
        if args.episodes < 1:
            raise ValueError(f"episodes must be at least 1, got {args.episodes}")
        BENCHMARK_EPISODES.at(args.seeds_from, args.episodes, "seeds-from")
        args.csv = check_output(args.csv, csv_with("walker", "factor", "value"))
        check_no_loss(args.csv, "walker", [GAIT, *map(str, args.model)])  # before much walking
        with used_alone(args.csv):
            rows = list(all_rows(args))
            write_aside(args.csv, lambda aside: write_csv(aside, rows))
    except (ValueError, OSError) as error:
        print(f"variation_benchmark: {error}", file=sys.stderr)
        return 2
    print(f"\n{success_table(rows, ('factor', 'value'), 'walker')}\n\nWritten to {args.csv}")
    return 0


def conditions() -> Iterator[tuple[str, float | None, VariationConfig]]:
    """Yields factor, value and what then varies: first the nominal robot, whose factor is "nominal" and value None."""
    yield "nominal", None, VariationConfig()
    for factor, ends in ENDS.items():
        for value in ends:
            yield factor, value, fixed(factor, value)


def fixed(factor: str, value: float) -> VariationConfig:
    """Returns the variation that gives every robot this value of `factor`."""
    ranged = isinstance(getattr(VariationConfig, factor), tuple)
    return replace(VariationConfig(), **{factor: (value, value) if ranged else value})


def all_rows(args: argparse.Namespace) -> Iterator[dict]:
    """Yields a row of figures for each walker and condition, and prints how far it is."""
    for model in (None, *dict.fromkeys(args.model)):
        setting = Setting(DEFAULT_ID) if model is None else Setting(*read_env(model))
        judge = as_walk_judge(find_task(setting.env_id).judge, setting.env_id)
        terrain_seed = BENCHMARK_TERRAIN.at(args.seeds_from, name="seeds-from")
        task = judge.play_task(setting, Scene("rough", args.level), terrain_seed)
        task = replace(task, terrain=replace(task.terrain, levels=task.terrain.levels * TILES))
        policy = None if model is None else load_run(model, (setting.env_id, setting.arguments)).act
        played = {}  # late controls in no episode, or pushes of no speed, are the nominal robot
        for factor, value, variation in conditions():
            if variation not in played:
                env = judge.vector(setting, replace(task, variation=variation), args.episodes)
                played[variation] = walk(env, policy, args.episodes, args.seeds_from)
            summary = played[variation]
            title = GAIT if model is None else str(model)
            print(f"{title}, {factor} {'' if value is None else value}: {summary['success']:.0%}", flush=True)
            yield {"walker": title, "factor": factor, "value": value, **summary}


def walk(env: VectorEnv, policy: Policy | None, episodes: int, seed: int) -> dict:
    """Returns the summary of `episodes` walks of a policy, or of the gait alone if there is none; closes `env`."""
    with closing(env):
        return summarise(evaluate(env, policy or gait_alone(env), episodes, seed))


def write_csv(path: Path, rows: list[dict]) -> None:
    """Writes walker, factor, value, episodes, the success interval's ends and FIGURES of every row."""
    names = ("walker", "factor", "value", "episodes", *FIGURES)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*names, "success_low", "success_high"])
        writer.writerows([*(row[name] for name in names), *row["success_interval"]] for row in rows)


if __name__ == "__main__":
    sys.exit(main())
