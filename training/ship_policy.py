"""Copies a trained run to a shipped policy: `python -m training.ship_policy RUN --benchmark runs/terrain_benchmark`.

Writes `assets/policies/<env id>/`: the run's policy, normaliser, env and config, and `card.json`: command, seed, versions,
commit, wall time and steps of the training, and all rows of the benchmark. The task's row in `training.tasks` names the
benchmark's tables: those of terrain_benchmark.py for walks, of successes.py for other tasks.
"""

import argparse
import csv
import shlex
import shutil
import sys
from pathlib import Path

from run_folder.policy import POLICY_FILES
from run_folder.records import CONFIG, ENV, read_record
from run_folder.runs import CARD, load_run
from training.tasks import find_task
from utils.console.outputs import check_outside_runs
from utils.console.terminal import tolerant_output
from utils.files import read_json, whole_folder, write_json
from utils.paths import expanded, with_home

POLICIES = Path(__file__).parents[1] / "assets" / "policies"
SHIPPED = (*POLICY_FILES, ENV, CONFIG, CARD)
NAMES = ("walker", "policy")  # columns of the benchmarks' tables that name a run


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Ships the run that the command line names; returns the exit code."""
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
    env_id = load_run(run).env_id  # refuses a run that cannot be played
    tables = {name: read_rows(benchmark / f"{name}.csv") for name in find_task(env_id).tables}
    content = card(run, env_id, read_record(run), tables)
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


def card(run: Path, env_id: str, record: dict, tables: dict[str, list[dict]]) -> dict:
    """Returns the content of card.json, from the `record` in the run's config.yaml and the benchmark's tables.

    Raises:
        ValueError: the training has not ended, or a table has no row of the run.
    """
    took = read_json(run / CARD) if (run / CARD).is_file() else {"steps": 0}
    if took["steps"] < record["config"]["total_timesteps"]:
        raise ValueError(f"the training of {run} has not ended")
    for name, rows in tables.items():
        if str(run) not in {row[column] for row in rows for column in NAMES if column in row}:
            raise ValueError(f"{name}.csv of the benchmark has no row of {run}: give that run to it as --model {run}")
    columns = {column for rows in tables.values() for row in rows for column in NAMES if column in row}
    return {
        "env_id": env_id,
        **dict.fromkeys(columns, str(run)),
        "command": shlex.join(["python", f"{find_task(env_id).script}.py", *record["argv"]]),
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
