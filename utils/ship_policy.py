"""Makes a trained run a shipped policy: `python -m utils.ship_policy RUN --benchmark runs/terrain_benchmark`.

Writes `assets/policies/<env id>/`: the policy without its optimizer, its normaliser and config, and `card.json`: command,
seed, versions, commit, wall time and steps of the training, and the benchmark's rows, those of other walkers too.
"""

import argparse
import csv
import json
import shlex
import shutil
import sys
from pathlib import Path

from stable_baselines3 import PPO

from utils.config import read_yaml
from utils.runs import CARD, CONFIG, MODEL, NORMALIZER, load_policy, trained_id, write_aside, write_json

POLICIES = Path(__file__).parents[1] / "assets" / "policies"
TABLES = ("terrain", "flat")  # of the benchmark


def main(argv: list[str] | None = None) -> int:
    """Ships what the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="run folder; its model.zip can run code when loaded")
    parser.add_argument("--benchmark", type=Path, required=True, help="folder that terrain_benchmark.py wrote")
    parser.add_argument("--out", type=Path, help="folder to write; assets/policies/<env id> if not given")
    args = parser.parse_args(argv)
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
    load_policy(run)  # refuses what cannot be played
    record = read_yaml(run / CONFIG)
    content = card(run, record, {name: read_rows(benchmark / f"{name}.csv") for name in TABLES})
    out = out or POLICIES / trained_id(run)
    out.mkdir(parents=True, exist_ok=True)
    model = PPO.load(run / MODEL, device="cpu")
    model.policy.optimizer.state.clear()  # two thirds of the file, and of no use to a player
    write_aside(out / MODEL, model.save)
    for name in (NORMALIZER, CONFIG):
        write_aside(out / name, lambda aside, name=name: shutil.copyfile(run / name, aside))
    write_json(out / CARD, content)
    return out


def card(run: Path, record: dict, tables: dict[str, list[dict]]) -> dict:
    """Returns what a shipped policy says of itself, from the `record` in its config.yaml and the benchmark's tables."""
    if not (run / CARD).is_file():
        raise ValueError(f"{run} holds no {CARD}: its training has not ended")
    for name, rows in tables.items():
        if str(run) not in {row.get("walker") for row in rows}:
            raise ValueError(f"{name}.csv of the benchmark has no row of {run}: give that run to it as --model {run}")
    return {
        "env_id": trained_id(run),
        "walker": str(run),
        "command": shlex.join(["python", "train_residual_ppo.py", *record["argv"]]),
        "seed": record["config"]["seed"],
        **json.loads((run / CARD).read_text()),
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
