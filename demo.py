"""Shows the project in two minutes: the gait alone and the shipped policy walk on flat and on rough ground.

Prints a table, and writes `demo/paths.png` (the path of each robot) and `demo/walk.mp4` (both robots side by side on the
same rough ground: the gait alone, then the policy).
"""

import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from gymnasium.vector import VectorEnv

from evaluation.episodes import Policy
from evaluation.held_out_seeds import DEMO
from evaluation.judges import Scene, Setting
from play_residual_policy import BASELINE, VIDEO_FPS
from run_folder.runs import Run, load_run
from training.tasks import find_task
from utils.console.arguments import parse_arguments
from utils.console.interrupts import ends_in_order
from utils.console.terminal import tolerant_output
from utils.env_ids import DEFAULT_ID
from utils.files import write_aside
from utils.rendering.video import Video
from utils.vector_infos import control_dt

OUT = Path("demo")
JUDGE = find_task(DEFAULT_ID).judge
SHIPPED = Path(__file__).parent / "assets" / "policies" / DEFAULT_ID
EPISODES, COMMAND = 8, 0.4
PLACES = (("flat", 0.0), ("rough", 0.5), ("rough", 1.0), ("stairs", 0.75))
VIDEO_SECONDS, VIDEO_PLACE = 8, ("rough", 1.0)


@dataclass(frozen=True)
class DemoConfig:
    """No options."""


@tolerant_output()
@ends_in_order()
def main(argv: Sequence[str] = ()) -> int:
    """Runs the demo; returns the exit code. The only option is --help."""
    parse_arguments(DemoConfig, [*argv], about=__doc__)
    try:
        show()
    except KeyboardInterrupt:
        print("demo: interrupted", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    return 0


def show() -> None:
    """Plays every walker on every ground, prints the table, draws the paths and films the video."""
    OUT.mkdir(exist_ok=True)
    walkers = {"gait alone": None} | ({"gait + residual": load_run(SHIPPED)} if SHIPPED.is_dir() else {})
    rows, paths = {}, {f"{kind} {level:g}": {} for kind, level in PLACES}
    print(f"Walking {EPISODES} times 10 m at {COMMAND} m/s on each ground ...", flush=True)
    for title, model in walkers.items():
        for (kind, level), place_paths in zip(PLACES, paths.values()):
            records, place_paths[title] = walk(model, kind, level)
            rows[f"{title}, {kind} {level:g}"] = JUDGE.summarise(records)
    print(JUDGE.table(rows))
    draw(paths, OUT / "paths.png")
    film(list(walkers.values()), OUT / "walk.mp4")


def walk(model: Run | None, kind: str, level: float) -> tuple[list[dict], np.ndarray]:
    """Plays EPISODES episodes; returns their records and paths (steps, episodes, 2): m ahead and m to the left.

    A path is NaN after the end of its episode, or after 10 m.
    """
    env = make_env(model, kind, level, EPISODES)
    path, running = [], np.ones(EPISODES, bool)

    def note(info):
        place = np.stack([info["distance"], info["sideways"]], axis=-1)
        path.append(np.where(running[:, None], place, np.nan))
        running[info.get("_final_info", np.zeros(EPISODES, bool))] = False
        running[info["straight_distance"] >= 10.0] = False

    records = JUDGE.play(env, policy_of(model, env), EPISODES, DEMO.at(0, EPISODES), note)
    return records, np.array(path)


def make_env(model: Run | None, kind: str, level: float, num_envs: int, render_mode: str | None = None) -> VectorEnv:
    """Makes the environment of the model on a terrain kind and level; without a model the default environment."""
    setting = Setting(DEFAULT_ID) if model is None else Setting(model.env_id, model.env_kwargs)
    return JUDGE.play_env(setting, Scene(kind, level, COMMAND), num_envs, DEMO.at(), render_mode)


def policy_of(model: Run | None, env: VectorEnv) -> Policy:
    """Returns the policy of the model, or the gait alone if there is no model."""
    return JUDGE.baseline(BASELINE, env) if model is None else model.act


def draw(paths: dict[str, dict[str, np.ndarray]], out: Path) -> None:
    """Draws every path from above to the picture `out`: a panel for each ground, a colour for each walker."""
    figure, axes = plt.subplots(len(paths), 1, figsize=(9, 1.7 * len(paths)), sharex=True, squeeze=False)
    for axis, (place, walkers) in zip(axes[:, 0], paths.items()):
        for number, (title, path) in enumerate(walkers.items()):
            lines = axis.plot(path[..., 0], path[..., 1], lw=1, color=f"C{number}")
            lines[0].set_label(title)
        axis.axvline(10.0, color="gray", ls=":", lw=1)
        axis.set(title=place, ylim=(-2, 2), ylabel="left (m)")
        axis.grid(alpha=0.3)
    axes[0, 0].legend(loc="lower left", ncols=len(walkers))
    axes[-1, 0].set_xlabel("ahead (m)")
    figure.tight_layout()
    write_aside(out, lambda aside: figure.savefig(aside, dpi=100))
    plt.close(figure)
    print(f"Paths from above: {out}")


def film(models: list[Run | None], out: Path) -> None:
    """Films one robot for each model for VIDEO_SECONDS, side by side from the same start on rough ground.

    A robot that falls starts a new episode. Prints a sentence instead if the GL library or ffmpeg is missing.
    """
    try:
        with ExitStack() as stack:
            video = stack.enter_context(Video(out, VIDEO_FPS))
            robots = [stack.enter_context(closing(Filmed(model))) for model in models]
            for _ in range(VIDEO_SECONDS * VIDEO_FPS):
                video.add(np.hstack([robot.walk_on() for robot in robots]))
    except RuntimeError as error:  # no GL library, no ffmpeg
        print(f"No video: {error}")
        return
    print(f"Video: {out}")


class Filmed:
    """One robot on rough ground, controlled by the policy of a model, or by the gait alone if there is no model."""

    def __init__(self, model: Run | None):
        self._env = make_env(model, *VIDEO_PLACE, 1, "rgb_array")
        self._policy = policy_of(model, self._env)
        self._observation, _ = self._env.reset(seed=DEMO.at())
        self._steps = self._frames = 0
        self.close = self._env.close

    def walk_on(self) -> np.ndarray:
        """Steps to the time of the next frame, 1 / VIDEO_FPS s later; returns the frame (height, width, 3)."""
        self._frames += 1
        due = round(self._frames / VIDEO_FPS / control_dt(self._env))
        for _ in range(due - self._steps):
            self._observation, *_ = self._env.step(self._policy(self._observation))
        self._steps = due
        return self._env.render()[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
