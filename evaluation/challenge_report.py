"""Prints and draws the logs of challenges: `python -m evaluation.challenge_report FILE... [--out FOLDER]`."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from envs.wrappers.challenge_logs.stats import ChallengeStats, read_stats
from evaluation.challenge_plots import PROGRAM, plot_learning_curves, plot_violations
from evaluation.learning_curve import CONFIDENCE, WINDOW, learning_statistics
from utils.console.arguments import parse_arguments
from utils.console.outputs import MARK, check_output_folder, marked
from utils.console.terminal import tolerant_output
from utils.fields import Checked, checked, within
from utils.paths import expanded, with_home

LEARNING = (
    "run",
    "episodes",
    "mean return",
    "final return",
    "converged at episode",
    "regret",
    "in final returns",
    "instability",
)
CURVES, VIOLATIONS = "learning_curves.png", "violations.png"


@dataclass(frozen=True, kw_only=True)
class ReportConfig(Checked):
    """The logs to read, the statistics, and the folder of the pictures."""

    files: tyro.conf.Positional[Annotated[tuple[Path, ...], tyro.conf.arg(metavar="FILE ...")]] = checked(
        (), bool, "name at least one log"
    )
    """Logs, .npz files; the name of a file names its run."""
    out: Path | None = None
    """Folder for the pictures; the default is the folder of the first log."""
    window: int = within(WINDOW, 2)
    """Episodes in a moving average."""
    confidence: float = within(CONFIDENCE, above=0, below=1)
    """Confidence level of the intervals."""


def learning_table(runs: dict[str, ChallengeStats], window: int = WINDOW, confidence: float = CONFIDENCE) -> str:
    """Returns the learning statistics of each run as a Markdown table.

    A run of fewer episodes than a window has only a mean return.
    """
    rows = []
    for name, stats in runs.items():
        cells = _learned(stats.returns, window, confidence) if len(stats.returns) >= window else [None] * 5
        mean = stats.returns.mean() if len(stats.returns) else None
        rows.append([name, len(stats.returns), mean, *cells])
    return _table(LEARNING, rows)


def violations_table(runs: dict[str, ChallengeStats]) -> str:
    """Returns the number of violations of each constraint in all episodes of each run as a Markdown table."""
    names = list(dict.fromkeys(name for stats in runs.values() for name in stats.constraints))
    sums = {run: dict(zip(stats.constraints, stats.violations.sum(axis=0).tolist())) for run, stats in runs.items()}
    rows = [[run, *(sums[run].get(name) for name in names), stats.lengths.sum()] for run, stats in runs.items()]
    return _table(["violations", *names, "of steps"], rows)


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Prints the tables and writes the pictures of the logs on the command line; returns the exit code."""
    config = parse_arguments(ReportConfig, with_home(argv), about=__doc__)
    try:
        _report(config)
    except (ValueError, OSError) as error:
        print(f"challenge_report: {error}", file=sys.stderr)
        return 2
    return 0


def _report(config):
    files = [expanded(path) for path in config.files]
    runs = {name: read_stats(path) for name, path in _names(files).items()}
    ours = marked(f"{MARK} {PROGRAM}")
    out = check_output_folder(config.out or files[0].parent, [(CURVES, ours), (VIOLATIONS, ours)])
    print(learning_table(runs, config.window, config.confidence))
    returns = {name: stats.returns for name, stats in runs.items()}
    pictures = [plot_learning_curves(out / CURVES, returns, config.window, config.confidence)]
    if any(stats.constraints for stats in runs.values()):
        print(f"\n{violations_table(runs)}")
        pictures.append(plot_violations(out / VIOLATIONS, runs))
    print("", *pictures, sep="\n")


def _names(files):
    """Returns the files by name: their file names if these are unique, otherwise their paths."""
    short = {path.stem: path for path in files}
    return short if len(short) == len(files) else {str(path): path for path in files}


def _learned(returns, window, confidence):
    statistics = learning_statistics(returns, window, confidence)
    regrets = statistics.absolute_regret, statistics.normalized_regret
    return [statistics.final_return, statistics.convergence_episode, *regrets, statistics.normalized_instability]


def _table(head: Iterable[str], rows: Iterable[list]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value):
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else f"{value}"


if __name__ == "__main__":
    sys.exit(main())
