"""Draws the training curves of a run: `python -m utils.monitor_training LOGDIR [--out training_curves.png]`."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import tyro
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from utils.console.arguments import parse_arguments
from utils.console.outputs import check_picture, picture_mark
from utils.console.terminal import tolerant_output
from utils.fields import Checked
from utils.files import write_aside
from utils.paths import expanded, with_home

PROGRAM = "training curves"
# Titles of the curves that most trainings log, in the order of the panels. The title of any other curve is its tag.
TITLES = {
    "rollout/ep_rew_mean": "episode return",
    "rollout/ep_len_mean": "episode length (steps)",
    "rollout/success_rate": "success rate",
    "rollout/survival_rate": "episodes that did not fail",
    "rollout/physics_failures": "physics failures so far",
    "train/learning_rate": "learning rate",
    "train/entropy_loss": "entropy loss",
}
GROUPS = ("rollout", "eval", "eval_perturbed", "reward")  # every curve whose tag begins with one of these is drawn


@dataclass(frozen=True, kw_only=True)
class CurvesConfig(Checked):
    """The log to read and the picture to write."""

    log_dir: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="LOGDIR")]]
    """Run folder, or its folder of TensorBoard logs."""
    out: Path | None = None
    """Picture to write; the default is training_curves.png in LOGDIR."""


def read_scalars(log_dir: str | Path) -> dict[str, tuple[list[int], list[float]]]:
    """Reads every scalar of the TensorBoard logs in or below `log_dir`: tag -> (steps, values).

    Raises:
        ValueError: there is no TensorBoard log, or no log contains a scalar.
    """
    folders = sorted({path.parent for path in Path(log_dir).rglob("events.out.tfevents.*")})
    scalars = {}
    for folder in folders:
        log = EventAccumulator(str(folder), size_guidance={"scalars": 0})
        log.Reload()
        for tag in log.Tags()["scalars"]:
            # Names of files do not order processes of the same second.
            events = sorted(log.Scalars(tag), key=lambda event: event.wall_time)
            scalars[tag] = ([event.step for event in events], [event.value for event in events])
    if not scalars:
        raise ValueError(f"no TensorBoard scalars in or below {log_dir}")
    return scalars


def plot_training_curves(log_dir: str | Path, out: str | Path) -> Path:
    """Draws every logged curve of TITLES and GROUPS and writes the picture to `out`; returns its path."""
    scalars, columns = read_scalars(log_dir), 4
    panels = curves(scalars)
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(3.6 * columns, 2.4 * rows), squeeze=False)
    for axis, (tag, title) in zip(axes.flat, panels):
        axis.plot(*scalars[tag], lw=1.2)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("steps", fontsize=8)
        axis.tick_params(labelsize=7)
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    figure.tight_layout()
    write_aside(Path(out), lambda aside: figure.savefig(aside, dpi=110, metadata=picture_mark(PROGRAM)))
    plt.close(figure)
    return Path(out)


def curves(tags: Iterable[str]) -> list[tuple[str, str]]:
    """Returns the tag and the title of each curve to draw: first those of TITLES, then those of GROUPS."""
    known = [(tag, title) for tag, title in TITLES.items() if tag in {*tags}]
    groups = [sorted(tag for tag in {*tags} - {*TITLES} if tag.startswith(f"{group}/")) for group in GROUPS]
    return known + [(tag, tag.replace("/", ": ").replace("_", " ")) for tag in chain(*groups)]


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Draws the curves of the log on the command line; returns the exit code."""
    config = parse_arguments(CurvesConfig, with_home(argv), about=__doc__)
    try:
        log_dir = expanded(config.log_dir)
        out = check_picture(config.out or log_dir / "training_curves.png", PROGRAM)
        print(plot_training_curves(log_dir, out))
    except (ValueError, OSError) as error:
        print(f"monitor_training: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
