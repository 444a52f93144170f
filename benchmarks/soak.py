"""Steps every id for a long time and reports leaks, physics failures and numbers that are not finite.

`python benchmarks/soak.py --steps 10000000 --out runs/soak`; stopped at any time, the same command resumes.

Every id runs plain, with its default perturbation drawn anew in every episode, and in two combined challenges. Actions are
uniform in the action space. A table tells for each of these the control steps and episodes, the physics failures by reason,
the values that are not finite (in observations, rewards and their terms), the growth of the process's memory after the
first fifth of the steps, and the speed without pictures. Exit code 1 if any value was not finite.
"""

import argparse
import csv
import resource
import sys
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import gymnasium as gym
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

import envs  # noqa: F401
from algorithms.vec_env import make_vector
from envs import challenges
from evaluation.kept_rows import KeptRows, is_kept_rows
from utils.console.outputs import check_output_folder, csv_with, used_alone
from utils.console.terminal import tolerant_output
from utils.files import write_aside
from utils.paths import with_home
from utils.provenance import git_state, versions
from utils.rendering.gl import can_render
from utils.vector_infos import info_of_step

ROWS, TABLE = "rows.jsonl", "soak.csv"
IDS = sorted(name for name, spec in gym.registry.items() if str(spec.entry_point).startswith("envs."))
CONDITIONS = {
    "plain": {},
    "perturbed": {"perturb_spec": {"enable": True, "scheduler": "uniform"}},
    "easy": {"combined_challenge": "easy"},
    "hard": {"combined_challenge": "hard"},
}
WARM_UP = 0.2  # of the steps: caches fill, and the memory of first pictures stays
SAMPLES = 50  # of the memory
FIGURES = ("steps", "episodes", "failures", "non_finite", "growth_mb", "mb_per_million", "frames", "steps_per_s")


@dataclass
class Tally:
    """What happened in a row so far."""

    episodes: int = 0
    non_finite: int = 0
    frames: int = 0
    seconds: float = 0.0  # of steps, without pictures and the first reset
    reasons: Counter = field(default_factory=Counter)
    memory: list[tuple[int, float]] = field(default_factory=list)  # steps, MB


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Steps every id under every condition, prints the table and writes the CSV; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100_000, help="control steps of all ids and conditions together")
    parser.add_argument("--num-envs", type=int, default=8, help="simulations of a vector")
    parser.add_argument("--num-threads", type=int, default=2, help="of ids that have native threads")
    parser.add_argument("--seed", type=int, default=0, help="of the first simulation, and of the actions")
    parser.add_argument("--frames", type=int, default=20, help="pictures of all simulations in a row; 0 for none")
    parser.add_argument("--ids", nargs="*", default=IDS, choices=IDS, metavar="ID", help="default: every id")
    parser.add_argument("--out", type=Path, default=Path("runs/soak"), help="folder of rows.jsonl and soak.csv")
    args = parser.parse_args(with_home(argv))
    try:
        check(args)
        args.out = check_output_folder(args.out, [(ROWS, is_kept_rows), (TABLE, csv_with("env", "condition", *FIGURES))])
        with used_alone(args.out):
            rows = list(all_rows(args))
            write_aside(args.out / TABLE, lambda aside: write_csv(aside, rows))
    except (ValueError, OSError) as error:
        print(f"soak: {error}", file=sys.stderr)
        return 2
    print(f"\n{table(rows)}\n\n{args.num_envs} simulations, seed {args.seed}. Written to {args.out / TABLE}")
    return int(any(row["non_finite"] for row in rows))


def check(args: argparse.Namespace) -> None:
    """Raises ValueError, in one sentence, for a number that is too low."""
    for name, least in (("steps", 1), ("num_envs", 1), ("num_threads", 1), ("seed", 0), ("frames", 0)):
        if getattr(args, name) < least:
            raise ValueError(f"--{name.replace('_', '-')} must be at least {least}, got {getattr(args, name)}")


