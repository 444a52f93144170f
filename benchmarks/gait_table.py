"""What the gait alone does, over commanded speeds and over terrain: `python benchmarks/gait_table.py [--model RUN]`.

With --model the same episodes are played by a trained policy too. Terrain seeds are those of `play_residual_policy.py`,
which no training makes.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from play_residual_policy import PlayConfig, make_env, task_config
from utils.evaluation import evaluate, gait_alone, summarise, table
from utils.runs import load_policy
from utils.terrain import KINDS

SPEEDS = (0.1, 0.2, 0.3, 0.4, 0.5)
LEVELS = (0.5, 1.0)


def main(argv: list[str] | None = None) -> int:
    """Plays everything and prints two tables for each walker; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="run folder of a trained policy")
    parser.add_argument("--episodes", type=int, default=32)
    parser.add_argument("--command", type=float, default=0.3, help="speed on terrain, m/s")
    args = parser.parse_args(argv)
    for model in dict.fromkeys((None, args.model)):
        print(f"\n{'The gait alone' if model is None else model}, flat ground, 20 s:\n")
        print(speed_table(model, args.episodes))
        print(f"\n{'The gait alone' if model is None else model}, {args.command} m/s, to 10 m or 50 s:\n")
        print(terrain_table(model, args.episodes, args.command))
    return 0


def speed_table(model: Path | None, episodes: int) -> str:
    """Returns the Markdown table of speeds over 20 s on flat ground; the worst of all episodes for angles and errors."""
    lines = [
        "| command (m/s) | speed (m/s) | worst error | falls | roll (deg) | pitch (deg) | heading (deg) |",
        "|" + "---|" * 7,
    ]
    for command in SPEEDS:
        records = walk(model, "flat", 0.0, command, episodes, max_episode_steps=2000)
        mean = sum(r["mean_speed_mps"] for r in records) / len(records)
        worst = max(abs(r["mean_speed_mps"] - command) for r in records)
        falls = sum(r["fall"] for r in records)
        angles = [max(r[f"max_{name}_deg"] for r in records) for name in ("roll", "pitch", "heading_error")]
        lines.append(f"| {command} | {mean:.3f} | {worst:.3f} | {falls} | " + " | ".join(f"{a:.1f}" for a in angles) + " |")
    return "\n".join(lines)


def terrain_table(model: Path | None, episodes: int, command: float) -> str:
    """Returns the Markdown table over terrain kinds and levels."""
    places = [("flat", 0.0)] + [(kind, level) for kind in KINDS if kind != "flat" for level in LEVELS]
    return table({f"{k} {lv:g}": summarise(walk(model, k, lv, command, episodes)) for k, lv in places})


def walk(model, kind, level, command, episodes, **limits):
    config = PlayConfig(model=model, baseline=model is None, terrain=kind, level=level, command=command)
    env = make_env(task_config(config), episodes, **limits)
    policy = gait_alone(env) if model is None else load_policy(model)
    return evaluate(env, policy, episodes, seed=0, goal=10.0 if not limits else float("inf"))


if __name__ == "__main__":
    sys.exit(main())
