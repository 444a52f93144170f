"""Compares SAC with random actions under the combined challenges: `python benchmarks/challenge_table.py`.

Trains every task at every level with every seed, each with `train.py` in its own process. One seed is finished before the
next, so that the results at any time are balanced. If the program is stopped, the same command resumes it. The final policy
of a training, not the best one, plays held-out episodes under the same challenge. Prints a Markdown table and writes the
return of every episode.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
import tyro

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.study_trainings import ended_at
from benchmarks.successes import SEEN_BY_NOBODY
from evaluation.baselines import random_actions
from evaluation.episodes import evaluate_returns, interval_text, mean_interval
from run_folder.records import CONFIG, read_run_config
from run_folder.runs import ended, load_run
from utils.console.arguments import parse_arguments
from utils.console.outputs import check_output_folder, json_with, used_alone
from utils.console.terminal import tolerant_output
from utils.fields import Checked, checked, within
from utils.files import read_json, reading, write_json
from utils.paths import with_home
from utils.plain_yaml import dump_yaml
from utils.provenance import versions

TRAIN = Path(__file__).parents[1] / "train.py"
RETURNS = "returns.json"
LEVELS = ("clean", "easy", "medium", "hard")


@dataclass(frozen=True)
class ChallengeTableConfig(Checked):
    """The trainings, their evaluation, and the folder of the results."""

    envs: tuple[str, ...] = checked(("RWRLCartpoleSwingup-v0", "RWRLWalkerWalk-v0"), bool, "name at least one environment")
    """Ids of the environments."""
    levels: tuple[Literal[*LEVELS], ...] = checked(LEVELS, bool, "name at least one level")
    """Levels of the combined challenge; clean is no challenge."""
    seeds: tuple[int, ...] = within((1, 2, 3), 0, least=1)
    """Seeds of the trainings."""
    frames: int = within(1, 1, 1000)
    """Number of control steps of each observation; more than 1 stacks the last observations."""
    steps: int = within(60_000, 1)
    """Control steps of each training."""
    episodes: int = within(20, 1)
    """Number of episodes that evaluate each policy."""
    workers: int | None = within(None, 1)
    """Number of trainings at the same time, on one thread each; the default is 2."""
    out: Path = Path("runs/challenge_table")
    """Folder of the runs and of the results."""
    no_training: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Evaluate only the trainings that have ended, and train nothing."""

    def __post_init__(self):
        super().__post_init__()
        if self.no_training and self.workers is not None:
            raise ValueError("--workers has no effect: --no-training trains nothing")


