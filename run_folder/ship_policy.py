"""Makes a trained run a shipped policy: `python -m run_folder.ship_policy RUN --benchmark runs/terrain_benchmark`.

Writes `assets/policies/<env id>/`: the run's policy, normaliser, env and config, and `card.json`: command,
seed, versions, commit, wall time and steps of the training, and the benchmark's rows, those of others too. Policies that
do not walk are judged by successes.py.
"""

import argparse
import csv
import shlex
import shutil
import sys
from pathlib import Path

from run_folder.policy import POLICY_FILES
from run_folder.records import CONFIG, ENV, read_record, trained_id
from run_folder.runs import CARD, load_run
from training.tasks.presets import WALKS
from utils.console.outputs import check_outside_runs
from utils.console.terminal import tolerant_output
from utils.files import read_json, whole_folder, write_json
from utils.paths import expanded, with_home

POLICIES = Path(__file__).parents[1] / "assets" / "policies"
SHIPPED = (*POLICY_FILES, ENV, CONFIG, CARD)
WALK_TABLES, OTHER_TABLES = ("terrain", "flat"), ("successes",)  # of the benchmarks


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Ships what the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument("--benchmark", type=Path, required=True, help="folder of terrain_benchmark.py or successes.py")
    parser.add_argument("--out", type=Path, help="folder to write; assets/policies/<env id> if not given")
    args = parser.parse_args(with_home(argv))
    try:
        out = ship(args.run, args.benchmark, args.out)
    except (ValueError, OSError) as error:
        print(f"ship_policy: {error}", file=sys.stderr)
        return 2
    print(f"Shipped {args.run} as {out}")
    return 0


def ship(run: Path, benchmark: Path, out: Path | None = None) -> Path:
    """Writes the shipped form of `run`; returns its folder.

    Raises:
        ValueError: the run cannot be read or is not finished, or the benchmark did not judge it.
    """
    load_run(run)  # refuses what cannot be played
    record = read_record(run)
    env_id = trained_id(run)
    tables = WALK_TABLES if env_id in WALKS else OTHER_TABLES
    content = card(run, record, {name: read_rows(benchmark / f"{name}.csv") for name in tables})
    out = expanded(out or POLICIES / env_id)
    check_replaceable(out)
    with whole_folder(out) as folder:
        for name in (*POLICY_FILES, ENV, CONFIG):
            shutil.copyfile(run / name, folder / name)
        write_json(folder / CARD, content)
    return out


def check_replaceable(out: Path) -> None:
    """Raises ValueError if `out` is anything but a new or empty folder, or a policy that was shipped before."""
    check_outside_runs(out.resolve(), out)
    if not out.exists():
        return
    there = {path.name for path in out.iterdir()} if out.is_dir() else {out.name}
    shipped = CARD in there and "benchmark" in read_json(out / CARD)
    if there - ({*SHIPPED} if shipped else set()):
        raise ValueError(f"{out} would be replaced, and it holds more than a shipped policy: give another --out")


def card(run: Path, record: dict, tables: dict[str, list[dict]]) -> dict:
    """Returns what a shipped policy says of itself, from the `record` in its config.yaml and the benchmark's tables."""
    took = read_json(run / CARD) if (run / CARD).is_file() else {"steps": 0}
    if took["steps"] < record["config"]["total_timesteps"]:
        raise ValueError(f"the training of {run} has not ended")
    for name, rows in tables.items():
        if str(run) not in {row.get("walker") or row.get("policy") for row in rows}:
            raise ValueError(f"{name}.csv of the benchmark has no row of {run}: give that run to it as --model {run}")
    env_id = trained_id(run)
    walks = env_id in WALKS
    return {
        "env_id": env_id,
        "walker" if walks else "policy": str(run),
        "command": shlex.join(["python", "train_residual_ppo.py" if walks else "train.py", *record["argv"]]),
        "seed": record["config"]["seed"],
        **took,
        "versions": record["versions"],
        "git": record["git"],
        "benchmark": tables,
    }


def read_rows(path: Path) -> list[dict]:
    """Returns the rows of a CSV file, with numbers as numbers."""
    with path.open(newline="") as file:
        return [{name: _number(text) for name, text in row.items()} for row in csv.DictReader(file)]


def _number(text):
    try:
        return float(text)
    except ValueError:
        return text


if __name__ == "__main__":
    sys.exit(main())
