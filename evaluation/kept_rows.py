"""Append-only cache of result rows: it makes long evaluations resumable."""

import json
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from utils.files import write_aside
from utils.provenance import CHANGED, NO_COMMIT


class KeptRows:
    """Makes rows, or finds those that an earlier process made under the same conditions.

    Rows of other conditions (other code, other versions) are made again, with a sentence on stderr that says why; so are
    those of code that is not identified. A last line that was cut off is made again.
    """

    def __init__(self, path: Path, conditions: str, settings: Sequence[str | float] = ()):
        """Opens the file `path`.

        Args:
            path: file of the rows; its first line holds the conditions.
            conditions: what decides all rows of the file, parts separated by "; ".
            settings: what decides the rows of this caller; the file keeps the rows of other settings beside them.
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
        """Returns the keys of rows of these settings that are not among `keys`: those of earlier callers."""
        start, known = len(self._settings), {json.dumps([*self._settings, *key]) for key in keys}
        found = [json.loads(name) for name in self._rows if name not in known]
        return [key[start:] for key in found if key[:start] == json.loads(json.dumps(self._settings))]

    def row(self, key: Sequence[str | float], make: Callable[[], dict]) -> dict:
        """Returns the row of that key: as `make` returns it, a tuple as a list, and kept from then on."""
        name = json.dumps([*self._settings, *key])
        if name not in self._rows:
            line = json.dumps((name, make()))
            with self._path.open("a") as file:
                file.write(line + "\n")
            self._rows[name] = json.loads(line)[1]
        return self._rows[name]


def _difference(head, conditions):
    """Returns the end of a sentence: the conditions of a file's first line that are not these."""
    try:
        before = str(json.loads(head)).split("; ")
    except ValueError:
        return "the file's first line is damaged"
    now = conditions.split("; ")
    if before == now:
        return "no commit holds the code"
    old, new = ("; ".join(part for part in own if part not in others) for own, others in ((before, now), (now, before)))
    return f"they were made with {old or 'fewer conditions'}, and now it is {new or 'without that'}"


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
