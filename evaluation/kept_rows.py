"""Append-only cache of result rows: it makes long evaluations resumable."""

import json
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from utils.files import write_aside
from utils.provenance import CHANGED, NO_COMMIT


class KeptRows:
    """Makes rows, or reads rows that an earlier process made under the same conditions.

    Rows from other conditions (other code, other versions) or from uncommitted code are made again, with the reason on
    stderr. A last line that was cut off is also made again.
    """

    def __init__(self, path: Path, conditions: str, settings: Sequence[str | float] = ()):
        """Opens the file `path`.

        Args:
            path: file of the rows; its first line contains the conditions.
            conditions: everything that decides all rows of the file, as parts separated by "; ".
            settings: settings of this caller. The file also keeps the rows of other settings.
        """
        self._path, self._settings, self._rows = path, list(settings), {}
        head, *lines = [*(path.read_text(errors="replace").splitlines() if path.is_file() else ()), ""]
        if head == json.dumps(conditions) and CHANGED not in conditions and NO_COMMIT not in conditions:
            self._rows = dict(filter(None, map(_read, lines)))
        elif any(map(_read, lines)):
            print(f"{path}: rows are made again, because {_difference(head, conditions)}", file=sys.stderr)
        kept = [json.dumps(conditions), *(json.dumps(pair) for pair in self._rows.items())]
        write_aside(path, lambda aside: aside.write_text("\n".join(kept) + "\n"))

    def others(self, keys: Collection[Sequence[str | float]] = ()) -> list[list[str | float]]:
        """Returns the keys of rows of these settings, from earlier callers, that are not among `keys`."""
        start, known = len(self._settings), {json.dumps([*self._settings, *key]) for key in keys}
        found = [json.loads(name) for name in self._rows if name not in known]
        return [key[start:] for key in found if key[:start] == json.loads(json.dumps(self._settings))]

    def row(self, key: Sequence[str | float], make: Callable[[], dict]) -> dict:
        """Returns the row of a key; calls `make` and stores its result if the row is missing. Tuples become lists."""
        name = json.dumps([*self._settings, *key])
        if name not in self._rows:
            line = json.dumps((name, make()))
            with self._path.open("a") as file:
                file.write(line + "\n")
            self._rows[name] = json.loads(line)[1]
        return self._rows[name]


def _difference(head, conditions):
    """Returns the end of a sentence: the differences between the conditions in a file's first line and `conditions`."""
    try:
        before = str(json.loads(head)).split("; ")
    except ValueError:
        return "the file's first line is damaged"
    now = conditions.split("; ")
    if before == now:
        return "the code is not committed"
    old, new = ("; ".join(part for part in parts if part not in others) for parts, others in ((before, now), (now, before)))
    return f"they were made with {old or 'fewer conditions'}, and now it is {new or 'without that'}"


def read_rows(path: Path, conditions: str, settings: Sequence[str | float] = ()) -> dict[tuple, dict]:
    """Returns the rows of these conditions and settings in a file of `KeptRows`, by key, without changing the file.

    The result is empty if there is no such file. Another process may append rows at the same time.
    """
    head, *lines = [*(path.read_text(errors="replace").splitlines() if path.is_file() else ()), ""]
    if head != json.dumps(conditions):
        return {}
    found = {tuple(json.loads(name)): row for name, row in filter(None, map(_read, lines))}
    start, wanted = len(settings), tuple(settings)
    return {key[start:]: row for key, row in found.items() if key[:start] == wanted}


def is_kept_rows(path: Path) -> bool:
    """Returns whether the first line of a file is that of KeptRows."""
    return isinstance(json.loads(path.read_text(errors="replace").partition("\n")[0]), str)


def _read(line):
    """Returns the key and the row of a line, or None if the line is damaged."""
    try:
        name, row = json.loads(line)
    except (ValueError, TypeError):
        return None
    return (name, row) if isinstance(name, str) and isinstance(row, dict) else None
