"""Runs a study: trains methods, evaluates their policies under conditions, and writes the results; all of it resumable.

A folder contains, for each training NAME = METHOD_seed_N, the run folder NAME, the output NAME.log of train.py, and the
cache NAME.rows.jsonl of the evaluated conditions; and results.csv and tables.md with all trainings that have been evaluated.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.study_trainings import (
    Busy,
    Failed,
    Method,
    Training,
    ended_at,
    reserved,
    run_name,
    saved,
    train,
    within_time,
)
from evaluation.kept_rows import KeptRows, read_rows
from evaluation.study.conditions import Condition
from evaluation.study.results import BOTH, KEYS, STEPS, TIME, Results, read_parts, read_results, write_results
from run_folder.runs import Run, digest, load_run
from utils.console.outputs import check_output_folder, csv_with, text_with
from utils.files import write_aside
from utils.provenance import code_state, versions

TABLE, REPORT, ROWS = "results.csv", "tables.md", ".rows.jsonl"


@dataclass(frozen=True)
class Study:
    """What is compared, and how.

    Attributes:
        title: first line of tables.md.
        env_id: id of the environment of all trainings.
        methods: the methods in the order of the tables.
        baseline: name of the method whose CPU time is the budget of the others.
        metrics: names of the measures of a cell.
        report: results -> Markdown tables.
        equal_time: whether the policy that a slower method had after the CPU time of the baseline is evaluated, too.
        apart: groups of conditions that do not count in means over groups.
    """

    title: str
    env_id: str
    methods: tuple[Method, ...]
    baseline: str
    metrics: tuple[str, ...]
    report: Callable[[Results], str]
    equal_time: bool = True
    apart: tuple[str, ...] = ()

    @property
    def by_name(self) -> dict[str, Method]:
        """The methods by name."""
        return {method.name: method for method in self.methods}

    def results(self, *tables: Path) -> Results:
        """Returns the results in the CSVs of the study.

        Raises:
            ValueError: as `read_parts`, or they have a method that the study does not have.
        """
        rows = read_parts(tables, self.metrics)
        if unknown := {row["method"] for row in rows} - self.by_name.keys():
            raise ValueError(f"{', '.join(map(str, tables))}: the study has no method {', '.join(sorted(unknown))}")
        return Results(rows, self.apart)


@dataclass(frozen=True)
class Plan:
    """What one process does.

    Attributes:
        out: folder of the study.
        steps: control steps of each training whose method has the length 1.
        trainings: the trainings to work on, in order.
        conditions: the conditions of the evaluation.
        play: plays the episodes of a policy under a condition; returns the measures of the cell.
        settings: numbers that decide the episodes, such as their number and their length.
        num_threads: number of threads of each training.
        trains, evaluates: whether to train and to evaluate.
    """

    out: Path
    steps: int
    trainings: Sequence[Training]
    conditions: Sequence[Condition]
    play: Callable[[Run, Condition], Mapping]
    settings: tuple[int, ...]
    num_threads: int = 1
    trains: bool = True
    evaluates: bool = True


def check_folder(study: Study, folder: Path) -> Path:
    """Returns the folder of a study; creates it. Raises ValueError if it contains a run or files of other programs."""
    return check_output_folder(folder, [(TABLE, csv_with(*KEYS)), (REPORT, text_with(study.title))])


class StudyRunner:
    """Works on a plan of a study.

    Args:
        study: the study.
        plan: the work of this process; `check_folder` has returned its folder.
    """

    def __init__(self, study: Study, plan: Plan):
        self.study, self.plan = study, plan
        self._made_with = "; ".join([code_state(), *map(" ".join, versions().items())])

    def run(self) -> int:
        """Trains, evaluates, writes and prints the tables; returns the exit code: 1 if a training has failed.

        Trainings that another process works on are skipped.

        Raises:
            ValueError: a run folder contains another training, or results.csv would lose results.
            KeyboardInterrupt: a signal has stopped a training, which has saved its state.
        """
        if self.plan.evaluates:
            self._check_no_loss()
        busy, failed = [], []
        for training in self.plan.trainings:
            try:
                with reserved(self.plan.out, training):
                    self._work(training)
            except Busy as error:
                busy.append(str(error))
            except Failed as error:
                failed.append(str(error))
                _say(str(error))
        if self.plan.evaluates:
            self._write_tables()
        if busy:
            _say(f"other processes work on {', '.join(busy)}; run the command again after their end")
        return 1 if failed else 0

    def rows(self, training: Training) -> list[dict]:
        """Returns the rows of a training that has been evaluated under all conditions of the plan; otherwise none."""
        if not self._has_ended(training):
            return []
        cells, found = read_rows(self._cache(training), self._made_with, self.plan.settings), []
        names = [condition.name for condition in self.plan.conditions]
        for policy, budget in self._policies(training):
            own = [cells.get((digest(policy.folder), name)) for name in names]
            if None not in own:
                found += [self._row(training, policy, budget, *pair) for pair in zip(self.plan.conditions, own)]
        return found

    def _work(self, training):
        plan = self.plan
        if plan.trains:
            train(training, self.study.env_id, plan.steps, plan.out, plan.num_threads)
        if plan.evaluates and self._has_ended(training):
            rows = KeptRows(self._cache(training), self._made_with, plan.settings)
            for policy, _ in self._policies(training):
                self._evaluate(policy, rows, training.name)

    def _evaluate(self, policy, rows, name):
        """Plays a policy under every condition that `rows` does not have."""
        run, files = load_run(policy.folder), digest(policy.folder)
        for condition in self.plan.conditions:
            cell = rows.row((files, condition.name), partial(self.plan.play, run, condition))
            first = self.study.metrics[0]
            _say(f"{name}, {policy.steps:,} steps, {condition.name}: {first} {cell[first]:.4g}")

    def _policies(self, training):
        """Returns the policies of an ended training to evaluate, each with its budget.

        The budget of time is the CPU time of the baseline with the same seed; there is none before that training has ended,
        if the training had saved no policy by then, or if the study compares after equal steps only.
        """
        own = saved(self.plan.out / training.name)
        baseline, final = Training(self.study.by_name[self.study.baseline], training.seed), own[-1]
        if not self.study.equal_time or not self._has_ended(baseline):
            return [(final, STEPS)]
        in_time = within_time(own, saved(self.plan.out / baseline.name)[-1].cpu_minutes)
        if in_time == final:
            return [(final, BOTH)]
        return [(final, STEPS), *([(in_time, TIME)] if in_time else [])]

    def _row(self, training, policy, budget, condition, cell):
        keys = (training.method.name, training.seed, budget, policy.steps, policy.cpu_minutes)
        return dict(zip(KEYS, (*keys, condition.name, condition.group, condition.reach, self.plan.settings[0]))) | cell

    def _has_ended(self, training):
        return ended_at(self.plan.out / training.name, training.steps(self.plan.steps))

    def _cache(self, training):
        return self.plan.out / f"{training.name}{ROWS}"

    def _check_no_loss(self):
        """Raises ValueError if results.csv has trainings that are neither in the cache nor evaluated now."""
        path = self.plan.out / TABLE
        if not path.is_file() or path.stat().st_size == 0:
            return
        before = {run_name(row["method"], row["seed"]) for row in read_results(path, self.study.metrics)}
        kept = {training.name for training in self._found() if self.rows(training)}
        lost = sorted(before - kept - {training.name for training in self.plan.trainings})
        if lost:
            made = "made with other code, conditions, episodes or lengths: evaluate them too, or name another --out"
            raise ValueError(f"{path} contains results of {', '.join(lost)}, {made}")

    def _found(self):
        """Returns all trainings in the folder, also those of other processes, method by method."""
        names = {path.name for path in self.plan.out.glob("*_seed_*") if path.is_dir()}
        seeds = sorted({int(number) for name in names if (number := name.rpartition("_")[2]).isdecimal()})
        trainings = [Training(method, seed) for method in self.study.methods for seed in seeds]
        return [training for training in trainings if training.name in names]

    def _write_tables(self):
        rows, out, metrics = (
            [row for training in self._found() for row in self.rows(training)],
            self.plan.out,
            self.study.metrics,
        )
        if not rows:
            _say("no training has been evaluated under all conditions yet")
            return
        write_results(out / TABLE, rows, metrics)
        tables = self.study.report(self.study.results(out / TABLE))
        other = [f"{method.name} {method.length:g} times as many" for method in self.study.methods if method.length != 1.0]
        steps = ", ".join([f"{self.plan.steps:,} steps", *other])
        text = f"{self.study.title}\n\n{tables}\n\n{steps}; {self._made_with}.\n"
        write_aside(out / REPORT, lambda aside: aside.write_text(text))
        print(tables)


def _say(text):
    print(text, file=sys.stderr, flush=True)