class Cell(NamedTuple):
    """One training of the table."""

    seed: int
    env: str
    level: str
    frames: int = 1

    @property
    def name(self) -> str:
        past = f"_frames{self.frames}" if self.frames > 1 else ""
        return f"{self.env}_{self.level}{past}_{self.seed}"

    @property
    def env_kwargs(self) -> dict:
        """The arguments of the environment."""
        challenge = {} if self.level == "clean" else {"combined_challenge": self.level}
        return challenge | ({"frames": self.frames} if self.frames > 1 else {})


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Trains and evaluates every cell, prints the table and writes the returns; returns the exit code."""
    config = parse_arguments(ChallengeTableConfig, with_home(argv), about=__doc__)
    cells = [Cell(*cell) for cell in product(config.seeds, config.envs, config.levels, [config.frames])]
    try:
        out = check_output_folder(config.out, [(RETURNS, json_with("learned", "random"))])
        with used_alone(out):
            run(replace(config, out=out), cells)
    except (ValueError, OSError, subprocess.CalledProcessError) as error:
        print(f"challenge_table: {error}", file=sys.stderr)
        return 2
    return 0


def run(config: ChallengeTableConfig, cells: list[Cell]) -> None:
    """Trains the cells unless --no-training is given, evaluates those that have ended, writes and prints the table."""
    out, steps, episodes = config.out, config.steps, config.episodes
    if not config.no_training:
        with ThreadPoolExecutor(config.workers or 2) as pool:
            list(pool.map(partial(train, out=out, steps=steps), cells))
    done = [cell for cell in cells if ended_at(out / cell.name, steps)]
    check_kept(out / RETURNS, steps, episodes, done)
    returns = {cell: learned(out / cell.name, episodes) for cell in done}
    rows = {cell[1:3]: cell for cell in done}  # random actions do not depend on the training: one seed of a row is enough
    chances = {row: chance(out / cell.name, episodes) for row, cell in rows.items()}
    write(out / RETURNS, steps, returns, chances)
    print(table(returns, chances))


def train(cell: Cell, out: Path, steps: int) -> None:
    """Trains a cell to its end, or resumes its training; writes the output of the training to a .log beside its run.

    Raises:
        CalledProcessError: the training failed.
        ValueError: the folder has a training of another length.
    """
    run = out / cell.name
    if (run / CONFIG).is_file() and (planned := read_run_config(run).get("total_timesteps")) != steps:
        raise ValueError(f"{run} has a training of {planned:,} steps: give --steps {planned} or another --out")
    if ended(run, steps):
        return
    arguments = ["--env", cell.env, "--algo", "sac", "--seed", cell.seed, "--run-dir", run, "--num-threads", 1]
    if cell.env_kwargs:
        arguments += ["--env-kwargs", dump_yaml(cell.env_kwargs, flow=True).strip()]
    if (run / CONFIG).is_file():
        arguments = ["--resume", run]
    out.mkdir(parents=True, exist_ok=True)
    with (out / f"{cell.name}.log").open("a") as log:
        command = [sys.executable, TRAIN, *arguments, "--total-timesteps", steps]
        subprocess.run([*map(str, command)], stdout=log, stderr=subprocess.STDOUT, check=True)
    print(f"{cell.name} is trained", file=sys.stderr, flush=True)


def check_kept(path: Path, steps: int, episodes: int, cells: list[Cell]) -> None:
    """Raises ValueError if a file of earlier returns has results that the `cells` of this call do not replace."""
    if not path.is_file() or path.stat().st_size == 0:
        return
    before = read_json(path)
    with reading(path):
        kept = {Cell(**{name: row[name] for name in Cell._fields}): len(row["returns"]) for row in before["learned"]}
        others = sorted(cell.name for cell in kept.keys() - {*cells})
    if kept and (before["steps"], {*kept.values()}) != (steps, {episodes}):
        raise ValueError(f"{path} has results of other --steps or --episodes: give the same, or another --out")
    if others:
        raise ValueError(f"{path} has results of {', '.join(others)}: give these, too, or another --out")


def learned(run: Path, episodes: int) -> list[float]:
    """Returns the return of every episode of the policy of a run."""
    trained = load_run(run)
    return _returns(trained.make_env(episodes), trained.act, episodes)


def chance(run: Path, episodes: int) -> list[float]:
    """Returns the return of every episode of uniform random actions in the environment of a run."""
    env = load_run(run).make_env(episodes)
    return _returns(env, random_actions(env), episodes)


def _returns(env, policy, episodes):
    try:
        return [record["return"] for record in evaluate_returns(env, policy, episodes, SEEN_BY_NOBODY)]
    finally:
        env.close()


def table(returns: dict[Cell, list[float]], chances: dict[tuple[str, str], list[float]]) -> str:
    """Returns a Markdown table: returns of random actions, and of SAC the mean over seeds, its 95 % interval and each mean.

    The mean return of a seed is over its episodes; the interval is Student's, over seeds.
    """
    lines = ["| task | challenge | random | SAC | 95 % | each seed |", "|" + "---|" * 6]
    for (env, level), random in chances.items():
        means = [float(np.mean(values)) for cell, values in returns.items() if cell[1:3] == (env, level)]
        interval = interval_text(mean_interval(means), 0)
        each = ", ".join(f"{mean:.0f}" for mean in means)
        lines.append(f"| `{env}` | {level} | {np.mean(random):.0f} | {np.mean(means):.0f} | {interval} | {each} |")
    return "\n".join(lines)


def write(path: Path, steps: int, returns: dict, chances: dict) -> None:
    """Writes the return of every episode as JSON."""
    learned = [{**cell._asdict(), "returns": values} for cell, values in returns.items()]
    random = [{"env": env, "level": level, "returns": values} for (env, level), values in chances.items()]
    write_json(path, {"steps": steps, "versions": versions(), "learned": learned, "random": random})


if __name__ == "__main__":
    sys.exit(main())
