"""Gives the exported form of a policy, policy.onnx with policy.json, of a run or of files that were exported before."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from run_folder.export import export_onnx
from run_folder.runs import Run, load_run

ONNX = ".onnx"


@contextmanager
def exported_pair(model: Path) -> Iterator[tuple[Path, Run | None]]:
    """Yields the path of an ONNX file with its .json beside it, and the run that it comes from, if that is known.

    A run folder, checkpoint or shipped policy is exported to a temporary folder, which the end of the block removes.

    Raises:
        ValueError: the policy cannot be read, or an ONNX file has no description beside it.
    """
    if model.suffix != ONNX:
        with TemporaryDirectory() as folder:
            run, out = load_run(model), Path(folder) / f"policy{ONNX}"
            export_onnx(run, out)
            yield out, run
        return
    for path in (model, model.with_suffix(".json")):
        if not path.is_file():
            raise ValueError(f"there is no {path}: export_policy.py writes a .onnx and a .json")
    yield model, None
