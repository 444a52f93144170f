"""Steps every id for a long time and reports memory growth, physics failures and values that are not finite.

Run `python benchmarks/soak.py --steps 10000000 --out runs/soak`. If it is stopped, the same command resumes it.

Every id runs under four conditions: plain, with its default perturbation drawn again in every episode, and in two combined
challenges. Actions are uniform in the action space. The table reports for each id and condition: control steps and episodes;
physics failures by reason; values that are not finite in observations, rewards and reward terms; the growth of the memory of
the process after the first fifth of the steps; and the speed without pictures. Exit code 1 means a value was not finite.
"""

import csv
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

import gymnasium as gym
import numpy as np
import tyro

sys.path.insert(0, str(Path(__file__).parents[1]))

import envs  # noqa: F401
from algorithms.vec_env import make_vector
from envs import challenges
from evaluation.kept_rows import KeptRows, is_kept_rows
from utils.console.arguments import parse_arguments
from utils.console.outputs import check_output_folder, csv_with, used_alone
from utils.console.terminal import tolerant_output
from utils.fields import Checked, checked, within
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
WARM_UP = 0.2  # share of the steps in which caches fill and the first pictures take memory
SAMPLES = 50  # number of samples of the memory
FIGURES = ("steps", "episodes", "failures", "non_finite", "growth_mb", "mb_per_million", "frames", "steps_per_s")


@dataclass(frozen=True)
class SoakConfig(Checked):
    """The ids, the number of steps, and the folder of the results."""

    steps: int = within(100_000, 1)
    """Control steps of all ids and conditions together."""
    num_envs: int = within(8, 1)
    """Number of simulations of a vector."""
    num_threads: int = within(2, 1)
    """Threads for physics, of ids that use native threads."""
    seed: int = within(0, 0)
    """Seed of the first simulation, and of the actions."""
    frames: int = within(20, 0)
    """Number of pictures of all simulations for each id and condition; 0 for none."""
    ids: Annotated[tuple[Literal[*IDS], ...], tyro.conf.arg(metavar="ID ...")] = checked(
        tuple(IDS), bool, "name at least one id"
    )
    """Ids to step; the default is every id."""
    out: Path = Path("runs/soak")
    """Folder of rows.jsonl and soak.csv."""


@dataclass
class Tally:
    """Counts of one id and condition."""

    episodes: int = 0
    non_finite: int = 0
    frames: int = 0
    seconds: float = 0.0  # duration of the steps, without pictures and the first reset
    reasons: Counter = field(default_factory=Counter)
    memory: list[tuple[int, float]] = field(default_factory=list)  # samples: steps, MB


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Steps every id under every condition, prints the table and writes the CSV; returns the exit code."""
    config = parse_arguments(SoakConfig, with_home(argv), about=__doc__)
    try:
        out = check_output_folder(config.out, [(ROWS, is_kept_rows), (TABLE, csv_with("env", "condition", *FIGURES))])
        with used_alone(out):
            rows = list(all_rows(replace(config, out=out)))
            write_aside(out / TABLE, lambda aside: write_csv(aside, rows))
    except (ValueError, OSError) as error:
        print(f"soak: {error}", file=sys.stderr)
        return 2
    print(f"\n{table(rows)}\n\n{config.num_envs} simulations, seed {config.seed}. Written to {out / TABLE}")
    return int(any(row["non_finite"] for row in rows))


def all_rows(config: SoakConfig) -> Iterator[dict]:
    """Yields the row of every id and condition; stores each in the cache of rows, and prints it."""
    steps = -(-config.steps // (len(config.ids) * len(CONDITIONS) * config.num_envs))
    settings = {name: getattr(config, name) for name in ("num_envs", "num_threads", "seed", "frames")}
    kept = KeptRows(config.out / ROWS, f"{settings} {versions()} commit {git_state()}")
    for env_id in config.ids:
        for condition in CONDITIONS:
            row = kept.row((env_id, condition, steps), lambda i=env_id, c=condition: soaked(i, c, steps, config))
            print(f"{env_id}, {condition}: {row['steps_per_s']:,.0f} steps/s, {row['non_finite']} not finite", flush=True)
            yield {"env": env_id, "condition": condition} | row


def soaked(env_id: str, condition: str, steps: int, config: SoakConfig) -> dict:
    """Takes `steps` steps of a vector; returns the figures."""
    render = config.frames > 0 and can_render()
    env = make_vector(f"envs:{env_id}", config.num_envs, config.num_threads, render_mode="rgb_array" if render else None)
    tally = Tally()
    with closing(challenges.apply(env, **CONDITIONS[condition])) as env:
        run(env, steps, config.seed, tally, config.frames if render else 0)
    return {
        "steps": steps * config.num_envs,
        "episodes": tally.episodes,
        "failures": sum(tally.reasons.values()),
        "reasons": dict(tally.reasons),
        "non_finite": tally.non_finite,
        "growth_mb": round(tally.memory[-1][1] - tally.memory[0][1], 3),
        "mb_per_million": round(growth_rate(tally.memory) * 1e6, 1),
        "frames": tally.frames,
        "steps_per_s": round(steps * config.num_envs / tally.seconds),
    }


def run(env: gym.vector.VectorEnv, steps: int, seed: int, tally: Tally, frames: int) -> None:
    """Takes `steps` steps with random actions, counts in `tally`, and renders `frames` times at equal distances."""
    draw = np.random.default_rng(seed).uniform
    low, high = env.single_action_space.low, env.single_action_space.high
    pictured = {i * steps // frames for i in range(frames)}  # the first at step 0: the renderer's memory is no growth
    every = max(1, round(steps * (1 - WARM_UP) / SAMPLES))
    tally.non_finite += non_finite(env.reset(seed=seed)[0])
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
    """Adds the episodes, failures and values of one step of a vector to `tally`."""
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
    """Returns the number of values of an array, or of a mapping of arrays, that are NaN or infinite."""
    if isinstance(values, dict):
        return sum(non_finite(part) for part in values.values())
    return int((~np.isfinite(values)).sum())


def resident_mb() -> float:
    """Returns the resident memory of this process, MB; its maximum so far where /proc is missing."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def growth_rate(memory: list[tuple[int, float]]) -> float:
    """Returns the slope of a straight line fitted to the samples, MB per step; 0 for fewer than three samples."""
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
    """Writes id, condition, figures and reasons of every row."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ("env", "condition", *FIGURES, "reasons"))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    sys.exit(main())
