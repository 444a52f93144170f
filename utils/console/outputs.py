"""Checks output paths that a user gives, so that no run and no user's file is overwritten.

An existing file is overwritten only if its content shows that the same program wrote it.
"""

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile

from filelock import FileLock, Timeout

from utils.paths import expanded
from utils.run_file_names import CONFIG, ENV, FILES, FOLDERS, LOCK, NORMALIZER, WEIGHTS

MARK = "residual-walk"  # written to the metadata of this project's pictures, videos and models
PICTURES = (".png", ".pdf", ".svg")  # formats whose metadata can contain MARK
LARGEST_READ = 1_000_000_000  # bytes; larger files are not searched for MARK
Recognise = Callable[[Path], bool]


def check_output(path: Path, written_by_us: Recognise) -> Path:
    """Returns `path` with `~` expanded if a program may write a file there; creates the file's folder.

    Args:
        path: file that a user named.
        written_by_us: returns whether an existing file is an earlier output of this program.

    Raises:
        ValueError: the path belongs to a run or checkpoint, is a folder, is a file that another program wrote, or its
            folder cannot be created or written to.
    """
    path = expanded(path)
    if not path.name:
        raise ValueError(f"name a file to write, got {str(path)!r}")
    for target in {path.parent.resolve() / path.name, path.resolve()}:  # a symbolic link may point into a run
        check_outside_runs(target, path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder: name a file to write")
    if path.exists() and not _recognised(path, written_by_us):
        raise ValueError(f"{path} exists and was not written by this program: name another file, or move that one")
    _check_writable(path)
    return path


def check_picture(path: Path, program: str) -> Path:
    """Checks `path` as `check_output` does, for a picture of `program`, and returns it.

    Raises:
        ValueError: as `check_output` does, or the suffix is not in PICTURES.
    """
    path = check_output(path, marked(f"{MARK} {program}"))
    if path.suffix.lower() not in PICTURES:
        raise ValueError(f"a picture must be a file with one of the suffixes {', '.join(PICTURES)}, got {path}")
    return path


def check_output_folder(folder: Path, outputs: Iterable[tuple[str, Recognise]]) -> Path:
    """Returns `folder` with `~` expanded if a program may write its outputs there; creates the folder.

    Args:
        folder: folder that a user named.
        outputs: names of the output files, each with its `written_by_us` function as in `check_output`.

    Raises:
        ValueError: as `check_output` does, for the first file that fails; the folder is a file or contains a run.
    """
    folder = expanded(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file: name a folder for the results")
    if is_run(folder.resolve()):
        raise ValueError(f"{folder} contains a run, checkpoint or policy: name another folder for the results")
    for name, written_by_us in outputs:
        check_output(folder / name, written_by_us)
    _check_writable(folder / LOCK)
    return folder


@contextmanager
def used_alone(path: Path) -> Iterator[None]:
    """Locks an output while this process writes it: a lock file in the folder, or beside the file.

    Raises:
        ValueError: another process writes the output.
    """
    name = path / LOCK if path.is_dir() else path.with_name(f".{sha256(os.fsencode(path.name)).hexdigest()}{LOCK}")
    lock = FileLock(name, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise ValueError(f"{path} is in use by another evaluation: wait for its end, or name another path") from error
    try:
        yield
    finally:
        with suppress(OSError):  # deleted while locked, so that no other process can have locked it
            name.unlink()
        lock.release()


def check_new_run(folder: Path) -> None:
    """Raises ValueError if a new run in `folder` would overwrite a run, policy or user's file, or is inside a checkpoint.

    A folder with env.json only is what remains if the process is killed while it creates a run: it may be overwritten.
    """
    check_outside_runs(folder.resolve(), folder)
    existing = [name for name in (*FILES, *FOLDERS) if name != LOCK and (folder / name).exists()]
    if existing == [ENV] and _recognised(folder / ENV, json_with("id", "kwargs")):
        return
    if CONFIG in existing or is_run(folder):
        raise ValueError(f"{folder} already contains a run: give another --run-dir, continue it with --resume, or remove it")
    if existing:
        raise ValueError(f"{folder} contains {existing[0]}, which a run would overwrite: give another folder")


def check_outside_runs(path: Path, named: Path) -> None:
    """Raises ValueError if the resolved `path` is a file or folder of a run; the message prints `named`."""
    for folder in path.parents:
        inside = path.relative_to(folder).parts
        first = inside[0].casefold()  # file systems of macOS and Windows ignore case
        if is_run(folder) and (first in FOLDERS or (len(inside) == 1 and first in FILES)):
            raise ValueError(f"{named} belongs to the run or policy in {folder}: name another path for the output")


def is_run(folder: Path) -> bool:
    """Returns whether a folder contains a run, a checkpoint or a shipped policy, complete or damaged.

    A policy.json alone does not count: it may describe an exported policy.onnx in the same folder.
    """
    return any((folder / name).is_file() for name in (ENV, WEIGHTS, NORMALIZER))


def check_no_loss(path: Path, column: str, names: Iterable[str]) -> None:
    """Raises ValueError if an existing CSV file contains rows whose value in `column` is not in `names`."""
    if not path.exists() or path.stat().st_size == 0:
        return
    with path.open(newline="") as file:
        others = {row[column] for row in csv.DictReader(file)} - {*names}
    if others:
        raise ValueError(f"{path} contains the results of {', '.join(sorted(others))}: name another file, or give them too")


def json_with(*keys: str) -> Recognise:
    """Returns a function that recognises a JSON object with all these keys."""

    def recognise(path):
        content = json.loads(path.read_text())
        return isinstance(content, dict) and {*keys} <= content.keys()

    return recognise


def csv_with(*columns: str) -> Recognise:
    """Returns a function that recognises a CSV file whose header starts with these columns."""

    def recognise(path):
        with path.open(newline="") as file:
            return next(csv.reader(file), [])[: len(columns)] == [*columns]

    return recognise


def text_with(part: str) -> Recognise:
    """Returns a function that recognises a text file whose first line contains `part`."""
    return lambda path: part in path.read_text().partition("\n")[0]


def marked(mark: str = MARK) -> Recognise:
    """Returns a function that recognises a binary file that contains `mark`."""
    return lambda path: path.stat().st_size < LARGEST_READ and mark.encode() in path.read_bytes()


def picture_mark(program: str) -> dict[str, str]:
    """Returns `metadata` for Matplotlib's savefig, so that `marked(f"{MARK} {program}")` recognises the picture."""
    return {"Creator": f"{MARK} {program}"}


def _check_writable(path):
    """Creates the folder of a file and a temporary file in it; raises ValueError if this fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(prefix=".", dir=path.parent):
            pass
    except OSError as error:
        reason = "not a folder" if isinstance(error, FileExistsError) else error.strerror or error
        raise ValueError(f"cannot write {path}: {path.parent}: {reason}") from error


def _recognised(path, written_by_us):
    try:
        return path.is_file() and (path.stat().st_size == 0 or written_by_us(path))
    except (OSError, ValueError, csv.Error):  # not the program's format
        return False
