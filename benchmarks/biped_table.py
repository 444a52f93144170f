"""Compares policies of the biped with and without history, estimator and privileged critic; docs/biped.md.

Trains every method with every seed, each with `train.py` in its own process. `varied` starts from the policy of `nominal`
and takes 0.75 times as many steps; the variants on mild randomisation take half as many. Then every policy plays the same
held-out episodes of 20 s under every condition. The same command resumes a stopped study, and several processes can share a
folder, for example with --only and --seeds.

Writes results.csv, a row for each method, seed and condition, and tables.md. --tables-from prints the tables of a CSV.
"""

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.biped_study import BASELINE, CONDITIONS, METHODS, STUDIED, WALK, nominal
from benchmarks.study_command import StudyConfig, groups_of, run_study
from benchmarks.study_runner import Study
from evaluation.study.results import ALL, Results
from evaluation.study.stepping import METRICS, command_cell
from evaluation.study.tables import (
    Column,
    differences_table,
    each_condition_table,
    in_group,
    methods_table,
    worst,
)
from utils.console.interrupts import ends_in_order
from utils.console.terminal import tolerant_output
from utils.fields import checked, within

TITLES = {method.name: method.title for method in METHODS}
EACH = {
    "success": "success",
    "falls": "fall",
    "velocity error (m/s)": "velocity_error_mps",
    "yaw rate error (rad/s)": "yaw_rate_error",
    "drift (m/s)": "drift_mps",
}
DIFFERENCES = {"success": ("success", 1.0), "falls": ("fall", 1.0), "velocity error (cm/s)": ("velocity_error_mps", 100.0)}
COLUMNS = (
    Column("success", in_group("success", WALK), interval=True),
    Column("falls", in_group("fall", WALK)),
    Column("velocity error (m/s)", in_group("velocity_error_mps", WALK), 3),
    Column("yaw rate error (rad/s)", in_group("yaw_rate_error", WALK), 3),
    Column("duty, left", in_group("left_duty", WALK)),
    Column("duty, right", in_group("right_duty", WALK)),
    Column("swing height (m)", in_group("swing_height_m", WALK), 3),
    Column("slip (m/s)", in_group("slip_mps", WALK), 3),
    Column("success, varied", in_group("success", "varied_walk"), interval=True),
    Column("falls, varied", in_group("fall", "varied_walk")),
    Column("success, all groups", in_group("success", ALL), interval=True),
    Column("worst condition", worst("success"), interval=True),
    Column("CPU min", in_group("cpu_minutes", WALK), 1),
)


def report(results: Results) -> str:
    """Returns the tables: interquartile means over trainings, and their 95 % intervals."""
    parts = {
        "Methods": methods_table(results, COLUMNS, TITLES),
        "Every condition": each_condition_table(results, EACH, TITLES),
    }
    for title, (metric, scale) in DIFFERENCES.items():
        found = differences_table(results, metric, BASELINE, TITLES, scale=scale)
        parts[f"Difference of the {title} from: {TITLES[BASELINE]}"] = found
    return "\n\n".join(f"## {title}\n\n{table}" for title, table in parts.items())


STUDY = Study("# Tables of benchmarks/biped_table.py", STUDIED, METHODS, BASELINE, METRICS, report, equal_time=False)
GROUPS = groups_of(CONDITIONS)


@dataclass(frozen=True)
class BipedTableConfig(StudyConfig):
    """The trainings, their evaluation, and the folder of the results."""

    study, conditions, cell = STUDY, CONDITIONS, staticmethod(partial(command_cell, nominal=nominal))
    only: tuple[Literal[*STUDY.by_name], ...] = checked(tuple(STUDY.by_name), bool, "name at least one method")
    """Methods to train and to evaluate."""
    seeds: tuple[int, ...] = within((1, 2, 3), 0, 999_999, least=1)
    """Seeds of the trainings."""
    steps: int = within(12_000_000, 1)
    """Control steps of `nominal`, of all simulations together; `varied` has 0.75 times as many, the others half."""
    groups: tuple[Literal[*GROUPS], ...] = checked(GROUPS, bool, "name at least one group")
    """Groups of conditions to evaluate."""
    episodes: int = within(64, 1)
    """Number of episodes of each policy under each condition."""
    episode_steps: int = within(2000, 2)
    """Control steps of an episode, 0.01 s each."""
    out: Path = Path("runs/biped_table")
    """Folder of the runs and of the results."""


@tolerant_output()
@ends_in_order()
def main(argv: list[str] | None = None) -> int:
    """Runs the study; returns the exit code: 1 if a training has failed."""
    return run_study(BipedTableConfig, argv, "biped_table", __doc__)


if __name__ == "__main__":
    sys.exit(main())
