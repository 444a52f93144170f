"""Trains any registered environment: `python train.py --env RWRLCartpoleSwingup-v0 --algo sac`; --help lists everything.

What there is to say depends on the environment: `python train.py --env ID --help`.
"""

import sys
from functools import partial

from training import command_line

parse = partial(command_line.parse, about=__doc__)


def main(argv: list[str] | None = None) -> int:
    """Trains as the command line says; returns the exit code."""
    return command_line.train(argv, parse, "train")


if __name__ == "__main__":
    sys.exit(main())
