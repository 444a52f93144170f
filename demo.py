"""Shows the main job in two minutes: the gait alone, and the shipped policy if there is one, on flat and rough ground.

Prints a table, and writes `demo/paths.png` (where each robot walked) and `demo/walk.mp4` (one of them, on rough ground).
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from play_residual_policy import VIDEO_FPS, PlayConfig, camera_operator, make_env, task_config
from utils.evaluation import evaluate, gait_alone, summarise, table
from utils.rendering import Video, can_render
from utils.runs import load_policy

OUT = Path("demo")
SHIPPED = Path(__file__).parent / "assets" / "policies" / "ResidualWalk-v0"
EPISODES, COMMAND = 8, 0.4
PLACES = (("flat", 0.0), ("rough", 0.5), ("rough", 1.0))
VIDEO_SECONDS = 8


def main() -> int:
    """Walks, prints, draws and films; returns the exit code."""
    OUT.mkdir(exist_ok=True)
    walkers = {"gait alone": None} | ({"gait + residual": SHIPPED} if SHIPPED.is_dir() else {})
    rows, paths = {}, {}
    print(f"Walking {EPISODES} times 10 m at {COMMAND} m/s on each ground ...", flush=True)
    for title, model in walkers.items():
        for kind, level in PLACES:
            records, path = walk(model, kind, level)
            name = f"{title}, {kind}" + (f" {level:g}" if level else "")
            rows[name], paths[name] = summarise(records), path
    print(table(rows))
    draw(paths, OUT / "paths.png")
    film(next(reversed(walkers.values())), OUT / "walk.mp4")
    return 0


def walk(model: Path | None, kind: str, level: float) -> tuple[list[dict], np.ndarray]:
    """Returns the records of EPISODES walks and their paths (steps, episodes, 2): metres ahead and to the left."""
    env = make_env(task_config(play_config(model, kind, level)), EPISODES)
    path, running = [], np.ones(EPISODES, bool)

    def note(info):
        place = np.stack([info["distance"], info["sideways"]], axis=-1)
        path.append(np.where(running[:, None], place, np.nan))
        running[info.get("_final_info", np.zeros(EPISODES, bool))] = False
        running[info["straight_distance"] >= 10.0] = False

    policy = gait_alone(env) if model is None else load_policy(model)
    records = evaluate(env, policy, EPISODES, seed=0, on_step=note)
    return records, np.array(path)


def play_config(model, kind, level):
    return PlayConfig(model=model, baseline=model is None, terrain=kind, level=level, command=COMMAND)


def draw(paths: dict[str, np.ndarray], out: Path) -> None:
    """Draws every path from above, one panel for each walker and ground."""
    figure, axes = plt.subplots(len(paths), 1, figsize=(9, 1.7 * len(paths)), sharex=True, squeeze=False)
    for axis, (name, path) in zip(axes[:, 0], paths.items()):
        axis.plot(path[..., 0], path[..., 1], lw=1)
        axis.axvline(10.0, color="gray", ls=":", lw=1)
        axis.set(title=name, ylim=(-2, 2), ylabel="left (m)")
        axis.grid(alpha=0.3)
    axes[-1, 0].set_xlabel("ahead (m)")
    figure.tight_layout()
    figure.savefig(out, dpi=100)
    plt.close(figure)
    print(f"Paths from above: {out}")


def film(model: Path | None, out: Path) -> None:
    """Films VIDEO_SECONDS of one robot on rough ground, or says why not."""
    if not can_render():
        print("No video: that needs a GL library (Debian, Ubuntu: apt-get install libegl1 libgl1-mesa-dri).")
        return
    env = make_env(
        task_config(play_config(model, "rough", 0.5)), 1, render_mode="rgb_array", max_episode_steps=VIDEO_SECONDS * 100
    )
    policy = gait_alone(env) if model is None else load_policy(model)
    with Video(out, VIDEO_FPS) as video:
        evaluate(env, policy, 1, seed=0, on_step=camera_operator(env, video))
    env.close()
    print(f"Video: {out}")


if __name__ == "__main__":
    sys.exit(main())
