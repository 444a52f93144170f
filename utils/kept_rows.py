"""Rows that take long to make, kept as they come: who is stopped in the middle goes on from there."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from utils.files import write_aside
from utils.provenance import CHANGED, NO_COMMIT


class KeptRows:
    """Makes rows, or finds those that an earlier process made under the same conditions.

    A file that was made under other conditions is begun anew, and so is one of code that no commit holds: nobody knows
    whether it is the same code. A last line that was cut off is made again.
    """

    def __init__(self, path: Path, conditions: str):
        """Takes up the file `path`, whose first line must be `conditions`: all that decides a row and is not in its key."""
        self._path, self._rows = path, {}
        head, *lines = [*(path.read_text(errors="replace").splitlines() if path.is_file() else ()), ""]
        if head == json.dumps(conditions) and CHANGED not in conditions and NO_COMMIT not in conditions:
            self._rows = dict(filter(None, map(_read, lines)))
        kept = [json.dumps(conditions), *(json.dumps(pair) for pair in self._rows.items())]
        write_aside(path, lambda aside: aside.write_text("\n".join(kept) + "\n"))

    def row(self, key: Sequence[str | float], make: Callable[[], dict]) -> dict:
        """Returns the row of that key: as `make` returns it, a tuple as a list, and kept from then on."""
        name = json.dumps(list(key))
        if name not in self._rows:
            line = json.dumps((name, make()))
            with self._path.open("a") as file:
                file.write(line + "\n")
            self._rows[name] = json.loads(line)[1]
        return self._rows[name]


def is_kept_rows(path: Path) -> bool:
    """Returns whether a file is one of kept rows, by its first line."""
    return isinstance(json.loads(path.read_text(errors="replace").partition("\n")[0]), str)


def _read(line):
    """Returns the key and the row of a line, or None if it holds none."""
    try:
        name, row = json.loads(line)
    except (ValueError, TypeError):
        return None
    return (name, row) if isinstance(name, str) and isinstance(row, dict) else None
