"""Counts the successes of policies, of zero actions and of random actions: `python benchmarks/successes.py`.

For environments that report successes, as CubeInHand-v0 and those of the Shadow hand. All policies play the same episodes,
from held-out seeds, on the nominal physics. Prints a Markdown table and writes it as CSV.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import MISSING, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from gymnasium.vector import VectorEnv
from scipy.stats import bootstrap

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.terrain_report import write_csv
from evaluation.baselines import random_actions, zero_actions
from evaluation.episodes import Policy, interval_text, mean_interval
from evaluation.held_out_seeds import SUCCESSES
from evaluation.judges import Setting
from run_folder.runs import load_run
from training.command_line import config_of_run
from training.config import TrainConfig
from utils.console.arguments import parse_arguments
from utils.console.outputs import check_no_loss, check_output_folder, csv_with, used_alone
from utils.console.terminal import tolerant_output
from utils.fields import Checked, checked, within
from utils.files import write_aside
from utils.paths import with_home

TABLE = "successes.csv"
SEEN_BY_NOBODY = SUCCESSES.first  # seed of the first episode; no training plays it


@dataclass(frozen=True, kw_only=True)
class SuccessesConfig(Checked):
    """The policies, their episodes, and the folder of the results."""

    model: tuple[Path, ...] = checked(MISSING, bool, "name at least one policy")
    """Run folders, checkpoints or shipped policies."""
    episodes: int = within(64, 1)
    """Number of episodes of each policy."""
    episode_steps: int | None = within(None, 1)
    """Length of an episode, control steps; the default is that of the environment."""
    num_threads: int = within(2, 1)
    """Threads for physics."""
    out: Path = Path("runs/successes")
    """Folder for successes.csv."""


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Plays all episodes, prints the table and writes the CSV; returns the exit code."""
    config = parse_arguments(SuccessesConfig, with_home(argv), about=__doc__)
    try:
        out = check_output_folder(config.out, [(TABLE, csv_with("policy", "episodes"))])
        check_no_loss(out / TABLE, "policy", ["zero", "random", *map(str, config.model)])  # before hours of playing
        with used_alone(out):
            rows = list(all_rows(config.model, config.episodes, config.num_threads, config.episode_steps))
            write_aside(out / TABLE, lambda aside: write_csv(aside, rows))
    except (ValueError, OSError) as error:
        print(f"successes: {error}", file=sys.stderr)
        return 2
    print(table(rows))
    return 0


def all_rows(models: Sequence[Path], episodes: int, num_threads: int, episode_steps: int | None = None) -> Iterator[dict]:
    """Yields a row for zero actions, one for random actions, and one for each policy.

    Raises:
        ValueError: a policy cannot be read, the environments differ, or the environment reports no successes.
    """
    configs = {model: checked_length(config_of_run(model, num_threads), episode_steps) for model in models}
    ids = {config.env_id for config in configs.values()}
    if len(ids) != 1:
        raise ValueError(f"all models must be of one environment, got {', '.join(sorted(ids))}")
    play = partial(played, episodes=episodes, episode_steps=episode_steps)
    idle = play(configs[models[0]], zero_actions)
    yield row("zero", idle, idle)
    yield row("random", play(configs[models[0]], random_actions), idle)
    for model, config in configs.items():
        yield row(str(model), play(config, lambda env, model=model: load_run(model).act), idle)


def checked_length(config: TrainConfig, episode_steps: int | None) -> TrainConfig:
    """Returns the config. Raises ValueError if `episode_steps` is given for a task that is judged over a distance."""
    if episode_steps is not None and config.task.judge.fixed_length:
        raise ValueError(f"--episode-steps has no effect: {config.env_id} is judged over a distance")
    return config


def played(
    config: TrainConfig,
    make_policy: Callable[[VectorEnv], Policy],
    episodes: int,
    seed: int = SEEN_BY_NOBODY,
    episode_steps: int | None = None,
) -> dict[str, np.ndarray]:
    """Plays episodes; returns `successes`, `steps`, `return` and `terminated` of each, (episodes,) arrays by name.

    The first episode starts from `seed`. Episodes have up to `episode_steps` control steps; None for the limit of the task.

    Raises:
        ValueError: the environment reports no successes.
    """
    length = {} if episode_steps is None else {"max_episode_steps": episode_steps}
    setting = Setting(config.env_id, config.task_arguments | length, config.num_threads)
    with closing(config.task.judge.evaluation_env(setting, episodes, seed, nominal=True)) as env:
        records = config.task.judge.evaluate(env, make_policy(env), episodes, seed)
    if "successes" not in records[0]:
        raise ValueError(f"{config.env_id} reports no successes")
    return {name: np.array([record[name] for record in records], float) for name in records[0]}


def row(title: str, records: dict[str, np.ndarray], idle: dict[str, np.ndarray]) -> dict:
    """Returns the figures of a policy from the `records` of its episodes.

    The interval of the successes in 1000 steps is a 95 % bootstrap interval over episodes, that of the mean return is
    Student's. `idle` are the records of zero actions in the same episodes: `return_above_zero` is the mean of the paired
    differences of the returns, with Student's interval.
    """
    successes, steps, returns = records["successes"], records["steps"], records["return"]
    gain = returns - idle["return"]
    return {
        "policy": title,
        "episodes": len(steps),
        "successes_per_1000_steps": float(rate(successes, steps)),
        "successes_per_1000_steps_interval": interval(successes, steps),
        "median_successes": float(np.median(successes)),
        "mean_successes": float(successes.mean()),
        "ended_early": float(np.mean(records["terminated"])),
        "mean_steps": float(steps.mean()),
        "mean_return": float(np.mean(returns)),
        "mean_return_interval": mean_interval(returns),
        "return_above_zero": float(np.mean(gain)),
        "return_above_zero_interval": mean_interval(gain),
    }


def rate(successes: np.ndarray, steps: np.ndarray, axis: int = -1) -> np.ndarray:
    """Returns the successes per 1000 steps, over all episodes together."""
    return 1000 * successes.sum(axis) / steps.sum(axis)


def interval(successes: np.ndarray, steps: np.ndarray) -> tuple[float, float]:
    """Returns the 95 % percentile bootstrap interval of the rate over episodes; (-inf, inf) for one episode."""
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
