"""Trains a residual policy for ResidualWalk-v0 with PPO: `python train_residual_ppo.py --help` lists all options.

train.py is the same program under another name.
"""

import sys
from functools import partial

from training import command_line

parse = partial(command_line.parse, about=__doc__)


def main(argv: list[str] | None = None) -> int:
    """Trains as the command line says; returns the exit code."""
    return command_line.train(argv, parse, "train_residual_ppo")


if __name__ == "__main__":
    sys.exit(main())
