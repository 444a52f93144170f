"""Measures the memory that each of many robots takes: `python benchmarks/robot_memory.py` (Linux only).

It is the growth of the resident memory of a new process in which ResidualWalk-v0 is built, reset and stepped, divided by the
number of robots. A small environment that was stepped before has loaded all libraries.
"""

import sys
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import gymnasium as gym
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from utils.console.arguments import parse_arguments
from utils.console.terminal import tolerant_output
from utils.env_ids import DEFAULT_ID, qualified
from utils.fields import Checked, within

STEPS = 12


@dataclass(frozen=True)
class RobotMemoryConfig(Checked):
    """Numbers of robots."""

    robots: tuple[int, ...] = within((64, 256, 1024, 4096), 1, least=1)
    """Numbers of robots to measure."""


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Measures every number of robots and prints a Markdown table; returns the exit code."""
    print("| robots | kB per robot | MB in all |\n|---|---|---|")
    for n in parse_arguments(RobotMemoryConfig, argv, about=__doc__).robots:
        with get_context("spawn").Pool(1) as process:
            size = process.apply(growth, (n,))
        print(f"| {n:,} | {size / n / 1e3:.0f} | {size / 1e6:,.0f} |", flush=True)
    return 0


def growth(n: int) -> int:
    """Returns the bytes by which the resident memory of this process grows when `n` robots are built and stepped."""
    kept = walking(2)
    before = resident()
    kept = [kept, walking(n)]
    return resident() - before


def walking(n: int) -> gym.vector.VectorEnv:
    """Returns an environment of `n` robots after a few steps."""
    env = gym.make_vec(qualified(DEFAULT_ID), num_envs=n)
    env.reset(seed=0)
    for _ in range(STEPS):
        env.step(np.zeros((n, 12), np.float32))
    return env


def resident() -> int:
    """Returns the resident memory of this process in bytes."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    sys.exit(main())
