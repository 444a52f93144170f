"""Writes a trained policy for other programs: `python export_policy.py RUN policy.onnx`; see docs/deploy.md."""

import argparse
import sys
from pathlib import Path

from run_folder.export import MODEL_MARKS, export_onnx, export_torchscript
from run_folder.runs import load_run
from run_folder.sb3_files import MODEL, PICKLED, export_sb3
from utils.console.outputs import MARK, check_output, check_output_folder, json_with, marked
from utils.console.terminal import tolerant_output
from utils.paths import expanded, with_home

FORMATS = {"onnx": export_onnx, "torchscript": export_torchscript, "sb3": export_sb3}
MEANING = ("env_id", "versions")  # keys of the description beside a model


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Exports what the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="run folder, checkpoint or shipped policy")
    parser.add_argument(
        "out", type=Path, help="file to write; a folder for sb3. What its numbers mean goes to a .json beside it"
    )
    parser.add_argument("--format", choices=[*FORMATS], default="onnx", help="sb3: Stable-Baselines3's own pickles")
    args = parser.parse_args(with_home(argv))
    try:
        out = check_out(args.out, args.format)
        FORMATS[args.format](load_run(args.run), out)
    except (ValueError, OSError) as error:
        print(f"export_policy: {error}", file=sys.stderr)
        return 2
    print(f"Wrote {out}")
    return 0


def check_out(out: Path, form: str) -> Path:
    """Returns the path to write, with `~` expanded.

    Raises:
        ValueError: a file there, or the .json beside it, belongs to a run or was not written by this program.
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
