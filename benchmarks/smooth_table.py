"""Compares smooth and robust variants of PPO on RealAnt-v0: `python benchmarks/smooth_table.py`; docs/robust_walking.md.

Trains every method with every seed for equal steps, each with `train.py` in its own process. One seed of all methods is
finished before the next. Then every policy plays the same held-out episodes under every condition, and so does the policy
that a slower method had after the CPU time of PPO with the same seed. The same command resumes a stopped study. Several
processes can share a folder: each skips trainings that another one works on, for example with --only and --seeds.

Writes results.csv, a row for each method, seed and condition, and tables.md. --tables-from prints the tables of a CSV.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import tyro

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.smooth_report import report
from benchmarks.smooth_study import BASELINE, ENV_ID, METHODS, conditions, nominal
from benchmarks.study_runner import Plan, Study, StudyRunner, check_folder
from benchmarks.study_trainings import Training
from evaluation.held_out_seeds import SUCCESSES
from evaluation.study.conditions import target_cell
from evaluation.study.results import Results, read_results
from evaluation.study.tally import METRICS
from utils.console.arguments import parse_arguments
from utils.console.interrupts import ends_in_order
from utils.console.options import given_options
from utils.console.terminal import tolerant_output
from utils.fields import Checked, checked, within
from utils.paths import with_home

STUDY = Study("# Tables of benchmarks/smooth_table.py", ENV_ID, METHODS, BASELINE, METRICS, report)
GROUPS = tuple(dict.fromkeys(condition.group for condition in conditions()))


@dataclass(frozen=True)
class SmoothTableConfig(Checked):
    """The trainings, their evaluation, and the folder of the results."""

    only: tuple[Literal[*STUDY.by_name], ...] = checked(tuple(STUDY.by_name), bool, "name at least one method")
    """Methods to train and to evaluate."""
    seeds: tuple[int, ...] = within((1, 2, 3, 4, 5), 0, 999_999, least=1)
    """Seeds of the trainings."""
    steps: int = within(2_000_000, 1)
    """Control steps of each training, of all simulations together."""
    groups: tuple[Literal[*GROUPS], ...] = checked(GROUPS, bool, "name at least one group")
    """Groups of conditions to evaluate."""
    episodes: int = within(16, 1)
    """Number of episodes of each policy under each condition."""
    episode_steps: int = within(600, 2)
    """Control steps of an episode, 0.05 s each."""
    num_threads: int = within(1, 1)
    """Number of threads for each training, and for the physics of evaluations."""
    out: Path = Path("runs/smooth_table")
    """Folder of the runs and of the results."""
    no_training: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Train nothing; evaluate only trainings that have ended."""
    no_evaluation: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Evaluate nothing; only train."""
    tables_from: Path | None = None
    """Print the tables of this CSV; train and evaluate nothing."""

    def __post_init__(self):
        super().__post_init__()
        if self.no_training and self.no_evaluation:
            raise ValueError("--no-training and --no-evaluation leave nothing to do: give one of them")
        for name in ("only", "seeds", "groups"):
            if len({*getattr(self, name)}) < len(getattr(self, name)):
                raise ValueError(f"--{name} must name each value once, got {' '.join(map(str, getattr(self, name)))}")
        SUCCESSES.at(0, self.episodes)

    def plan(self) -> Plan:
        """Returns the work of this process; creates the folder.

        Raises:
            ValueError: the folder contains files of other programs.
        """
        play = partial(
            target_cell,
            nominal=nominal,
            episodes=self.episodes,
            episode_steps=self.episode_steps,
            seed=SUCCESSES.at(0, self.episodes),
            num_threads=self.num_threads,
        )
        return Plan(
            out=check_folder(STUDY, self.out),
            steps=self.steps,
            trainings=[Training(STUDY.by_name[name], seed) for seed in self.seeds for name in self.only],
            conditions=[condition for condition in conditions() if condition.group in self.groups],
            play=play,
            settings=(self.episodes, self.episode_steps),
            num_threads=self.num_threads,
            trains=not self.no_training,
            evaluates=not self.no_evaluation,
        )


@tolerant_output()
@ends_in_order()
def main(argv: list[str] | None = None) -> int:
    """Trains and evaluates, writes and prints the tables; returns the exit code: 1 if a training has failed."""
    argv = with_home(sys.argv[1:] if argv is None else argv)
    config = parse_arguments(SmoothTableConfig, argv, about=__doc__)
    try:
        refuse_ignored(config, argv)
        if config.tables_from is not None:
            print(report(Results(read_results(config.tables_from, METRICS))))
            return 0
        return StudyRunner(STUDY, config.plan()).run()
    except KeyboardInterrupt:
        print("Stopped; the same command resumes.", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(f"smooth_table: {error}", file=sys.stderr)
        return 2


def refuse_ignored(config: SmoothTableConfig, argv: Sequence[str]) -> None:
    """Raises ValueError if an option on the command line has no effect."""
    for name in given_options(argv):
        option = f"--{name.replace('_', '-')}"
        if config.tables_from is not None and name != "tables_from":
            raise ValueError(f"{option} has no effect: --tables-from trains and evaluates nothing")
        if config.no_evaluation and name in ("groups", "episodes", "episode_steps"):
            raise ValueError(f"{option} has no effect: --no-evaluation evaluates nothing")


if __name__ == "__main__":
    sys.exit(main())
