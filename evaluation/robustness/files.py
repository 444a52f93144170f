"""Sweeps on disk: one JSON file each, which a sweep of another model, range, setting or program never overwrites."""

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from evaluation.robustness.sweep import Axis, Point, Sweep
from utils.files import read_json, write_json
from utils.provenance import versions

FORMAT = 1
LONGEST_LABEL = 100  # bytes of a model's path in the name of a file


@dataclass(frozen=True)
class Conditions:
    """Conditions that sweeps in one table or picture share."""

    env_id: str
    episodes: int
    seed: int
    made_with: str
    """Code and versions."""

    @property
    def settings(self) -> str:
        """The settings that the user chose, as text."""
        return f"{self.episodes} episodes from seed {self.seed} on {self.env_id}"


def write_sweep(folder: Path, sweep: Sweep, made: Conditions) -> Path:
    """Writes a sweep as JSON; returns the file."""
    axes = [{"parameter": axis.name, "nominal": axis.nominal, "values": axis.values} for axis in sweep.axes]
    points = [{"values": p.values, "episodes": p.episodes} | ({"error": p.error} if p.error else {}) for p in sweep.points]
    head = {"format": FORMAT, "model": sweep.model, "path": _absolute(sweep.model), "digest": sweep.digest, **asdict(made)}
    path = sweep_file(folder, sweep, made)
    write_json(path, head | {"versions": versions(), "axes": axes, "points": points})
    return path


def sweep_file(folder: Path, sweep: Sweep, made: Conditions) -> Path:
    """Returns the file of a sweep: MODEL_PARAMETER.json, with a hash in front if another sweep has that name."""
    name = f"{label(sweep.model)}_{sweep.name}.json"
    wanted = (_absolute(sweep.model), named_values(sweep.axes), made.settings)
    if not (folder / name).exists() or _identity(folder / name) == wanted:
        return folder / name
    return folder / f"{short_hash(json.dumps(wanted))}_{name}"


def read_sweeps(folder: Path, without: Collection[Path] = ()) -> Iterator[tuple[Conditions, Sweep]]:
    """Yields the sweeps in a folder, except the files in `without`; skips files that `write_sweep` did not write."""
    for path in sorted({*folder.glob("*.json")} - {*without}):
        try:
            yield _read(read_json(path))
        except (ValueError, KeyError, TypeError):
            continue


def named_values(axes: Iterable[Axis]) -> list[list]:
    """Returns name and values of each parameter, as plain data."""
    return [[axis.name, list(axis.values)] for axis in axes]


def label(model: str) -> str:
    """Returns the end of a model's path, for the start of a file's name."""
    text = Path(model).as_posix().strip("/.").replace("/", "_")
    return os.fsencode(text)[-LONGEST_LABEL:].decode(errors="ignore")


def short_hash(text: str) -> str:
    """Returns the first eight hexadecimal digits of a text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _absolute(model):
    return str(Path(model).resolve())


def _identity(path):
    """Returns path, values of the parameters and settings of the sweep in a file, or None if it contains no sweep."""
    try:
        content = read_json(path)
        made, sweep = _read(content)
        return content["path"], named_values(sweep.axes), made.settings
    except (ValueError, KeyError, TypeError):
        return None


def _read(content):
    made = Conditions(*(content[name] for name in ("env_id", "episodes", "seed", "made_with")))
    axes = tuple(Axis(axis["parameter"], axis["nominal"], tuple(axis["values"])) for axis in content["axes"])
    points = [Point(tuple(p["values"]), p["episodes"], p.get("error")) for p in content["points"]]
    return made, Sweep(content["model"], made.env_id, axes, points, content["digest"])
