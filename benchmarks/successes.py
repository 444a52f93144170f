"""How often policies reach what their task is about, beside still and random actions: `python benchmarks/successes.py`.

For environments whose episodes tell successes, as CubeInHand-v0 and the Shadow hand's. All play the same episodes, from
seeds that no training makes, on the nominal physics. Prints a Markdown table and writes it as CSV.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from gymnasium.vector import VectorEnv
from scipy.stats import bootstrap

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.terrain_report import write_csv
from evaluation.baselines import random_actions, zero_actions
from evaluation.episodes import Policy, interval_text, mean_interval
from evaluation.held_out_seeds import SUCCESSES
from run_folder.runs import load_run
from training.command_line import config_of_run
from training.config import TrainConfig
from utils.console.outputs import check_no_loss, check_output_folder, csv_with, used_alone
from utils.console.terminal import tolerant_output
from utils.files import write_aside
from utils.paths import with_home

TABLE = "successes.csv"
SEEN_BY_NOBODY = SUCCESSES.first  # the first episode's seed


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Plays everything, prints the table and writes the CSV; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, nargs="+", required=True, help="run folders, checkpoints, shipped policies")
    parser.add_argument("--episodes", type=int, default=64)
    parser.add_argument("--episode-steps", type=int, help="how much of an episode is played; all of it if not given")
    parser.add_argument("--num-threads", type=int, default=2, help="for physics")
    parser.add_argument("--out", type=Path, default=Path("runs/successes"), help="folder for successes.csv")
    args = parser.parse_args(with_home(argv))
    try:
        out = check_output_folder(args.out, [(TABLE, csv_with("policy", "episodes"))])
        check_no_loss(out / TABLE, "policy", ["zero", "random", *map(str, args.model)])  # before hours of playing
        with used_alone(out):
            rows = list(all_rows(args.model, args.episodes, args.num_threads, args.episode_steps))
            write_aside(out / TABLE, lambda aside: write_csv(aside, rows))
    except (ValueError, OSError) as error:
        print(f"successes: {error}", file=sys.stderr)
        return 2
    print(table(rows))
    return 0


def all_rows(models: list[Path], episodes: int, num_threads: int, episode_steps: int | None = None) -> Iterator[dict]:
    """Yields a row for still hands, one for random actions, and one for each policy, in episodes of so many steps.

    Raises:
        ValueError: a policy cannot be read, they are of different environments, or episodes tell no successes.
    """
    configs = {model: shortened(config_of_run(model, num_threads), episode_steps) for model in models}
    ids = {config.env_id for config in configs.values()}
    if len(ids) != 1:
        raise ValueError(f"all models must be of one environment, got {', '.join(sorted(ids))}")
    idle = played(configs[models[0]], zero_actions, episodes)
    yield row("zero", idle, idle)
    yield row("random", played(configs[models[0]], random_actions, episodes), idle)
    for model, config in configs.items():
        yield row(str(model), played(config, lambda env, model=model: load_run(model).act, episodes), idle)


def shortened(config: TrainConfig, episode_steps: int | None) -> TrainConfig:
    """Returns the config whose episodes, those of evaluations too, have so many steps; itself for None.

    Raises:
        ValueError: there is no such number of steps, or it is a training of walks, which are judged over a distance.
    """
    if episode_steps is None:
        return config
    if config.task.judge.fixed_length:
        raise ValueError(f"--episode-steps is nothing for {config.env_id}, which is judged over a distance")
    return replace(config, env_kwargs=replace(config, episode_steps=episode_steps).env_arguments)


def played(
    config: TrainConfig, make_policy: Callable[[VectorEnv], Policy], episodes: int, seed: int = SEEN_BY_NOBODY
) -> dict[str, np.ndarray]:
    """Returns `successes`, `steps`, `return` and `terminated` of each episode of a policy, (episodes,) each.

    The first one is played from `seed`.

    Raises:
        ValueError: the episodes tell no successes.
    """
    with closing(config.make_evaluation_env(episodes, seed, nominal=True)) as env:
        records = config.task.judge.evaluate(env, make_policy(env), episodes, seed)
    if "successes" not in records[0]:
        raise ValueError(f"episodes of {config.env_id} tell no successes")
    return {name: np.array([record[name] for record in records], float) for name in records[0]}


def row(title: str, own: dict[str, np.ndarray], idle: dict[str, np.ndarray]) -> dict:
    """Returns what a policy has reached: successes in 1000 steps with their 95 % interval (bootstrapped over episodes), of
    episodes median and mean successes, the share that ended early, mean steps, and mean return with Student's interval;
    and by how much returns are above those of `idle`, the same episodes of still hands, with the interval of their pairs.
    """
    successes, steps, returns = own["successes"], own["steps"], own["return"]
    gain = returns - idle["return"]
    return {
        "policy": title,
        "episodes": len(steps),
        "successes_per_1000_steps": float(rate(successes, steps)),
        "successes_per_1000_steps_interval": interval(successes, steps),
        "median_successes": float(np.median(successes)),
        "mean_successes": float(successes.mean()),
        "ended_early": float(np.mean(own["terminated"])),
        "mean_steps": float(steps.mean()),
        "mean_return": float(np.mean(returns)),
        "mean_return_interval": mean_interval(returns),
        "return_above_zero": float(np.mean(gain)),
        "return_above_zero_interval": mean_interval(gain),
    }


def rate(successes: np.ndarray, steps: np.ndarray, axis: int = -1) -> np.ndarray:
    """Returns the successes of all episodes in 1000 steps of all."""
    return 1000 * successes.sum(axis) / steps.sum(axis)


def interval(successes: np.ndarray, steps: np.ndarray) -> tuple[float, float]:
    """Returns the 95 % percentile bootstrap interval of the rate, whole episodes drawn; of one episode, everything."""
    if len(steps) < 2:
        return -np.inf, np.inf
    drawn = bootstrap((successes, steps), rate, paired=True, vectorized=True, method="percentile", rng=0)
    return tuple(map(float, drawn.confidence_interval))


def table(rows: list[dict]) -> str:
    """Returns the rows as a Markdown table."""
    head = ("policy", "successes in 1000 steps (95 %)", "median episode", "ended early", "mean steps", "return (95 %)")
    head += ("above zero's, same episodes (95 %)",)
    return "\n".join([f"| {' | '.join(head)} |", "|" + "---|" * len(head), *map(_line, rows)])


def _line(row):
    cells = (
        row["policy"],
        _with_interval(row, "successes_per_1000_steps", 2),
        f"{row['median_successes']:g}",
        f"{row['ended_early']:.0%}",
        f"{row['mean_steps']:.0f}",
        _with_interval(row, "mean_return", 1),
        _with_interval(row, "return_above_zero", 1),
    )
    return f"| {' | '.join(cells)} |"


def _with_interval(row, name, digits):
    return f"{row[name]:.{digits}f} ({interval_text(row[f'{name}_interval'], digits)})"


if __name__ == "__main__":
    sys.exit(main())
