"""Measures how robust policies are to changed physics: `python evaluate_robustness.py --model RUN --all`; see --help.

A parameter takes one value after another, the nominal one among them, and every policy plays the same seeds at each value.
The same command resumes a measurement that was stopped.
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
from evaluation.robustness.sweep import Axis, Judged, Sweep, conditions, judged, make_axis, sweep
from training.command_line import config_of_run
from utils.console.arguments import parse_arguments
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
    """Parameter to change; the environment's default one if not given."""
    all: bool = False
    """Change all parameters, one after the other, over their usual ranges."""
    pairs: tuple[str, ...] = ()
    """Two parameters, as mass,gravity: all values of one with all of the other. May be given several times over."""
    min: float | None = None
    """Lowest value of --param; that of its usual range if not given."""
    max: float | None = None
    """Highest value of --param."""
    values: int = 20
    """Values from lowest to highest; the nominal one is added if it is none of them."""
    episodes: int = 20
    """Episodes at every value."""
    seed: int = 2022
    """Of the first episode; with the episodes, below 10,000. Decides the terrain too."""
    num_threads: int = 2
    """Threads for physics."""
    out: Path = Path("runs/robustness")
    """Folder for JSON, table and pictures; results of other models and parameters that it holds stay in its table."""

    def __post_init__(self):
        if min(self.values, self.episodes, self.num_threads) < 1:
            raise ValueError("values, episodes and num_threads must be at least 1")
        ROBUSTNESS_EPISODES.at(self.seed, self.episodes)
        if (self.min is not None or self.max is not None) and (self.all or self.pairs):
            raise ValueError("--min and --max are for one --param")
        if (self.param is not None) + self.all + bool(self.pairs) > 1:
            raise ValueError("give one of --param, --all and --pairs")
        for pair in self.pairs:
            if pair.count(",") != 1:
                raise ValueError(f"a pair is two parameters with a comma between them, got {pair!r}")


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Measures as the command line says; returns the exit code: 1 if a point failed."""
    try:
        config = parse_arguments(RobustnessConfig, with_home(argv), about=__doc__)
        return 1 if failures(measure(config)) else 0
    except KeyboardInterrupt:
        print("Stopped; the same command goes on.", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(f"evaluate_robustness: {error}", file=sys.stderr)
        return 2


def measure(config: RobustnessConfig) -> list[Sweep]:
    """Returns every sweep of every policy, parameter by parameter; writes and prints what the folder then holds.

    Raises:
        ValueError: a policy cannot be judged, the folder is no place for results, or another process writes there.
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
        write_aside(out / REPORT, lambda aside: aside.write_text(markdown(groups)))
        drawn = [each for each in groups[made] if each.axes in wanted]
        print("\n".join([table(groups[made]), "", *map(str, draw(out, drawn, made.settings)), *failures(groups[made])]))
        return sweeps


def policy_of(path: Path, config: RobustnessConfig) -> AbstractContextManager[Judged]:
    """Returns a run's policy with its judge, on the environment that its training is evaluated on.

    Raises:
        ValueError: the run holds no policy or no config of a training.
    """
    training = config_of_run(path, config.num_threads)
    make_env = partial(training.make_evaluation_env, nominal=True)
    return judged(path, training.task.judge, make_env, config.episodes, config.seed)


def played(policies: list[Judged], wanted: list[tuple[Axis, ...]], out: Path, made: Conditions) -> list[Sweep]:
    """Returns every sweep of every policy, each written as JSON when it is whole."""
    rows, sweeps = KeptRows(out / ROWS, made.made_with, (made.env_id, made.episodes, made.seed)), []
    with Progress() as bar:
        task = bar.add_task("points", total=len(policies) * sum(prod(len(axis.values) for axis in own) for own in wanted))
        for own in wanted:
            for policy in policies:
                sweeps.append(sweep(policy, own, rows, lambda point: bar.advance(task)))
                write_sweep(out, sweeps[-1], made)
    return sweeps


def axes(config: RobustnessConfig, policies: list[Judged]) -> list[tuple[Axis, ...]]:
    """Returns the axes of every sweep: one each, or two for a pair.

    Raises:
        ValueError: policies are of different environments, or a parameter is unknown.
    """
    ids = {policy.run.env_id for policy in policies}
    if len(ids) != 1:
        raise ValueError(f"all models must be of one environment, got {', '.join(sorted(ids)) or 'none'}")
    known = policies[0].perturbations
    if config.pairs:
        return [tuple(make_axis(known, name, count=config.values) for name in pair.split(",")) for pair in config.pairs]
    if config.all:
        return [(make_axis(known, name, count=config.values),) for name in known]
    name = config.param or policies[0].default_perturbation
    return [(make_axis(known, name, config.min, config.max, config.values),)]


if __name__ == "__main__":
    sys.exit(main())
