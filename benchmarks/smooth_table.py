"""Compares smooth and robust variants of PPO on RealAnt-v0: `python benchmarks/smooth_table.py`; docs/robust_walking.md.

Trains every method with every seed for equal steps, each with `train.py` in its own process. One seed of all methods is
finished before the next. Then every policy plays the same held-out episodes under every condition, and so does the policy
that a slower method had after the CPU time of PPO with the same seed. The same command resumes a stopped study. Several
processes can share a folder: each skips trainings that another one works on, for example with --only and --seeds.

Writes results.csv, a row for each method, seed and condition, and tables.md. --tables-from prints the tables of a CSV.
"""

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.smooth_report import report
from benchmarks.smooth_study import BASELINE, CLAIMS, ENV_ID, METHODS, conditions, nominal
from benchmarks.study_command import StudyConfig, groups_of, run_study
from benchmarks.study_runner import Study
from evaluation.study.conditions import target_cell
from evaluation.study.tally import METRICS
from utils.console.interrupts import ends_in_order
from utils.console.terminal import tolerant_output
from utils.fields import checked, within

STUDY = Study("# Tables of benchmarks/smooth_table.py", ENV_ID, (*METHODS, *CLAIMS), BASELINE, METRICS, report)
CONDITIONS = conditions()
GROUPS = groups_of(CONDITIONS)


@dataclass(frozen=True)
class SmoothTableConfig(StudyConfig):
    """The trainings, their evaluation, and the folder of the results."""

    study, conditions, cell = STUDY, CONDITIONS, staticmethod(partial(target_cell, nominal=nominal))
    only: tuple[Literal[*STUDY.by_name], ...] = checked(tuple(m.name for m in METHODS), bool, "name at least one method")
    """Methods to train and to evaluate; by default the ten of the study, without those that test claims."""
    steps: int = within(1_000_000, 1)
    """Control steps of each training, of all simulations together."""
    groups: tuple[Literal[*GROUPS], ...] = checked(GROUPS, bool, "name at least one group")
    """Groups of conditions to evaluate."""
    out: Path = Path("runs/smooth_table")
    """Folder of the runs and of the results."""


@tolerant_output()
@ends_in_order()
def main(argv: list[str] | None = None) -> int:
    """Runs the study; returns the exit code: 1 if a training has failed."""
    return run_study(SmoothTableConfig, argv, "smooth_table", __doc__)


if __name__ == "__main__":
    sys.exit(main())
