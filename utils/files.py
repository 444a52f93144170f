"""Atomic writing, and reading without executing code, of JSON files and of arrays in .npz files."""

import hashlib
import json
import math
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import numpy as np

LONGEST_NAME = 255  # bytes of a file's name
LONGEST_SUFFIX = 20  # characters; libraries recognise no longer suffix
LARGEST_JSON = 16_000_000  # bytes: many times the size of any JSON file of this project


def write_aside(path: Path, write: Callable[[Path], object]) -> None:
    """Calls `write` with a temporary path beside `path`, then renames: a reader sees the complete old or new file."""
    suffix = path.suffix if len(path.suffix) < LONGEST_SUFFIX else ""
    aside = path.with_name(f".{uuid4().hex}.partial{suffix}")  # unique to this writer, and never too long
    try:
        write(aside)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def write_json(path: Path, content) -> None:
    """Writes plain data to `path` atomically."""
    write_aside(path, lambda aside: aside.write_text(json.dumps(content, indent=1) + "\n"))


def finite(content):
    """Returns nested plain data with None in place of infinite numbers and NaN, which JSON does not have."""
    if isinstance(content, Mapping):
        return {name: finite(value) for name, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes named arrays of numbers to `path`, an .npz, atomically; equal arrays give equal bytes."""

    def write(aside):
        with zipfile.ZipFile(aside, "w", allowZip64=True) as archive:
            for name, array in arrays.items():
                entry = zipfile.ZipInfo(f"{name}.npy")  # its date is always 1980
                with archive.open(entry, "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)

    write_aside(path, write)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Yields a temporary folder that replaces `folder` at the end of the block; the old folder stays until then.

    Between the two renames the old folder has the name `former(folder)`: see `present_folder`. After a kill there, the next
    call restores it.
    """
    folder = folder.resolve()  # a symbolic link stays, and its target is replaced
    aside = _hidden(folder, "partial")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        yield aside
        _mend(folder)
        if folder.exists():
            folder.rename(former(folder))
        aside.rename(folder)
        shutil.rmtree(former(folder), ignore_errors=True)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def present_folder(folder: Path) -> Path:
    """Returns `folder`, or its old version while `whole_folder` replaces it, or after a kill between its two renames."""
    return former(folder) if not folder.exists() and former(folder).is_dir() else folder


def _mend(folder):
    """Restores the old `folder` if a kill interrupted `whole_folder` between its two renames."""
    if former(folder).is_dir():
        if folder.exists():
            shutil.rmtree(former(folder))
        else:
            former(folder).rename(folder)


def former(folder: Path) -> Path:
    """Returns the temporary name of the old folder while a new one replaces it."""
    return _hidden(folder.resolve(), "former")


def _hidden(folder, state):
    """Returns a hidden path beside a folder; if the name would be too long, it contains a hash instead."""
    name = f".{folder.name}.{state}"
    return folder.with_name(name if len(os.fsencode(name)) <= LONGEST_NAME else f".{_hash(folder.name)}.{state}")


def _hash(name):
    return hashlib.sha256(os.fsencode(name)).hexdigest()


def read_json(path: Path) -> dict:
    """Returns the JSON object in a file.

    Raises:
        ValueError: the file cannot be read, is too large, or contains no object.
    """
    with reading(path):
        if path.stat().st_size > LARGEST_JSON:
            raise ValueError(f"it has over {LARGEST_JSON:,} bytes")
        content = json.loads(path.read_text())
        if not isinstance(content, dict):
            raise ValueError(f"it must contain an object, got {type(content).__name__}")
    return content


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Returns the arrays of numbers in an uncompressed .npz; compressed files are refused, because they may expand hugely.

    Raises:
        ValueError: the file cannot be read, is compressed, or contains other data than arrays of numbers.
    """
    with reading(path), zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"{entry.filename} is compressed, and only uncompressed arrays are read")
        return {entry.filename.removesuffix(".npy"): _array(archive.read(entry)) for entry in archive.infolist()}


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Converts any error while a file is read into a ValueError of one sentence that names the file."""
    try:
        yield
    except Exception as error:  # zipfile, json, numpy and torch raise undocumented exceptions
        raise ValueError(f"cannot read {path}: {_reason(error)}") from error


def _reason(error):
    if isinstance(error, KeyError):
        return f"there is no {error}"
    text = (error.strerror if isinstance(error, OSError) else None) or str(error).strip() or type(error).__name__
    first, *more = text.splitlines()
    return f"{first} {more[0].strip()}" if first.endswith(":") and more else first


def _array(content):
    """Returns the array in a .npy file's bytes; first checks that the size in the header equals the number of bytes."""
    file = BytesIO(content)
    version = np.lib.format.read_magic(file)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    shape, _, dtype = readers[version](file)
    if dtype.hasobject:
        raise ValueError("it contains Python objects (pickles), and only numbers are read")
    size = dtype.itemsize * int(np.prod(shape, dtype=object))
    if size != len(content) - file.tell():
        raise ValueError(f"an array of the shape {shape} needs {size:,} bytes, there are {len(content) - file.tell():,}")
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)
