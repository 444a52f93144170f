"""The command line of a study: its config, its plan, and its exit codes."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar

import tyro

from benchmarks.study_runner import TABLE, Plan, Study, StudyRunner, check_folder
from benchmarks.study_trainings import Training
from evaluation.held_out_seeds import SUCCESSES
from evaluation.study.conditions import Condition
from evaluation.study.results import Results
from utils.console.arguments import parse_arguments
from utils.console.options import given_options
from utils.fields import Checked, check_once, within
from utils.paths import with_home


@dataclass(frozen=True)
class StudyConfig(Checked):
    """The trainings of a study, their evaluation, and the folder of the results.

    Attributes:
        study: what is compared.
        conditions: all conditions of the evaluation.
        cell: plays a policy under a condition, as `evaluation.study.conditions.target_cell` does.
        folder: folder of the runs and of the results.
        of_tables: names of the fields that also apply to --tables-from.
    """

    study: ClassVar[Study]
    conditions: ClassVar[Sequence[Condition]]
    cell: ClassVar[Callable[..., Mapping]]
    of_tables: ClassVar[tuple[str, ...]] = ()
    only: tuple[str, ...] | None = None
    """Methods to train and to evaluate; None for all."""
    seeds: tuple[int, ...] = within((1, 2, 3, 4, 5), 0, 999_999, least=1)
    """Seeds of the trainings."""
    steps: int = within(2_000_000, 1)
    """Control steps of each training, of all simulations together."""
    groups: tuple[str, ...] | None = None
    """Groups of conditions to evaluate; None for all."""
    episodes: int = within(16, 1)
    """Number of episodes of each policy under each condition."""
    episode_steps: int = within(600, 2)
    """Control steps of an episode, 0.05 s each."""
    num_threads: int = within(1, 1)
    """Number of threads for each training, and for the physics of evaluations."""
    out: Path = Path("runs/study")
    """Folder of the runs and of the results."""
    no_training: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Train nothing; evaluate only trainings that have ended."""
    no_evaluation: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Evaluate nothing; only train."""
    tables_from: tuple[Path, ...] | None = None
    """Print the tables of these CSVs, each with other trainings; train and evaluate nothing."""

    def __post_init__(self):
        super().__post_init__()
        if self.no_training and self.no_evaluation:
            raise ValueError("--no-training and --no-evaluation leave nothing to do: give one of them")
        if self.tables_from == ():
            raise ValueError("--tables-from must name at least one CSV")
        for name in ("only", "seeds", "groups"):
            check_once(f"--{name}", getattr(self, name) or ())
        SUCCESSES.at(0, self.episodes)

    @property
    def folder(self) -> Path:
        return self.out

    def plan(self) -> Plan:
        """Returns the work of this process; creates the folder.

        Raises:
            ValueError: the folder contains files of other programs.
        """
        methods, groups = self.study.by_name, self.groups or groups_of(self.conditions)
        length = {"episodes": self.episodes, "episode_steps": self.episode_steps}
        play = partial(self.cell, **length, seed=SUCCESSES.at(0, self.episodes), num_threads=self.num_threads)
        return Plan(
            out=check_folder(self.study, self.folder),
            steps=self.steps,
            trainings=[Training(methods[name], seed) for seed in self.seeds for name in self.only or methods],
            conditions=[condition for condition in self.conditions if condition.group in groups],
            play=play,
            settings=(self.episodes, self.episode_steps),
            num_threads=self.num_threads,
            trains=not self.no_training,
            evaluates=not self.no_evaluation,
        )

    def refuse_ignored(self, argv: Sequence[str]) -> None:
        """Raises ValueError if an option on the command line has no effect."""
        for name in given_options(argv):
            option = f"--{name.replace('_', '-')}"
            if self.tables_from is not None and name not in ("tables_from", *self.of_tables):
                raise ValueError(f"{option} has no effect: --tables-from trains and evaluates nothing")
            if self.no_evaluation and name in ("groups", "episodes", "episode_steps"):
                raise ValueError(f"{option} has no effect: --no-evaluation evaluates nothing")


def groups_of(conditions: Sequence[Condition]) -> tuple[str, ...]:
    """Returns the names of the groups of conditions, in order."""
    return tuple(dict.fromkeys(condition.group for condition in conditions))


def run_study(
    config_class: type[StudyConfig],
    argv: Sequence[str] | None,
    name: str,
    about: str | None,
    after: Callable[[StudyConfig, Results], None] | None = None,
) -> int:
    """Trains and evaluates, writes and prints the tables; returns the exit code: 1 if a training has failed.

    Args:
        config_class: class of the config.
        argv: command line.
        name: name of the program in its messages.
        about: description of the program.
        after: called with the results after the tables, if there are any.
    """
    argv = with_home(sys.argv[1:] if argv is None else argv)
    config = parse_arguments(config_class, argv, about=about)
    try:
        config.refuse_ignored(argv)
        code, tables = _run(config)
        if after is not None and all(table.is_file() for table in tables):
            after(config, config.study.results(*tables))
        return code
    except KeyboardInterrupt:
        print("Stopped; the same command resumes.", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2


def _run(config):
    """Runs the study, or prints the tables of CSVs; returns the exit code and the CSVs of the results."""
    if config.tables_from is None:
        return StudyRunner(config.study, config.plan()).run(), (config.folder / TABLE,)
    print(config.study.report(config.study.results(*config.tables_from)))
    return 0, config.tables_from
