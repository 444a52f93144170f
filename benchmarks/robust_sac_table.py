"""Compares robust SAC with its rivals: `python benchmarks/robust_sac_table.py --task cartpole`; docs/robust_sac.md.

Trains every method with every seed for equal steps, each with `train.py` in its own process. One seed of all methods is
finished before the next. Then every policy plays the same held-out episodes at 20 values of each of the task's four
parameters. The same command resumes a stopped study. Several processes can share a folder: each skips trainings that
another one works on.

Writes results.csv, a row for each method, seed and value, with the return of every episode, and tables.md. --tables-from
prints the tables of a CSV. --pictures draws the mean return and the band of the 10 and 90 % quantiles over each parameter.
"""

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.robust_sac_report import draw, picture_files, report
from benchmarks.robust_sac_study import BASELINE, CLEAN, TASKS, conditions, methods, nominal
from benchmarks.study_command import StudyConfig, groups_of, run_study
from benchmarks.study_runner import Study
from evaluation.study.conditions import Condition
from evaluation.study.results import Results
from evaluation.study.returns import METRICS, MOST_EPISODES, returns_cell
from utils.console.interrupts import ends_in_order
from utils.console.options import given_options
from utils.console.terminal import tolerant_output
from utils.fields import FieldError, within

NAMES = tuple(dict.fromkeys(method.name for task in TASKS.values() for method in methods(task)))
GROUPS = tuple(dict.fromkeys(group for task in TASKS.values() for group in groups_of(conditions(task))))


@dataclass(frozen=True)
class RobustSacTableConfig(StudyConfig):
    """The trainings, their evaluation, and the folder of the results."""

    cell, of_tables = staticmethod(partial(returns_cell, nominal=nominal)), ("task", "pictures", "drawn")
    task: Literal[*TASKS] = "cartpole"
    """The task."""
    only: tuple[Literal[*NAMES], ...] | None = None
    """Methods to train and to evaluate; None for all of the task."""
    steps: int = within(60_000, 1)
    """Control steps of each training, of all simulations together."""
    groups: tuple[Literal[*GROUPS], ...] | None = None
    """The nominal task ("clean") and parameters to evaluate; None for all of the task."""
    episodes: int = within(20, 1, MOST_EPISODES)
    """Number of episodes of each policy at each value."""
    episode_steps: int = within(1000, 2)
    """Most control steps of an episode."""
    out: Path = Path("runs/robust_sac_table")
    """Folder with a folder of the runs and results of each task."""
    pictures: Path | None = None
    """Folder for a picture of each parameter; None draws nothing."""
    drawn: tuple[Literal[*NAMES], ...] = ("sac", "l2_param", "legacy_l2_adv_param", "dr", "dr_history")
    """Methods in the pictures."""

    def __post_init__(self):
        super().__post_init__()
        groups = groups_of(self.conditions)
        for field, values, known in (("only", self.only, self.study.by_name), ("groups", self.groups, groups)):
            for name in values or ():
                if name not in known:
                    raise FieldError(field, f"must name some of {', '.join(known)} for the task {self.task}, not {name}")

    @property
    def study(self) -> Study:
        task = TASKS[self.task]
        title = f"# Tables of benchmarks/robust_sac_table.py --task {self.task}"
        parts = task.env_id, methods(task), BASELINE, METRICS, partial(report, task)
        return Study(title, *parts, equal_time=False, apart=(CLEAN,))

    @property
    def conditions(self) -> list[Condition]:
        return conditions(TASKS[self.task])

    @property
    def folder(self) -> Path:
        return self.out / self.task

    def refuse_ignored(self, argv) -> None:
        super().refuse_ignored(argv)
        if self.pictures is None and "drawn" in given_options(argv):
            raise ValueError("--drawn has no effect without --pictures")
        if self.pictures is not None:
            if self.no_evaluation:
                raise ValueError("--pictures has no effect: --no-evaluation evaluates nothing")
            picture_files(TASKS[self.task], self.pictures)  # raises before hours of training


def draw_pictures(config: RobustSacTableConfig, results: Results) -> None:
    """Draws the pictures that the config asks for, and prints their names."""
    if config.pictures is not None:
        task = TASKS[config.task]
        for path in draw(task, results, picture_files(task, config.pictures), config.drawn):
            print(path)


@tolerant_output()
@ends_in_order()
def main(argv: list[str] | None = None) -> int:
    """Runs the study; returns the exit code: 1 if a training has failed."""
    return run_study(RobustSacTableConfig, argv, "robust_sac_table", __doc__, draw_pictures)


if __name__ == "__main__":
    sys.exit(main())
