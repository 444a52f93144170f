"""Writes a trained policy for other programs: `python export_policy.py RUN policy.onnx`; see docs/deploy.md."""

import argparse
import sys
from pathlib import Path

from utils.export import export_onnx, export_torchscript
from utils.runs import load_run
from utils.sb3_files import export_sb3

FORMATS = {"onnx": export_onnx, "torchscript": export_torchscript, "sb3": export_sb3}


def main(argv: list[str] | None = None) -> int:
    """Exports what the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="run folder, checkpoint or shipped policy")
    parser.add_argument(
        "out", type=Path, help="file to write; a folder for sb3. What its numbers mean goes to a .json beside it"
    )
    parser.add_argument("--format", choices=[*FORMATS], default="onnx", help="sb3: Stable-Baselines3's own pickles")
    args = parser.parse_args(argv)
    try:
        run = load_run(args.run)
        args.out.parent.mkdir(parents=True, exist_ok=True)
        FORMATS[args.format](run, args.out)
    except (ValueError, OSError) as error:
        print(f"export_policy: {error}", file=sys.stderr)
        return 2
    print(f"Wrote {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
