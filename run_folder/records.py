"""What a run folder says of itself: its config and its environment, written once and read by everyone."""

import os
import shutil
from collections.abc import Mapping
from datetime import datetime
from itertools import count
from pathlib import Path

from run_folder.policy import FORMAT
from utils.config import as_plain, read_yaml
from utils.console.outputs import check_new_run
from utils.env_ids import DEFAULT_ID, registered
from utils.files import read_json, reading, write_aside, write_json
from utils.paths import above, expanded
from utils.plain_yaml import dump_yaml
from utils.provenance import git_state, versions
from utils.run_file_names import CONFIG, ENV, LOCK, START

RUNS = Path("runs")
LONGEST_PATH, LONGEST_INSIDE = 4095, 255  # bytes: of a path on Linux, and of a file's path within a run, at the most


def make_run(path: Path | None, config, argv: list[str], env_id: str = DEFAULT_ID, env_kwargs: Mapping = {}) -> Path:
    """Creates a run folder (runs/<date>_<time> without a path) that holds the resolved config; returns it.

    Raises:
        ValueError: the folder already contains a run or a file that a run would overwrite, or cannot be made.
    """
    path = make_folder(path)
    kwargs = {name: value for name, value in env_kwargs.items() if name != "privileged"}  # policies are saved without it
    record = {"format": FORMAT, "config": as_plain(config), "argv": argv, "versions": versions(), "git": git_state()}
    try:
        write_json(path / ENV, {"id": env_id, "kwargs": as_plain(kwargs)})
        _write_record(path, record)
    except OSError as error:
        raise _cannot_write(path, error) from error
    return path


def make_folder(path: Path | None) -> Path:
    """Creates the folder of a new run; returns it. Without a path it is runs/<date>_<time>, of this caller alone.

    Raises:
        ValueError: the folder already contains a run or a file that a run would overwrite, or cannot be made.
    """
    path = path and expanded(path)
    try:
        if path is None:
            return _make_dated_folder()
        check_new_run(path)
        _check_length(path)
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(path or RUNS, error) from error
    return path


def forget_record(run: Path) -> None:
    """Makes a folder whose training could not start no run again; an empty folder is removed."""
    for name in (CONFIG, ENV):
        (run / name).unlink(missing_ok=True)
    shutil.rmtree(run / START, ignore_errors=True)
    if not any(path.name != LOCK for path in run.iterdir()):
        shutil.rmtree(run)


def change_length(run: Path, total_timesteps: int, argv: list[str]) -> None:
    """Writes to a run's config that it trains for longer or shorter than planned, and the command line that asked for it."""
    record = read_record(run)
    config = record["config"] | {"total_timesteps": total_timesteps}
    _write_record(run, record | {"config": config, "argv": [*record.get("argv", []), *argv]})


def add_to_record(run: Path, entries: Mapping) -> None:
    """Adds entries to what a run's config.yaml holds beside the config."""
    _write_record(run, read_record(run) | entries)


def read_run_config(path: str | Path) -> dict:
    """Returns the training's config, as plain data, of the run that `path` is or lies in; nothing if there is none."""
    return read_record(path).get("config", {})


def read_record(path: str | Path) -> dict:
    """Returns what config.yaml of the run that `path` is or lies in holds; nothing if there is none.

    Raises:
        ValueError: it cannot be read, or a newer version of this package wrote it.
    """
    file = _of_run(path, CONFIG)
    record = read_yaml(file) if file else {}
    if not isinstance(record.get("config", {}), dict):
        raise ValueError(f"{file}: config must be a mapping, got {record['config']!r}")
    _check_format(record, file)
    return record


def read_env(path: str | Path) -> tuple[str, dict]:
    """Returns id and arguments of the environment of the run that `path` is or lies in.

    A module that the id names is imported, unless it lies in the run.

    Raises:
        ValueError: there is no env.json, or it holds something else, or no such environment is registered.
    """
    refuse_pickle(Path(path))
    file = _of_run(path, ENV)
    if file is None:
        raise ValueError(f"{path} holds no {ENV}: give a run folder, or one of its checkpoints")
    content = read_json(file)
    with reading(file):
        env_id, kwargs = content.get("id"), content.get("kwargs")
        if not (isinstance(env_id, str) and isinstance(kwargs, dict)):
            raise ValueError(f"it must hold the id and the kwargs of an environment, got {env_id!r} and {kwargs!r}")
        registered(env_id, file.parent)
    return env_id, kwargs


def refuse_pickle(path: Path) -> None:
    """Raises ValueError, unread, for a file that by its name is a pickle."""
    if path.suffix in (".zip", ".pkl", ".pth", ".pt"):
        raise ValueError(
            f"{path} is a pickle, which can run code: python -m run_folder.sb3_files makes a run of it if you trust it"
        )


def _make_dated_folder():
    """Creates runs/<date>_<time>; a number follows where another training started in the same second."""
    RUNS.mkdir(parents=True, exist_ok=True)
    started = datetime.now().strftime("%Y%m%d_%H%M%S")
    for number in count(1):
        folder = RUNS / (started if number == 1 else f"{started}_{number}")
        try:
            folder.mkdir()  # of several processes one succeeds
        except FileExistsError:
            continue
        return folder


def _check_length(path):
    """Refuses a folder whose checkpoints could not be written: a path may have so many bytes on Linux."""
    size, most = len(os.fsencode(path.absolute())), LONGEST_PATH - LONGEST_INSIDE
    if size > most:
        raise ValueError(f"a run's path may have {most:,} bytes, that of {path.name} has {size:,}")


def _cannot_write(path, error):
    return ValueError(f"cannot write a run to {path}: {error.strerror or error}")


def _write_record(run, record):
    write_aside(run / CONFIG, lambda aside: aside.write_text(dump_yaml(record)))


def _of_run(path, name):
    """Returns the file of that name in the run that `path` is or lies in, or None."""
    path = expanded(path)  # as the user named it, where it holds the file itself: sentences name that
    return next((folder / name for folder in (path, *above(path, 2)) if (folder / name).is_file()), None)


def _check_format(record, file):
    written = record.get("format", FORMAT)
    if not isinstance(written, int) or written > FORMAT:
        raise ValueError(f"{file} was written by a newer version of this package (format {written}, this reads {FORMAT})")
