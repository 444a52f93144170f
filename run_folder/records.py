"""Records of a run folder: its config (config.yaml) and its environment (env.json)."""

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
LONGEST_PATH, LONGEST_INSIDE = 4095, 255  # bytes: limit of a path on Linux, and limit of a file's path within a run


def make_run(path: Path | None, config, argv: list[str], env_id: str = DEFAULT_ID, env_kwargs: Mapping = {}) -> Path:
    """Creates a run folder, by default runs/<date>_<time>, and writes the resolved config into it; returns the folder.

    Raises:
        ValueError: the folder already contains a run or a file that a run would overwrite, or cannot be created.
    """
    path = make_folder(path)
    # Saved policies need no privileged observations.
    kwargs = {name: value for name, value in env_kwargs.items() if name != "privileged"}
    record = {"format": FORMAT, "config": as_plain(config), "argv": argv, "versions": versions(), "git": git_state()}
    try:
        write_json(path / ENV, {"id": env_id, "kwargs": as_plain(kwargs)})
        _write_record(path, record)
    except OSError as error:
        raise _cannot_write(path, error) from error
    return path


def make_folder(path: Path | None) -> Path:
    """Creates the folder of a new run, by default a new folder runs/<date>_<time>; returns it.

    Raises:
        ValueError: the folder already contains a run or a file that a run would overwrite, or cannot be created.
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
    """Removes the records of a run whose training could not start; removes the folder if it is then empty."""
    for name in (CONFIG, ENV):
        (run / name).unlink(missing_ok=True)
    shutil.rmtree(run / START, ignore_errors=True)
    if not any(path.name != LOCK for path in run.iterdir()):
        shutil.rmtree(run)


def change_length(run: Path, total_timesteps: int, argv: list[str]) -> None:
    """Writes a new length of the training to the config of a run, and appends the command line that asked for it."""
    record = read_record(run)
    config = record["config"] | {"total_timesteps": total_timesteps}
    _write_record(run, record | {"config": config, "argv": [*record.get("argv", []), *argv]})


def add_to_record(run: Path, entries: Mapping) -> None:
    """Adds entries to a run's config.yaml, beside the config."""
    _write_record(run, read_record(run) | entries)


def read_run_config(path: str | Path) -> dict:
    """Returns the config of the run at or above `path` as plain data; empty if there is none."""
    return read_record(path).get("config", {})


def recorded_option(path: str | Path, name: str):
    """Returns the value of an option of the learner of the run at or above `path`; None if there is no run or option."""
    config = read_run_config(path)
    options = config.get(str(config.get("algo")))
    return options.get(name) if isinstance(options, dict) else None


def read_record(path: str | Path) -> dict:
    """Returns the content of config.yaml of the run at or above `path`; empty if there is none.

    Raises:
        ValueError: the file cannot be read, or a newer version of this package wrote it.
    """
    file = _of_run(path, CONFIG)
    return read_record_file(file) if file else {}


def read_record_file(file: Path) -> dict:
    """Returns the content of the config.yaml `file`. Raises ValueError as `read_record`."""
    record = read_yaml(file)
    if not isinstance(record.get("config", {}), dict):
        raise ValueError(f"{file}: config must be a mapping, got {record['config']!r}")
    _check_format(record, file)
    return record


def recorded_config(content: Mapping) -> dict | None:
    """Returns the config in the content of a run's config.yaml, one of several entries; None for a file of another kind."""
    config = content.get("config")
    return config if isinstance(config, dict) else None


def read_env(path: str | Path) -> tuple[str, dict]:
    """Returns id and arguments of the environment of the run at or above `path`.

    Imports the module that the id names, unless the module is inside the run folder.

    Raises:
        ValueError: there is no env.json, its content is wrong, or no such environment is registered.
    """
    refuse_pickle(Path(path))
    file = _of_run(path, ENV)
    if file is None:
        raise ValueError(f"{path} contains no {ENV}: give a run folder or a checkpoint")
    content = read_json(file)
    with reading(file):
        env_id, kwargs = content.get("id"), content.get("kwargs")
        if not (isinstance(env_id, str) and isinstance(kwargs, dict)):
            raise ValueError(f"it must contain the id and the kwargs of an environment, got {env_id!r} and {kwargs!r}")
        registered(env_id, file.parent)
    return env_id, kwargs


def refuse_pickle(path: Path) -> None:
    """Raises ValueError if the suffix of a file is that of a pickle, without reading the file."""
    if path.suffix in (".zip", ".pkl", ".pth", ".pt"):
        raise ValueError(
            f"{path} is a pickle, which can run code: python -m run_folder.sb3_files converts it to a run if you trust it"
        )


def _make_dated_folder():
    """Creates runs/<date>_<time>; appends a number if another training started in the same second."""
    RUNS.mkdir(parents=True, exist_ok=True)
    started = datetime.now().strftime("%Y%m%d_%H%M%S")
    for number in count(1):
        folder = RUNS / (started if number == 1 else f"{started}_{number}")
        try:
            folder.mkdir()  # succeeds in only one of several processes
        except FileExistsError:
            continue
        return folder


def _check_length(path):
    """Raises ValueError if paths of checkpoints in this folder would exceed the limit of Linux."""
    size, most = len(os.fsencode(path.absolute())), LONGEST_PATH - LONGEST_INSIDE
    if size > most:
        raise ValueError(f"the path of a run must have at most {most:,} bytes, the path of {path.name} has {size:,}")


def _cannot_write(path, error):
    return ValueError(f"cannot write a run to {path}: {error.strerror or error}")


def _write_record(run, record):
    write_aside(run / CONFIG, lambda aside: aside.write_text(dump_yaml(record)))


def _of_run(path, name):
    """Returns the file `name` of the run at or above `path`, or None."""
    path = expanded(path)  # keeps the path that the user gave, for messages
    return next((folder / name for folder in (path, *above(path, 2)) if (folder / name).is_file()), None)


def _check_format(record, file):
    written = record.get("format", FORMAT)
    if not isinstance(written, int) or written > FORMAT:
        raise ValueError(f"{file} was written by a newer version of this package (format {written}, this reads {FORMAT})")
