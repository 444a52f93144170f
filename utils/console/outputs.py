"""Checks of paths that a user names for an output: neither a run nor a user's file is ever overwritten.

A file that exists is overwritten only if its content shows that the same program wrote it.
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

MARK = "residual-walk"  # in the metadata of pictures, videos and models that this project writes
PICTURES = (".png", ".pdf", ".svg")  # formats that keep MARK
LARGEST_READ = 1_000_000_000  # bytes of a file that are searched for MARK
Recognise = Callable[[Path], bool]


def check_output(path: Path, written_by_us: Recognise) -> Path:
    """Returns `path` with `~` expanded if a program may write a file there; makes its folder.

    Args:
        path: file that a user named.
        written_by_us: tells whether a file that exists holds this program's earlier output.

    Raises:
        ValueError: the path belongs to a run or checkpoint, is a folder, a file is there that something else wrote, or
            its folder cannot be made or written to.
    """
    path = expanded(path)
    if not path.name:
        raise ValueError(f"name a file to write, got {str(path)!r}")
    for place in {path.parent.resolve() / path.name, path.resolve()}:  # a symbolic link may lead into a run
        check_outside_runs(place, path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder: name a file to write")
    if path.exists() and not _recognised(path, written_by_us):
        raise ValueError(f"{path} exists and was not written by this program: name another file, or move that one")
    _check_writable(path)
    return path


def check_picture(path: Path, program: str) -> Path:
    """Returns `path` as `check_output` does for a picture of `program`.

    Raises:
        ValueError: as `check_output` does, or the suffix is not in PICTURES.
    """
    path = check_output(path, marked(f"{MARK} {program}"))
    if path.suffix.lower() not in PICTURES:
        raise ValueError(f"a picture must be a file with one of the suffixes {', '.join(PICTURES)}, got {path}")
    return path


def check_output_folder(folder: Path, outputs: Iterable[tuple[str, Recognise]]) -> Path:
    """Returns `folder` with `~` expanded if a program may write its outputs there; makes it.

    Args:
        folder: folder that a user named.
        outputs: names of the files to be written, and for each what tells this program's earlier output.

    Raises:
        ValueError: as `check_output` does, for the first of the files; the folder is a file or holds a run.
    """
    folder = expanded(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file: name a folder for the results")
    if is_run(folder.resolve()):
        raise ValueError(f"{folder} holds a run, checkpoint or policy: name another folder for the results")
    for name, written_by_us in outputs:
        check_output(folder / name, written_by_us)
    _check_writable(folder / LOCK)
    return folder


@contextmanager
def used_alone(path: Path) -> Iterator[None]:
    """Keeps other processes out of an output while this one writes it: a folder, or a file by a lock beside it.

    Raises:
        ValueError: another process writes it.
    """
    name = path / LOCK if path.is_dir() else path.with_name(f".{sha256(os.fsencode(path.name)).hexdigest()}{LOCK}")
    lock = FileLock(name, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise ValueError(f"{path} is in use by another evaluation: wait for its end, or name another place") from error
    try:
        yield
    finally:
        with suppress(OSError):  # while it is locked: nobody else can have taken it
            name.unlink()
        lock.release()


def check_new_run(folder: Path) -> None:
    """Raises ValueError if a new run in `folder` would overwrite a run, a policy, a file of a user, or lie in a checkpoint.

    An env.json alone is what a kill leaves that comes while a run is created; it may be overwritten.
    """
    check_outside_runs(folder.resolve(), folder)
    there = [name for name in (*FILES, *FOLDERS) if name != LOCK and (folder / name).exists()]
    if there == [ENV] and _recognised(folder / ENV, json_with("id", "kwargs")):
        return
    if CONFIG in there or is_run(folder):
        raise ValueError(f"{folder} already holds a run: give another --run-dir, go on with --resume, or remove that one")
    if there:
        raise ValueError(f"{folder} holds {there[0]}, which a run would overwrite: give another folder")


def check_outside_runs(path: Path, named: Path) -> None:
    """Raises ValueError if the resolved `path` is a file or folder of a run; the sentence calls it `named`."""
    for folder in path.parents:
        inside = path.relative_to(folder).parts
        first = inside[0].casefold()  # file systems of macOS and Windows do not tell POLICY.json from policy.json
        if is_run(folder) and (first in FOLDERS or (len(inside) == 1 and first in FILES)):
            raise ValueError(f"{named} belongs to the run or policy in {folder}: name another place for the output")


def is_run(folder: Path) -> bool:
    """Returns whether a folder holds a run, a checkpoint or a shipped policy, damaged ones too.

    A policy.json alone is none: it may be the description beside an exported policy.onnx.
    """
    return any((folder / name).is_file() for name in (ENV, WEIGHTS, NORMALIZER))


def check_no_loss(path: Path, column: str, names: Iterable[str]) -> None:
    """Raises ValueError if a program's earlier CSV file holds results, by `column`, of others than `names`."""
    if not path.exists() or path.stat().st_size == 0:
        return
    with path.open(newline="") as file:
        others = {row[column] for row in csv.DictReader(file)} - {*names}
    if others:
        raise ValueError(f"{path} holds the results of {', '.join(sorted(others))}: name another file, or give them too")


def json_with(*keys: str) -> Recognise:
    """Returns what recognises a JSON object that has all of these keys."""

    def recognise(path):
        content = json.loads(path.read_text())
        return isinstance(content, dict) and {*keys} <= content.keys()

    return recognise


def csv_with(*columns: str) -> Recognise:
    """Returns what recognises a CSV file whose header begins with these columns."""

    def recognise(path):
        with path.open(newline="") as file:
            return next(csv.reader(file), [])[: len(columns)] == [*columns]

    return recognise


def text_with(part: str) -> Recognise:
    """Returns what recognises a text file whose first line has this part."""
    return lambda path: part in path.read_text().partition("\n")[0]


def marked(mark: str = MARK) -> Recognise:
    """Returns what recognises a binary file with this mark in it."""
    return lambda path: path.stat().st_size < LARGEST_READ and mark.encode() in path.read_bytes()


def picture_mark(program: str) -> dict[str, str]:
    """Returns the `metadata` for Matplotlib's savefig by which `marked(f"{MARK} {program}")` recognises a picture."""
    return {"Creator": f"{MARK} {program}"}


def _check_writable(path):
    """Makes the folder of a file, and a file in it for an instant; raises ValueError if that is not possible."""
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