def all_rows(args: argparse.Namespace):
    """Yields the row of every id and condition, kept as it comes, and prints it."""
    steps = -(-args.steps // (len(args.ids) * len(CONDITIONS) * args.num_envs))
    decides = {name: getattr(args, name) for name in ("num_envs", "num_threads", "seed", "frames")}
    kept = KeptRows(args.out / ROWS, f"{decides} {versions()} commit {git_state()}")
    for env_id in args.ids:
        for condition in CONDITIONS:
            row = kept.row((env_id, condition, steps), lambda i=env_id, c=condition: soaked(i, c, steps, args))
            print(f"{env_id}, {condition}: {row['steps_per_s']:,.0f} steps/s, {row['non_finite']} not finite", flush=True)
            yield {"env": env_id, "condition": condition} | row


def soaked(env_id: str, condition: str, steps: int, args: argparse.Namespace) -> dict:
    """Returns the figures of `steps` steps of a vector."""
    render = args.frames > 0 and can_render()
    env = make_vector(f"envs:{env_id}", args.num_envs, args.num_threads, render_mode="rgb_array" if render else None)
    tally = Tally()
    with closing(challenges.apply(env, **CONDITIONS[condition])) as env:
        run(env, steps, args, tally, args.frames if render else 0)
    return {
        "steps": steps * args.num_envs,
        "episodes": tally.episodes,
        "failures": sum(tally.reasons.values()),
        "reasons": dict(tally.reasons),
        "non_finite": tally.non_finite,
        "growth_mb": round(tally.memory[-1][1] - tally.memory[0][1], 3),
        "mb_per_million": round(growth_rate(tally.memory) * 1e6, 1),
        "frames": tally.frames,
        "steps_per_s": round(steps * args.num_envs / tally.seconds),
    }


def run(env: gym.vector.VectorEnv, steps: int, args: argparse.Namespace, tally: Tally, frames: int) -> None:
    """Takes `steps` steps with random actions, and counts; pictures lie evenly between them."""
    draw = np.random.default_rng(args.seed).uniform
    low, high = env.single_action_space.low, env.single_action_space.high
    pictured = {i * steps // frames for i in range(frames)}  # the first at once: its renderer is no growth
    every = max(1, round(steps * (1 - WARM_UP) / SAMPLES))
    tally.non_finite += non_finite(env.reset(seed=args.seed)[0])
    for step in range(steps):
        actions = draw(low, high, (env.num_envs, *low.shape)).astype(np.float32)
        started = time.perf_counter()
        transition = env.step(actions)
        tally.seconds += time.perf_counter() - started
        count(transition, tally)
        if step in pictured:
            tally.frames += len(env.render())
        if step >= WARM_UP * steps and step % every == 0:
            tally.memory.append((step * env.num_envs, resident_mb()))
    tally.memory.append((steps * env.num_envs, resident_mb()))


def count(transition: tuple, tally: Tally) -> None:
    """Adds what one step of a vector gave."""
    observation, reward, terminated, truncated, info = transition
    ended = terminated | truncated
    if ended.any():
        info = info_of_step(info, ended)
        tally.episodes += int(ended.sum())
        tally.non_finite += sum(non_finite(end) for end in info["final_obs"] if end is not None)
        failed = np.asarray(info.get("physics_failed", False)) & ended
        reasons = info.get("physics_failure", np.full(len(ended), "physics failed"))
        tally.reasons.update(str(reason).partition("\n")[0][:80] for reason in reasons[failed])
    tally.non_finite += non_finite(observation) + non_finite(reward) + non_finite(info.get("reward_terms", {}))


def non_finite(values) -> int:
    """Returns how many numbers of an array, or of a mapping of arrays, are NaN or infinite."""
    if isinstance(values, dict):
        return sum(non_finite(part) for part in values.values())
    return int((~np.isfinite(values)).sum())


def resident_mb() -> float:
    """Returns the memory of this process, MB; where /proc is missing, the most that it ever had."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def growth_rate(memory: list[tuple[int, float]]) -> float:
    """Returns the slope of a straight line through the samples, MB a step; 0 for fewer than three."""
    if len(memory) < 3:
        return 0.0
    steps, used = np.array(memory).T
    return float(np.polyfit(steps - steps[0], used, 1)[0])


def table(rows: list[dict]) -> str:
    """Returns the rows as a Markdown table."""
    lines = ["| environment | condition | " + " | ".join(FIGURES) + " | reasons |", "|---" * (len(FIGURES) + 3) + "|"]
    for row in rows:
        figures = " | ".join(f"{row[name]:,.0f}" if abs(row[name]) >= 100 else f"{row[name]:g}" for name in FIGURES)
        reasons = ", ".join(f"{reason}: {number}" for reason, number in row["reasons"].items())
        lines.append(f"| `{row['env']}` | {row['condition']} | {figures} | {reasons} |")
    return "\n".join(lines)


def write_csv(path: Path, rows: list[dict]) -> None:
    """Writes every row's id, condition, figures and reasons."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ("env", "condition", *FIGURES, "reasons"))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    sys.exit(main())
