"""The gait alone against a policy on the same unseen ground: `python tests/compare_residual_vs_baseline.py MODEL --help`.

Prints a row for each and draws how far they came and how often they fell, with 95 % intervals.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import gymnasium as gym
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import tyro
from scipy.special import stdtrit

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.terrain_benchmark import BenchmarkConfig, load_walkers, walk
from evaluation.walks import summarise, table
from utils.console.outputs import check_picture, picture_mark
from utils.console.terminal import tolerant_output
from utils.files import write_aside
from utils.paths import with_home

PROGRAM = "comparison"


@dataclass(frozen=True)
class CompareConfig:
    """Options of the comparison."""

    model: tyro.conf.Positional[Path]
    """Run or checkpoint folder, or a shipped policy."""
    episodes: int = 20
    """Episodes of each."""
    terrain: str = "rough"
    """Terrain kind: flat, rough, slope, stairs, blocks, waves."""
    level: float = 0.75
    """Terrain level, 0 to 1."""
    out: Path = Path("runs/comparison.png")
    """PNG to write."""

    def __post_init__(self):
        self.benchmark  # noqa: B018 - says what is wrong
        if self.terrain == "flat" and self.level != CompareConfig.level:
            raise ValueError("--level has no effect: flat ground has no levels")

    @property
    def benchmark(self) -> BenchmarkConfig:
        return BenchmarkConfig((self.model,), self.episodes, kinds=(self.terrain,), levels=(self.level,))


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Plays both, prints their rows and draws them; returns the exit code."""
    try:
        compare(tyro.cli(CompareConfig, args=with_home(argv), description=__doc__))
    except (ValueError, RuntimeError, OSError, gym.error.Error) as error:
        print(f"compare_residual_vs_baseline: {error}", file=sys.stderr)
        return 2
    return 0


def compare(config: CompareConfig) -> dict[str, list[dict]]:
    """Returns the records of both walkers by title, having printed and drawn them."""
    out = check_picture(config.out, PROGRAM)
    walkers = load_walkers(config.benchmark)
    records = {walker.title: walk(walker, config.terrain, config.level, config.benchmark) for walker in walkers}
    print(table({title: summarise(own) for title, own in records.items()}))
    write_aside(out, lambda aside: draw(records, f"{config.terrain} {config.level:g}", aside))
    print(f"Drawn in {out}")
    return records


def draw(records: dict[str, list[dict]], ground: str, out: Path) -> None:
    """Draws mean distances and fall rates as bars with 95 % intervals to the PNG `out`."""
    ways = [mean_interval([record["straight_distance_m"] for record in own]) for own in records.values()]
    summaries = [summarise(own) for own in records.values()]
    falls = [(s["fall_interval"][0], s["fall"], s["fall_interval"][1]) for s in summaries]
    figure, axes = plt.subplots(1, 2, figsize=(7, 3.4), layout="constrained")
    for axis, bars, label in zip(axes, (ways, falls), ("distance (m)", "episodes that end in a fall")):
        low, middle, high = np.transpose(bars)
        spread = np.maximum([middle - low, high - middle], 0.0)  # rounding may put an end a hair inside
        axis.bar([Path(title).name for title in records], middle, yerr=spread, capsize=6, color=["tab:gray", "tab:blue"])
        axis.set_ylabel(label)
        axis.grid(axis="y", alpha=0.3)
    axes[1].set_ylim(0.0, 1.03)
    figure.suptitle(f"{ground}, {summaries[0]['episodes']} episodes each", fontsize=10)
    figure.savefig(out, dpi=110, metadata=picture_mark(PROGRAM))
    plt.close(figure)


def mean_interval(values: list[float]) -> tuple[float, float, float]:
    """Returns low end, mean and high end of Student's 95 % interval; for one value the width is zero."""
    mean, n = float(np.mean(values)), len(values)
    half = float(stdtrit(n - 1, 0.975) * np.std(values, ddof=1) / np.sqrt(n)) if n > 1 else 0.0
    return mean - half, mean, mean + half


if __name__ == "__main__":
    sys.exit(main())
