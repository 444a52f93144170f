"""Prints what logs of challenges hold and draws it: `python -m evaluation.challenge_report FILE... [--out FOLDER]`."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from envs.wrappers.challenge_logs.stats import ChallengeStats, read_stats
from evaluation.challenge_plots import PROGRAM, plot_learning_curves, plot_violations
from evaluation.learning_curve import CONFIDENCE, WINDOW, learning_statistics
from utils.console.outputs import MARK, check_output_folder, marked
from utils.console.terminal import tolerant_output
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


def learning_table(runs: dict[str, ChallengeStats], window: int = WINDOW, confidence: float = CONFIDENCE) -> str:
    """Returns how each run has learned as a Markdown table; a run shorter than a window has only its mean return."""
    rows = []
    for name, stats in runs.items():
        cells = _learned(stats.returns, window, confidence) if len(stats.returns) >= window else [None] * 5
        mean = stats.returns.mean() if len(stats.returns) else None
        rows.append([name, len(stats.returns), mean, *cells])
    return _table(LEARNING, rows)


def violations_table(runs: dict[str, ChallengeStats]) -> str:
    """Returns the violations of each run's episodes, summed per constraint, as a Markdown table."""
    names = list(dict.fromkeys(name for stats in runs.values() for name in stats.constraints))
    sums = {run: dict(zip(stats.constraints, stats.violations.sum(axis=0).tolist())) for run, stats in runs.items()}
    rows = [[run, *(sums[run].get(name) for name in names), stats.lengths.sum()] for run, stats in runs.items()]
    return _table(["violations", *names, "of steps"], rows)


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Prints the tables and writes the pictures of the logs that the command line names; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="logs; the part before .npz names the run")
    parser.add_argument("--out", type=Path, help="folder for the pictures; that of the first log if not given")
    parser.add_argument("--window", type=int, default=WINDOW, help="episodes averaged (%(default)s)")
    parser.add_argument("--confidence", type=float, default=CONFIDENCE, help="of the intervals (%(default)s)")
    args = parser.parse_args(with_home(argv))
    try:
        _report(args)
    except (ValueError, OSError) as error:
        print(f"challenge_report: {error}", file=sys.stderr)
        return 2
    return 0


def _report(args):
    files = [expanded(path) for path in args.files]
    runs = {name: read_stats(path) for name, path in _names(files).items()}
    ours = marked(f"{MARK} {PROGRAM}")
    out = check_output_folder(args.out or files[0].parent, [(CURVES, ours), (VIOLATIONS, ours)])
    print(learning_table(runs, args.window, args.confidence))
    returns = {name: stats.returns for name, stats in runs.items()}
    pictures = [plot_learning_curves(out / CURVES, returns, args.window, args.confidence)]
    if any(stats.constraints for stats in runs.values()):
        print(f"\n{violations_table(runs)}")
        pictures.append(plot_violations(out / VIOLATIONS, runs))
    print("", *pictures, sep="\n")


def _names(files):
    """Returns the files by a name that tells them apart: as short as their own, or the whole path."""
    short = {path.stem: path for path in files}
    return short if len(short) == len(files) else {str(path): path for path in files}


def _learned(returns, window, confidence):
    found = learning_statistics(returns, window, confidence)
    regrets = found.absolute_regret, found.normalized_regret
    return [found.final_return, found.convergence_episode, *regrets, found.normalized_instability]


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
