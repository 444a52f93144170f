"""The trainings that made a policy: command, seed, length, time, versions and commit of each."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from run_folder.records import read_record
from run_folder.runs import CARD, load_run
from training.tasks import find_task
from utils.files import read_json, reading

RECORD = "start"  # key of a config.yaml for what the run started from
EARLIER = "earlier"  # key below RECORD, and of a card, for the trainings before
TOOK = ("steps", "wall_time_s", "cpu_time_s")  # entries of a card


def trainings(path: Path) -> list[dict]:
    """Returns what is recorded of the trainings that made the policy in `path`, the first one first.

    Args:
        path: run, checkpoint, `best/` folder or shipped policy; what its files do not say is left out.

    Raises:
        ValueError: its config.yaml or card.json has wrong content.
    """
    record, card = read_record(path), load_run(path).folder / CARD
    took = read_json(card) if card.is_file() else {}
    with reading(path):
        return [*earlier(record), training(record, {name: took[name] for name in TOOK if name in took})]


def earlier(record: Mapping) -> list[dict]:
    """Returns the trainings that a run, with this config.yaml, builds on."""
    return record.get(RECORD, {}).get(EARLIER, [])


def training(record: Mapping, took: Mapping) -> dict:
    """Returns what a run's config.yaml says about its training, and what the training `took`."""
    config, told = record.get("config", {}), {}
    if "argv" in record:  # not in runs that were imported from SB3
        told["command"] = shlex.join(["python", f"{find_task(config['env_id']).script}.py", *record["argv"]])
    if "seed" in config:
        told["seed"] = config["seed"]
    return told | dict(took) | {name: record[name] for name in ("versions", "git") if name in record}
