"""Measures the robustness of policies to changed physics: `python evaluate_robustness.py --model RUN --all`; see --help.

A parameter takes several values, including the nominal value; every policy plays the same seeds at each value. The same
command resumes a measurement that was stopped.
"""

import sys
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path

from rich.progress import Progress

from evaluation.held_out_seeds import ROBUSTNESS_EPISODES
from evaluation.kept_rows import KeptRows, is_kept_rows
from evaluation.robustness.files import Conditions, write_sweep
from evaluation.robustness.report import HEAD, draw, failures, grouped, markdown, table
from evaluation.robustness.sweep import Axis, EvaluatedPolicy, Sweep, conditions, evaluated_policy, make_axis, sweep
from training.command_line import config_of_run
from training.tasks import find_task
from utils.console.arguments import parse_arguments
from utils.console.interrupts import ends_in_order
from utils.console.outputs import check_output_folder, text_with, used_alone
from utils.console.terminal import tolerant_output
from utils.files import write_aside
from utils.paths import expanded, with_home

ROWS, REPORT = "points.jsonl", "report.md"


@dataclass(frozen=True)
class RobustnessConfig:
    """Policies, parameters, episodes, and the folder of the results."""

    model: tuple[Path, ...]
    """Run folders, checkpoints or shipped policies, all of the same environment."""
    param: str | None = None
    """Parameter to change. Default: the default parameter of the environment."""
    all: bool = False
    """Change all parameters, one after the other, over their default ranges."""
    pairs: tuple[str, ...] = ()
    """Pairs of parameters, such as mass,gravity: all values of one with all values of the other."""
    min: float | None = None
    """Lowest value of --param. Default: the low end of its default range."""
    max: float | None = None
    """Highest value of --param. Default: the high end of its default range."""
    values: int = 20
    """Number of values from lowest to highest. The nominal value is added if it is not among them."""
    episodes: int = 20
    """Number of episodes at every value."""
    seed: int = 2022
    """Seed of the first episode; seed + episodes must be at most 10,000. The seed also decides the terrain."""
    num_threads: int = 2
    """Number of threads for physics."""
    out: Path = Path("runs/robustness")
    """Folder for JSON files, table and pictures. Earlier results in the folder stay in the table."""

    def __post_init__(self):
        if min(self.values, self.episodes, self.num_threads) < 1:
            raise ValueError("values, episodes and num_threads must be at least 1")
        ROBUSTNESS_EPISODES.at(self.seed, self.episodes)
        if (self.min is not None or self.max is not None) and (self.all or self.pairs):
            raise ValueError("--min and --max need one --param")
        if (self.param is not None) + self.all + bool(self.pairs) > 1:
            raise ValueError("give one of --param, --all and --pairs")
        for pair in self.pairs:
            if pair.count(",") != 1 or len({*pair.split(",")}) != 2:
                raise ValueError(f"a pair must be two different parameters with a comma between them, got {pair!r}")


@tolerant_output()
@ends_in_order()
def main(argv: list[str] | None = None) -> int:
    """Measures as the command line says; returns the exit code: 1 if a point failed."""
    try:
        config = parse_arguments(RobustnessConfig, with_home(argv), about=__doc__)
        return 1 if failures(measure(config)) else 0
    except KeyboardInterrupt:
        print("Stopped; the same command resumes.", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(f"evaluate_robustness: {error}", file=sys.stderr)
        return 2


def measure(config: RobustnessConfig) -> list[Sweep]:
    """Returns every sweep of every policy, parameter by parameter; writes the results and prints the table.

    Raises:
        ValueError: a policy cannot be evaluated, the folder contains other files, or another process writes there.
    """
    models = dict.fromkeys(map(expanded, config.model))
    with ExitStack() as stack:
        policies = [stack.enter_context(policy_of(path, config)) for path in models]
        wanted = axes(config, policies)
        out = check_output_folder(config.out, [(ROWS, is_kept_rows), (REPORT, text_with(" | ".join(HEAD)))])
        stack.enter_context(used_alone(out))
        made = Conditions(policies[0].run.env_id, config.episodes, config.seed, conditions(policies))
        sweeps = played(policies, wanted, out, made)
        groups = grouped(out, sweeps, made)
        write_aside(out / REPORT, lambda aside: aside.write_text(markdown(groups, success_key)))
        drawn = [each for each in groups[made] if each.axes in wanted]
        pictures = map(str, draw(out, drawn, made.settings))
        print("\n".join([table(groups[made], success_key), "", *pictures, *failures(groups[made])]))
        return sweeps


def success_key(env_id: str) -> str:
    """Returns the key of an episode's record that counts its successes, as the judge of the task names it."""
    return find_task(env_id).judge.success_key


def policy_of(path: Path, config: RobustnessConfig) -> AbstractContextManager[EvaluatedPolicy]:
    """Returns the policy of a run with its judge and the nominal evaluation environment of its training.

    Raises:
        ValueError: the run contains no policy or no config of a training.
    """
    training = config_of_run(path, config.num_threads)
    make_env = partial(training.make_evaluation_env, nominal=True)
    return evaluated_policy(path, training.task.judge, make_env, config.episodes, config.seed)


def played(policies: list[EvaluatedPolicy], wanted: list[tuple[Axis, ...]], out: Path, made: Conditions) -> list[Sweep]:
    """Plays every sweep of every policy; writes each as JSON when it is complete."""
    rows, sweeps = KeptRows(out / ROWS, made.made_with, (made.env_id, made.episodes, made.seed)), []
    with Progress() as bar:
        total = len(policies) * sum(prod(len(axis.values) for axis in grid) for grid in wanted)
        task = bar.add_task("points", total=total)
        for grid in wanted:
            for policy in policies:
                sweeps.append(sweep(policy, grid, rows, lambda point: bar.advance(task)))
                write_sweep(out, sweeps[-1], made)
    return sweeps


def axes(config: RobustnessConfig, policies: list[EvaluatedPolicy]) -> list[tuple[Axis, ...]]:
    """Returns the axes of every sweep: one axis, or two for a pair.

    Raises:
        ValueError: the policies have different environments, or a parameter is unknown.
    """
    ids = {policy.run.env_id for policy in policies}
    if len(ids) != 1:
        raise ValueError(f"all models must have the same environment, got {', '.join(sorted(ids)) or 'none'}")
    known = policies[0].perturbations
    if config.pairs:
        return [tuple(make_axis(known, name, count=config.values) for name in pair.split(",")) for pair in config.pairs]
    if config.all:
        return [(make_axis(known, name, count=config.values),) for name in known]
    name = config.param or policies[0].default_perturbation
    return [(make_axis(known, name, config.min, config.max, config.values),)]


if __name__ == "__main__":
    sys.exit(main())
