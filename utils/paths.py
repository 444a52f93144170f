"""Resolves paths that users write: with ~ for the home folder, relative to the current folder, through links."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

_HOME = re.compile(r"(--?[\w.-]+=)?(~[\w.-]*/.*)", re.DOTALL)


def expanded(path: str | Path) -> Path:
    """Returns a path with a leading `~` replaced by the home folder; without a home folder, `~` stays."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def with_home(argv: list[str] | None) -> list[str]:
    """Returns command-line arguments (those of the process for None) with `~/` expanded.

    A shell does not expand `~/` in `--option=~/path` and within quotes.
    """
    return [_with_home(argument) for argument in (sys.argv[1:] if argv is None else argv)]


def above(path: str | Path, levels: int) -> Iterator[Path]:
    """Yields the folder `path` and `levels` parents of it, first with links resolved, then with links as given."""
    real, named = Path(path).resolve(), Path(os.path.abspath(path))
    for folder in dict.fromkeys((real, named)):
        yield from (folder, *folder.parents[:levels])


def _with_home(argument):
    found = _HOME.fullmatch(argument)
    return f"{found[1] or ''}{expanded(found[2])}" if found else argument
