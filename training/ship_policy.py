"""Makes a shipped policy from a trained run: `python -m training.ship_policy RUN --benchmark runs/terrain_benchmark`.

Writes the folder `assets/policies/<env id>/` with the policy, the normaliser, the environment and the config of the run, and
`card.json`: command, seed, versions, commit, wall time and steps of the training, and all rows of the benchmark. The row of
the task in `training.tasks` names the tables that the benchmark must have: terrain_benchmark.py writes those of robots with
a gait, episode_benchmark.py those of other robots on legs, successes.py those of other tasks. Other tables in the folder
with a row of the run are added: steering.csv of steering_benchmark.py. The card of a run that started from another one also
says how that one was trained.
"""

import csv
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from run_folder.policy import POLICY_FILES
from run_folder.records import CONFIG, ENV, add_to_record, read_record
from run_folder.runs import CARD, load_run
from training.lineage import EARLIER, RECORD, earlier, training
from training.tasks import find_task
from utils.console.arguments import parse_arguments
from utils.console.outputs import check_outside_runs
from utils.console.terminal import tolerant_output
from utils.fields import Checked
from utils.files import finite, read_json, reading, whole_folder, write_json
from utils.paths import expanded, with_home

POLICIES = Path(__file__).parents[1] / "assets" / "policies"
SHIPPED = (*POLICY_FILES, ENV, CONFIG, CARD)
NAMES = ("walker", "policy")  # columns that name a run in the tables of the benchmarks


@dataclass(frozen=True, kw_only=True)
class ShipConfig(Checked):
    """The run to ship, its benchmark, and the folder to write."""

    run: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="RUN")]]
    """Run folder."""
    benchmark: Path
    """Folder with the results of the benchmark."""
    out: Path | None = None
    """Folder to write; the default is assets/policies/<env id>."""


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Ships the run on the command line; returns the exit code."""
    config = parse_arguments(ShipConfig, with_home(argv), about=__doc__)
    try:
        out = ship(config.run, config.benchmark, config.out)
    except (ValueError, OSError) as error:
        print(f"ship_policy: {error}", file=sys.stderr)
        return 2
    print(f"Shipped {config.run} as {out}")
    return 0


def ship(run: Path, benchmark: Path, out: Path | None = None) -> Path:
    """Writes the shipped policy of `run`; returns its folder.

    Raises:
        ValueError: the run cannot be read, its training has not ended, or the benchmark has no row of it.
    """
    env_id = load_run(run).env_id  # raises ValueError for a run that cannot be played
    tables = {name: read_rows(benchmark / f"{name}.csv") for name in find_task(env_id).tables} | further(run, benchmark)
    record = read_record(run)
    content = card(run, env_id, record, tables)
    out = expanded(out or POLICIES / env_id)
    check_replaceable(out)
    with whole_folder(out) as folder:
        for name in (*POLICY_FILES, ENV, CONFIG):
            shutil.copyfile(run / name, folder / name)
        if RECORD in record:  # the path of the machine becomes the path of the command
            add_to_record(folder, {RECORD: record[RECORD] | {"path": record["config"]["start_from"]}})
        write_json(folder / CARD, finite(content))
    return out


def check_replaceable(out: Path) -> None:
    """Raises ValueError unless `out` does not exist, is an empty folder, or contains only a shipped policy."""
    check_outside_runs(out.resolve(), out)
    if not out.exists():
        return
    there = {path.name for path in out.iterdir()} if out.is_dir() else {out.name}
    shipped = CARD in there and "benchmark" in read_json(out / CARD)
    if there - ({*SHIPPED} if shipped else set()):
        raise ValueError(f"{out} would be replaced, and it contains more than a shipped policy: choose another --out")


def card(run: Path, env_id: str, record: dict, tables: dict[str, list[dict]]) -> dict:
    """Returns the content of card.json.

    Args:
        run: folder of the run.
        env_id: id of its environment.
        record: content of its config.yaml.
        tables: rows of each table of the benchmark, by the name of the table.

    Raises:
        ValueError: the training has not ended, or a table has no row of the run.
    """
    progress = read_json(run / CARD) if (run / CARD).is_file() else {}
    with reading(run / CONFIG):
        planned, about = record["config"]["total_timesteps"], training(record, progress)
    if progress.get("steps", 0) < planned:
        raise ValueError(f"the training of {run} has not ended")
    for name, rows in tables.items():
        if not _judges(rows, run):
            raise ValueError(f"{name}.csv of the benchmark has no row of {run}: run the benchmark with --model {run}")
    columns = {column for rows in tables.values() for row in rows for column in NAMES if column in row}
    before = earlier(record)
    return {
        "env_id": env_id,
        **dict.fromkeys(columns, str(run)),
        **about,
        **({EARLIER: before} if before else {}),
        "benchmark": tables,
    }


def further(run: Path, benchmark: Path) -> dict[str, list[dict]]:
    """Returns the rows of all CSV files in the folder `benchmark` that have a row of the run, by the name of the file."""
    tables = {path.stem: read_rows(path) for path in sorted(benchmark.glob("*.csv"))}
    return {name: rows for name, rows in tables.items() if _judges(rows, run)}


def _judges(rows, run):
    """Returns whether a row names the run."""
    return str(run) in {row[column] for row in rows for column in NAMES if column in row}


def read_rows(path: Path) -> list[dict]:
    """Reads the rows of a CSV file; converts each cell that contains a number to float.

    Raises:
        ValueError: the file cannot be read, or a line has too few or too many cells.
    """
    with reading(path), path.open(newline="") as file:
        table = csv.DictReader(file)
        return [_read_row(row, table.line_num) for row in table]


def _read_row(row, line):
    if None in row or None in row.values():
        raise ValueError(f"line {line} must have as many values as the first line")
    return {name: _number(text) for name, text in row.items()}


def _number(text):
    try:
        return float(text)
    except ValueError:
        return text


if __name__ == "__main__":
    sys.exit(main())
