"""Exports a trained policy for other programs: `python export_policy.py RUN policy.onnx`; see docs/deploy.md."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import gymnasium as gym
import tyro

from run_folder.export import MODEL_MARKS, export_onnx, export_torchscript
from run_folder.runs import load_run
from run_folder.sb3_files import MODEL, PICKLED, export_sb3
from utils.console.arguments import parse_arguments
from utils.console.outputs import MARK, check_output, check_output_folder, json_with, marked
from utils.console.terminal import tolerant_output
from utils.fields import Checked
from utils.paths import expanded, with_home

FORMATS = {"onnx": export_onnx, "torchscript": export_torchscript, "sb3": export_sb3}
MEANING = ("env_id", "versions")  # keys of the description beside a model


@dataclass(frozen=True, kw_only=True)
class ExportConfig(Checked):
    """The policy to export, and the file to write."""

    run: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="RUN")]]
    """Run folder, checkpoint or shipped policy."""
    out: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="OUT")]]
    """File to write; with --format sb3 a folder. A .json file beside it describes inputs and outputs."""
    format: Literal[*FORMATS] = "onnx"
    """Format of the export; sb3 writes the pickles of Stable-Baselines3."""


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Exports the policy on the command line; returns the exit code."""
    config = parse_arguments(ExportConfig, with_home(argv), about=__doc__)
    try:
        out = check_out(config.out, config.format)
        FORMATS[config.format](load_run(config.run), out)
    except KeyboardInterrupt:
        print("export_policy: interrupted", file=sys.stderr)
        return 130
    except (ValueError, OSError, ImportError, gym.error.Error) as error:
        print(f"export_policy: {error}", file=sys.stderr)
        return 2
    print(f"Wrote {out}")
    return 0


def check_out(out: Path, form: str) -> Path:
    """Returns the path to write in the format `form`, with `~` expanded.

    Raises:
        ValueError: the file, or the .json beside it, exists and belongs to a run or was not written by this program.
    """
    if form == "sb3":
        ours = marked(f"{MARK} sb3")
        return check_output_folder(out, [(MODEL, ours), (PICKLED, lambda path: ours(path.with_name(MODEL)))])
    if out.suffix == ".json":
        raise ValueError(f"{out} would be overwritten by the description, which is a .json: name it .onnx or .pt")
    if not out.name:
        raise ValueError(f"name a file to write, got {str(out)!r}")
    beside = expanded(out).with_suffix(".json")
    try:
        check_output(beside, json_with(*MEANING))
    except ValueError as error:
        raise ValueError(f"{error}; {out} needs it for its description") from error
    return check_output(out, marked(MODEL_MARKS[form]))


if __name__ == "__main__":
    sys.exit(main())
