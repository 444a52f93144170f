"""Trains a policy on any registered environment: `python train.py --env RWRLCartpoleSwingup-v0 --algo sac`.

The options depend on the environment: `python train.py --env ID --help` lists them. train_residual_ppo.py is the same
program under another name; both train ResidualWalk-v0 with PPO by default.
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
