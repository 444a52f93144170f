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
PROGRESS = ("steps", "wall_time_s", "cpu_time_s")  # entries of a card


def trainings(path: Path) -> list[dict]:
    """Returns what is recorded of the trainings that made the policy in `path`, the first one first.

    Args:
        path: run, checkpoint, `best/` folder or shipped policy; what its files do not say is left out.

    Raises:
        ValueError: its config.yaml or card.json has wrong content.
    """
    record, card = read_record(path), load_run(path).folder / CARD
    content = read_json(card) if card.is_file() else {}
    with reading(path):
        progress = {name: content[name] for name in PROGRESS if name in content}
        return [*earlier(record), training(record, progress)]


def earlier(record: Mapping) -> list[dict]:
    """Returns the trainings that a run, with this config.yaml, builds on."""
    return record.get(RECORD, {}).get(EARLIER, [])


def training(record: Mapping, progress: Mapping) -> dict:
    """Returns what a card says about a training: command, seed, `progress` (steps and times), versions and commit.

    Args:
        record: content of the run's config.yaml; what it lacks is left out.
        progress: entries of the run's card.
    """
    config, entries = record.get("config", {}), {}
    if "argv" in record:  # not in runs that were imported from SB3
        entries["command"] = shlex.join(["python", f"{find_task(config['env_id']).script}.py", *record["argv"]])
    if "seed" in config:
        entries["seed"] = config["seed"]
    return entries | dict(progress) | {name: record[name] for name in ("versions", "git") if name in record}
