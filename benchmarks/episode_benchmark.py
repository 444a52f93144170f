"""Counts falls and measures speeds of robots on legs: `python benchmarks/episode_benchmark.py --model RUN`.

Plays the task of each policy, with zero actions and random actions beside it, on nominal robots, from held-out seeds. An
episode has 20 s; 10 s with one command if some commands are not straight ahead; 5 s in tasks without a command. A success
is an episode without a fall in which the robot follows its command, as `evaluation.walk_tally.follows` says, or at whose
end it stands. Intervals are Wilson's 95 % intervals. Prints a Markdown table, and writes all figures to episodes.csv in the
folder --out.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import MISSING, dataclass
from pathlib import Path

from gymnasium.vector import VectorEnv

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.terrain_report import write_csv
from evaluation.baselines import random_actions, zero_actions
from evaluation.episodes import Policy
from evaluation.held_out_seeds import SUCCESSES
from evaluation.walk_judge import as_walk_judge
from evaluation.walks import evaluate, summarise
from run_folder.runs import load_run
from training.command_line import config_of_run
from training.config import TrainConfig
from utils.console.arguments import parse_arguments
from utils.console.outputs import check_no_loss, check_output, csv_with, used_alone
from utils.console.terminal import tolerant_output
from utils.fields import Checked, checked, within
from utils.files import write_aside
from utils.paths import with_home

BASELINES = {"zero actions": zero_actions, "random actions": random_actions}


@dataclass(frozen=True, kw_only=True)
class EpisodeBenchmarkConfig(Checked):
    """The policies, their episodes, and the folder of the results."""

    model: tuple[Path, ...] = checked(MISSING, bool, "name at least one policy")
    """Run folders, checkpoints or shipped policies of one task."""
    episodes: int = within(100, 1)
    """Number of episodes of each policy."""
    num_threads: int = within(2, 1)
    """Threads for physics."""
    out: Path = Path("runs/episode_benchmark")
    """Folder of the results."""

    def __post_init__(self):
        super().__post_init__()
        SUCCESSES.at(0, self.episodes)


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Plays all episodes, prints the table and writes the CSV; returns the exit code."""
    config = parse_arguments(EpisodeBenchmarkConfig, with_home(argv), about=__doc__)
    try:
        out = check_output(config.out / "episodes.csv", csv_with("policy"))
        check_no_loss(out, "policy", [*BASELINES, *map(str, config.model)])  # before the episodes
        out.parent.mkdir(parents=True, exist_ok=True)
        with used_alone(out):
            rows = list(all_rows(config))
            write_aside(out, lambda aside: write_csv(aside, rows))
    except (ValueError, OSError) as error:
        print(f"episode_benchmark: {error}", file=sys.stderr)
        return 2
    print(f"{table(rows)}\n\nWritten to {out}")
    return 0


def all_rows(config: EpisodeBenchmarkConfig) -> Iterator[dict]:
    """Yields a row for each baseline in the task of the first policy, and for each policy.

    Raises:
        ValueError: a policy cannot be read, its robot is not one that walks, or the policies are of different tasks.
    """
    configs = {model: config_of_run(model, config.num_threads) for model in config.model}
    first = configs[config.model[0]]
    for model, own in configs.items():
        if task_of(own) != task_of(first):
            raise ValueError(f"{model} is of another task than {config.model[0]}: give each task an --out of its own")
    for title, make_policy in BASELINES.items():
        yield {"policy": title, **played(first, make_policy, config.episodes)}
    for model, own in configs.items():
        yield {"policy": str(model), **played(own, lambda env, model=model: load_run(model).act, config.episodes)}


def task_of(config: TrainConfig) -> tuple[str, str]:
    """Returns the id of a training's environment, and the name of its task, if tasks have names."""
    return config.env_id, getattr(config.task_arguments.get("config"), "task_name", "")


def played(
    config: TrainConfig, make_policy: Callable[[VectorEnv], Policy], episodes: int, seed: int = SUCCESSES.first
) -> dict:
    """Plays episodes of a policy in the task of a training; returns their summary.

    `make_policy` is called with the simulations; the first episode starts from `seed`. The summary also has the lowest mean
    speed of an episode, m/s.

    Raises:
        ValueError: the robot is not one that walks on command.
    """
    as_walk_judge(config.task.judge, config.env_id)
    with closing(config.make_evaluation_env(episodes, seed, nominal=True)) as env:
        records = evaluate(env, make_policy(env), episodes, seed, goal=None)
    return summarise(records) | {"least_speed_mps": min(record["mean_speed_mps"] for record in records)}


def table(rows: list[dict]) -> str:
    """Returns the rows as a Markdown table."""
    head = ("policy", "success", "falls", "speed (m/s)", "slowest episode (m/s)", "distance (m)", "return")
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for row in rows:
        rates = " | ".join(_rate(row, name) for name in ("success", "fall"))
        speeds = f"{row['mean_speed_mps']:.3f} | {row['least_speed_mps']:.3f}"
        lines.append(f"| {row['policy']} | {rates} | {speeds} | {row['distance_m']:.2f} | {row['return']:.0f} |")
    return "\n".join(lines)


def _rate(row, name):
    low, high = row[f"{name}_interval"]
    return f"{row[name]:.0%} ({low:.0%} to {high:.0%})"


if __name__ == "__main__":
    sys.exit(main())
