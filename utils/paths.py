"""Paths as users write them: with ~ for the home folder, relative to where a user stands, through links."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

_HOME = re.compile(r"(--?[\w.-]+=)?(~[\w.-]*/.*)", re.DOTALL)


def expanded(path: str | Path) -> Path:
    """Returns a path with a leading `~` replaced by the home folder; a user who has no home keeps the `~`."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def with_home(argv: list[str] | None) -> list[str]:
    """Returns a command line's arguments, those of the process for None, with `~/` expanded where a shell has not.

    A shell leaves it in `--option=~/path` and within quotes.
    """
    return [_with_home(argument) for argument in (sys.argv[1:] if argv is None else argv)]


def above(path: str | Path, levels: int) -> Iterator[Path]:
    """Yields the folder `path` and so many levels above it, by where it really lies, then by the links on the way to it."""
    real, named = Path(path).resolve(), Path(os.path.abspath(path))
    for place in dict.fromkeys((real, named)):
        yield from (place, *place.parents[:levels])


def _with_home(argument):
    found = _HOME.fullmatch(argument)
    return f"{found[1] or ''}{expanded(found[2])}" if found else argument
