"""Logs in a run folder: TensorBoard's events and progress.csv. Both can be cut back to a checkpoint."""

import csv
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from stable_baselines3.common.logger import HParam, KVWriter, Logger, TensorBoardOutputFormat, filter_excluded_keys

from utils.files import write_aside
from utils.run_file_names import PROGRESS, TENSORBOARD

HPARAMS = "hparams"  # name in SB3 and TensorBoard


class ProgressCsv(KVWriter):
    """Appends a line of numbers to a file at every dump. A new name adds a column."""

    def __init__(self, path: Path):
        self._path = path
        self._rows = read_progress(path) if path.exists() else []
        self._names = list(self._rows[0]) if self._rows else []

    def write(self, key_values, key_excluded, step=0):
        numbers = filter_excluded_keys(key_values, key_excluded, "csv")
        row = {"step": str(step)} | {name: repr(float(numbers[name])) for name in sorted(numbers)}
        self._rows.append(row)
        new = [name for name in row if name not in self._names]
        self._names += new
        if new:
            write_aside(self._path, self._write_all)
        else:
            with self._path.open("a", newline="") as file:
                csv.DictWriter(file, self._names).writerow(row)

    def close(self):
        """Does nothing: the file is closed after every line."""

    def _write_all(self, path):
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, self._names)
            writer.writeheader()
            writer.writerows(self._rows)


def read_progress(path: Path) -> list[dict[str, str]]:
    """Returns the lines of a progress.csv as text by name of the column."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def make_logger(run: Path) -> Logger:
    """Returns the logger that appends to both logs in the run folder."""
    folder = str(run / TENSORBOARD)
    return Logger(folder, [TensorBoardOutputFormat(folder), ProgressCsv(run / PROGRESS)])


def write_hparams(logger: Logger, numbers: Mapping[str, bool | float | str], metrics: Sequence[str]) -> None:
    """Writes hyperparameters for TensorBoard's HParams tab, which shows them with the last values of the scalars `metrics`.

    Writes to TensorBoard's file directly, because values that wait in the logger would become part of a checkpoint.
    """
    value = HParam(dict(numbers), dict.fromkeys(metrics, 0.0))  # the tab reads the scalars, not these zeros
    for output in logger.output_formats:
        if isinstance(output, TensorBoardOutputFormat):
            output.write({HPARAMS: value}, {HPARAMS: None}, 0)


def mark_logs(run: Path, logger: Logger, folder: Path) -> dict[str, int]:
    """Copies progress.csv to `folder`; returns the current size, bytes, of each of TensorBoard's files."""
    for output in logger.output_formats:
        if isinstance(output, TensorBoardOutputFormat):
            output.writer.flush()
    if (run / PROGRESS).exists():
        shutil.copyfile(run / PROGRESS, folder / PROGRESS)
    return {file.name: file.stat().st_size for file in sorted((run / TENSORBOARD).glob("*"))}


def cut_logs(run: Path, sizes: Mapping[str, int], folder: Path | None) -> None:
    """Removes everything after `mark_logs` from the logs of a run; without a `folder`, removes everything.

    Raises:
        ValueError: a name in `sizes` is a path, or a size is not a whole number of at least 0.
    """
    for name, size in sizes.items():
        if Path(name).name != name or not isinstance(size, int) or size < 0:
            raise ValueError(
                f"a checkpoint's list of logs must name files of {TENSORBOARD}/ and sizes, got {name!r}: {size!r}"
            )
    for file in sorted((run / TENSORBOARD).glob("*")):
        if file.name not in sizes:
            file.unlink()
        else:
            with file.open("r+b") as opened:
                opened.truncate(min(sizes[file.name], file.stat().st_size))
    (run / PROGRESS).unlink(missing_ok=True)
    if folder is not None and (folder / PROGRESS).exists():
        write_aside(run / PROGRESS, lambda aside: shutil.copyfile(folder / PROGRESS, aside))
