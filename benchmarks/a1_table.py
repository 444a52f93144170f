"""Compares the A1's run with and without randomisation: `python benchmarks/a1_table.py`; docs/robots.md.

Trains the preset `run` of A1-v0 with every seed, on the robot of the source and on randomised robots, each with `train.py`
in its own process. Then every policy plays the same held-out episodes under every condition. A success is an episode
without a fall at a mean speed of 0.7 m/s or more. The same command resumes a stopped study.

Writes results.csv, a row for each method, seed and condition, and tables.md. --tables-from prints the tables of a CSV.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.study_command import StudyConfig, groups_of, run_study
from benchmarks.study_runner import Study
from benchmarks.study_trainings import Method
from envs.a1.variation import DR_VARIATION
from evaluation.study.conditions import Condition
from evaluation.study.results import ALL, Results
from evaluation.study.running import METRICS, run_cell
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

BASELINE, CLEAN, LEAST_SPEED = "plain", "clean", 0.7  # m/s
METHODS = (
    Method(BASELINE, "plain", ("--preset", "run")),
    Method("dr", "DR", ("--preset", "run", "--env.task-name", "locomotion-dr")),
)
TITLES = {method.name: method.title for method in METHODS}
EACH = {"success": "success", "falls": "fall", "speed (m/s)": "mean_speed_mps"}
# Factors of the nominal values; latency in control steps. Values outside the ranges of DR_VARIATION are "out".
VALUES = {
    "mass": (0.8, 1.2, 0.6, 1.4),
    "friction": (0.5, 1.25, 0.3, 1.5),
    "servo_strength": (0.8, 1.2, 0.6, 0.4),
    "latency": (1, 2),
    "servo_gain": (0.75, 1.25),
    "servo_damping": (0.4, 0.7, 1.3),  # 0.4: the gain of the source's own robot, 4 instead of 10 N m s/rad
}


def nominal(arguments: Mapping) -> dict:
    """Returns the recorded arguments of an environment for the nominal robot, on a floor of nominal friction."""
    config = arguments["config"] | {"variation": {"friction": [1.0, 1.0]}}
    return {**arguments, "config": config, "perturb_spec": None}


def conditions() -> list[Condition]:
    """Returns all conditions: the nominal robot, and one factor at a time."""
    found = [Condition(CLEAN, CLEAN)]
    for name, values in VALUES.items():
        for value in values:
            reach = "in" if _trained(name, value) else "out"
            arguments = {"perturb_spec": {"params": {name: value}}}
            found.append(Condition(f"{name}_{value:g}", f"{name}_{reach}", reach, arguments))
    return found


def report(results: Results) -> str:
    """Returns the tables: interquartile means over trainings, and their 95 % intervals."""
    columns = (
        Column("success", in_group("success", CLEAN), interval=True),
        Column("speed (m/s)", in_group("mean_speed_mps", CLEAN), interval=True),
        Column("falls", in_group("fall", CLEAN)),
        Column("cost of transport", in_group("cost_of_transport", CLEAN)),
        Column("success, all groups", in_group("success", ALL), interval=True),
        Column("worst condition", worst("success"), interval=True),
        Column("falls, all groups", in_group("fall", ALL)),
        Column("CPU min", in_group("cpu_minutes", CLEAN), 1),
    )
    parts = {
        "Methods": methods_table(results, columns, TITLES),
        "Every condition": each_condition_table(results, EACH, TITLES),
        "Difference of the success from the plain policy": differences_table(results, "success", BASELINE, TITLES),
    }
    return "\n\n".join(f"## {title}\n\n{table}" for title, table in parts.items())


def _trained(name, value):
    if name == "latency":
        return value <= 1
    low, high = getattr(DR_VARIATION, name)
    return low <= value <= high and low < high


STUDY = Study("# Tables of benchmarks/a1_table.py", "A1-v0", METHODS, BASELINE, METRICS, report, equal_time=False)
CONDITIONS = conditions()
GROUPS = groups_of(CONDITIONS)


@dataclass(frozen=True)
class A1TableConfig(StudyConfig):
    """The trainings, their evaluation, and the folder of the results."""

    study, conditions, cell = STUDY, CONDITIONS, staticmethod(partial(run_cell, nominal=nominal, least_speed=LEAST_SPEED))
    only: tuple[Literal[*STUDY.by_name], ...] = checked(tuple(STUDY.by_name), bool, "name at least one method")
    """Methods to train and to evaluate."""
    seeds: tuple[int, ...] = within((1, 2, 3), 0, 999_999, least=1)
    """Seeds of the trainings."""
    steps: int = within(1_000_000, 1)
    """Control steps of each training, of all simulations together."""
    groups: tuple[Literal[*GROUPS], ...] = checked(GROUPS, bool, "name at least one group")
    """Groups of conditions to evaluate."""
    episodes: int = within(32, 1)
    """Number of episodes of each policy under each condition."""
    episode_steps: int = within(400, 2)
    """Control steps of an episode, 0.05 s each."""
    out: Path = Path("runs/a1_table")
    """Folder of the runs and of the results."""


@tolerant_output()
@ends_in_order()
def main(argv: list[str] | None = None) -> int:
    """Runs the study; returns the exit code: 1 if a training has failed."""
    return run_study(A1TableConfig, argv, "a1_table", __doc__)


if __name__ == "__main__":
    sys.exit(main())
