"""What SAC learns under the combined challenges, beside random actions: `python benchmarks/challenge_table.py`.

Trains every task at every level with every seed, each by a `train.py` of its own, seed after seed, so that what is done
by any time is balanced; the same command goes on where it was stopped. The policy at a training's end, not the best one,
plays episodes that training has not seen, under the same challenge. Prints a Markdown table and writes every return.
"""

import argparse
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.successes import SEEN_BY_NOBODY
from evaluation.baselines import random_actions
from evaluation.episodes import evaluate_returns, interval_text, mean_interval
from run_folder.records import CONFIG
from run_folder.runs import ended, load_run
from utils.console.outputs import check_output_folder, json_with, used_alone
from utils.console.terminal import tolerant_output
from utils.files import write_json
from utils.paths import with_home
from utils.provenance import versions

TRAIN = Path(__file__).parents[1] / "train.py"
RETURNS = "returns.json"
LEVELS = ("clean", "easy", "medium", "hard")


class Cell(NamedTuple):
    """One training of the table."""

    seed: int
    env: str
    level: str

    @property
    def name(self) -> str:
        return f"{self.env}_{self.level}_{self.seed}"


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Trains and judges every cell, prints the table and writes the returns; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--envs", nargs="+", default=["RWRLCartpoleSwingup-v0", "RWRLWalkerWalk-v0"])
    parser.add_argument("--levels", nargs="+", default=LEVELS, choices=LEVELS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of the trainings")
    parser.add_argument("--steps", type=int, default=60_000, help="of each training")
    parser.add_argument("--episodes", type=int, default=20, help="to judge a policy by")
    parser.add_argument("--workers", type=int, help="trainings at once, on one thread each; 2 if not given")
    parser.add_argument("--out", type=Path, default=Path("runs/challenge_table"), help="folder of the runs and results")
    parser.add_argument("--no-training", action="store_true", help="only tell of the trainings that are done")
    args = parser.parse_args(with_home(argv))
    cells = [Cell(*of) for of in product(args.seeds, args.envs, args.levels)]
    try:
        args.out = check_output_folder(args.out, [(RETURNS, json_with("learned", "random"))])
        with used_alone(args.out):
            run(args, cells)
    except (ValueError, OSError, subprocess.CalledProcessError) as error:
        print(f"challenge_table: {error}", file=sys.stderr)
        return 2
    return 0


def run(args: argparse.Namespace, cells: list[Cell]) -> None:
    """Trains the cells unless --no-training is given, judges those that have ended, writes and prints the table."""
    if args.no_training and args.workers is not None:
        raise ValueError("--workers has no effect: --no-training trains nothing")
    if not args.no_training:
        with ThreadPoolExecutor(args.workers or 2) as pool:
            list(pool.map(partial(train, out=args.out, steps=args.steps), cells))
    done = [cell for cell in cells if ended(args.out / cell.name, args.steps)]
    returns = {cell: learned(args.out / cell.name, args.episodes) for cell in done}
    rows = {cell[1:]: cell for cell in done}  # chance knows no training: one of a row's seeds will do
    chances = {row: chance(args.out / cell.name, args.episodes) for row, cell in rows.items()}
    write(args.out / RETURNS, args.steps, returns, chances)
    print(table(returns, chances))


def train(cell: Cell, out: Path, steps: int) -> None:
    """Trains a cell to its end, or goes on with it; what it says goes to a file beside its run.

    Raises:
        CalledProcessError: the training failed.
    """
    run = out / cell.name
    if ended(run, steps):
        return
    anew = ["--env", cell.env, "--algo", "sac", "--seed", cell.seed, "--run-dir", run, "--num-threads", 1]
    if cell.level != "clean":
        anew += ["--env-kwargs", f"{{combined_challenge: {cell.level}}}"]
    how = ["--resume", run] if (run / CONFIG).is_file() else anew
    out.mkdir(parents=True, exist_ok=True)
    with (out / f"{cell.name}.log").open("a") as log:
        command = [sys.executable, TRAIN, *how, "--total-timesteps", steps]
        subprocess.run([*map(str, command)], stdout=log, stderr=subprocess.STDOUT, check=True)
    print(f"{cell.name} is trained", file=sys.stderr, flush=True)


def learned(run: Path, episodes: int) -> list[float]:
    """Returns the return of every episode of a run's policy."""
    trained = load_run(run)
    return _returns(trained.make_env(episodes), trained.act, episodes)


def chance(run: Path, episodes: int) -> list[float]:
    """Returns the return of every episode of even random actions in a run's environment."""
    env = load_run(run).make_env(episodes)
    return _returns(env, random_actions(env), episodes)


def _returns(env, policy, episodes):
    try:
        return [record["return"] for record in evaluate_returns(env, policy, episodes, SEEN_BY_NOBODY)]
    finally:
        env.close()


def table(returns: dict[Cell, list[float]], chances: dict[tuple[str, str], list[float]]) -> str:
    """Returns the table: random actions, the mean of the seeds' mean returns with its 95 % interval, and each seed's."""
    lines = ["| task | challenge | random | SAC | 95 % | each seed |", "|" + "---|" * 6]
    for (env, level), random in chances.items():
        means = [float(np.mean(own)) for cell, own in returns.items() if cell[1:] == (env, level)]
        interval = interval_text(mean_interval(means), 0)
        each = ", ".join(f"{mean:.0f}" for mean in means)
        lines.append(f"| `{env}` | {level} | {np.mean(random):.0f} | {np.mean(means):.0f} | {interval} | {each} |")
    return "\n".join(lines)


def write(path: Path, steps: int, returns: dict, chances: dict) -> None:
    """Writes every episode's return as JSON."""
    learned = [{**cell._asdict(), "returns": own} for cell, own in returns.items()]
    random = [{"env": env, "level": level, "returns": own} for (env, level), own in chances.items()]
    write_json(path, {"steps": steps, "versions": versions(), "learned": learned, "random": random})


if __name__ == "__main__":
    sys.exit(main())
