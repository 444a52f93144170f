"""Measures steps per second and their ratios, from physics alone to PPO: `python benchmarks/step_rate.py [--quick]`.

All measurements run one after the other in one process. A step is a control step of five physics steps. "Physics alone"
replays the recorded controls from the recorded states of the same walk, in batches of the same size. The rate of an
environment is the median over rounds; its ratio to physics is the median of the ratios of the rounds.
"""

import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import gymnasium as gym
import mujoco
import numpy as np
import tyro
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecNormalize

sys.path.insert(0, str(Path(__file__).parents[1]))

from algorithms.vec_env import BatchVecEnv
from callbacks.threads_callback import ThreadsCallback
from envs.locomotion.terrain import TerrainConfig
from envs.residual_walk.config import ResidualWalkConfig
from train_residual_ppo import parse
from training.assembly import make_model
from training.tasks.walk import WalkTrainConfig
from utils.console.arguments import parse_arguments
from utils.console.terminal import tolerant_output
from utils.fields import Checked

ENV_ID = "envs:ResidualWalk-v0"
TASK = ResidualWalkConfig(terrain=TerrainConfig(kinds=("rough",), levels=(0.5,)))
VEL_STAGE = int(mujoco.mjtStage.mjSTAGE_VEL)


@dataclass(frozen=True)
class StepRateConfig(Checked):
    """Length of the measurements."""

    quick: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Run a tenth of the steps, as a check that the program runs."""


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Measures everything and prints the table; returns the exit code."""
    share = 0.1 if parse_arguments(StepRateConfig, argv, about=__doc__).quick else 1.0
    rows = env_rows(share) + stock_rows(share) + training_rows(share)
    print("| measurement | steps/s | ratio | to |\n|---|---|---|---|")
    for name, rate, ratio, reference in rows:
        print(f"| {name} | {rate:,.0f} | {ratio:.2f} | {reference} |")
    return 0


def env_rows(share: float) -> list[tuple]:
    """Compares single and vector environments and the SB3 vector with bare physics on the same states.

    `share` scales the number of steps; so it does in the functions below. A row is name, steps/s, ratio, and reference.
    """
    rows = []
    for n in (1, 16, 64):
        steps = max(50, int(share * (6000 if n == 1 else 96_000 / n)))
        actions = np.random.default_rng(0).uniform(-0.3, 0.3, (steps, n, 12)).astype(np.float32)
        rates = walk_rates(n, actions)
        bare = rates.pop("bare")
        rows.append((f"bare `Batch.step`, {n}", np.median(bare), 1.0, "itself"))
        for name, measured in rates.items():
            rows.append((name, np.median(measured), np.median(np.divide(measured, bare)), "bare physics"))
    return rows


def walk_rates(n: int, actions: np.ndarray, rounds: int = 9) -> dict[str, list[float]]:
    """Returns steps per second of `n` walking robots in each round: environment, SB3 vector, and physics alone.

    `actions` (steps, n, 12) are split into the rounds.
    """
    make = (lambda: gym.make(ENV_ID, config=TASK)) if n == 1 else (lambda: gym.make_vec(ENV_ID, num_envs=n, config=TASK))
    env = make()
    sim, title = env.unwrapped.task.sim, f"`make_vec`, {n}" if n > 1 else "`gymnasium.make`"
    face = BatchVecEnv(make()) if n == 64 else None
    rates = {title: [], "bare": []} | ({f"BatchVecEnv, {n}": []} if face else {})
    for chunk in np.array_split(actions, rounds):
        states, controls = record(env, n, chunk)
        rates[title].append(timed(lambda: step_all(env, n, chunk), n * len(chunk)))  # noqa: B023
        rates["bare"].append(timed(lambda: replay(sim, states, controls), n * len(chunk)))  # noqa: B023
        if face is not None:
            face.seed(0), face.reset()
            rates[f"BatchVecEnv, {n}"].append(timed(lambda: [face.step(action) for action in chunk], n * len(chunk)))  # noqa: B023
    return rates


def record(env, n, actions):
    """Walks once; returns the first states (n, state) and the controls of every step (steps, n, nu)."""
    env.reset(seed=0)
    sim, controls = env.unwrapped.task.sim, []
    begin = sim.state.copy()
    for action in actions:
        env.step(action[0] if n == 1 else action)
        controls.append(sim.ctrl.copy())
    env.reset(seed=0)
    return begin, controls


def step_all(env, n, actions):
    for action in actions:
        *_, terminated, truncated, _ = env.step(action[0] if n == 1 else action)
        if n == 1 and (terminated or truncated):
            env.reset()


def replay(sim, begin, controls):
    """Steps only the physics of the recorded walk."""
    sim.state[:] = begin
    ctrl = sim.bind("ctrl")
    for control in controls:
        ctrl[:] = control
        sim.step(nstep=5, stage=VEL_STAGE)


def stock_rows(share: float) -> list[tuple]:
    """Compares 16 single environments in the vectors of SB3 with the vector of this project."""
    n, steps = 16, max(50, int(share * 3000))
    actions = np.random.default_rng(0).uniform(-0.3, 0.3, (steps, n, 12)).astype(np.float32)
    rates = {}
    for name, make in (
        ("BatchVecEnv, 16", lambda: BatchVecEnv(gym.make_vec(ENV_ID, num_envs=n, config=TASK))),
        ("stock DummyVecEnv, 16", lambda: DummyVecEnv([make_single] * n)),
        ("stock SubprocVecEnv, 16", lambda: SubprocVecEnv([make_single] * n)),
    ):
        env = make()
        env.reset()
        rates[name] = timed(lambda: [env.step(action) for action in actions], n * steps)  # noqa: B023
        env.close()
    ours = rates["BatchVecEnv, 16"]
    return [(name, rate, rate / ours, "BatchVecEnv, 16") for name, rate in rates.items()]


def training_rows(share: float) -> list[tuple]:
    """Compares PPO trainings: two presets on the vector of this project, and the preset `plan` on SB3's DummyVecEnv."""
    rates = {}
    for name, steps in (("default", 131_072), ("plan", 16_384)):
        ppo = parse(["--preset", name]).ppo
        env = BatchVecEnv(gym.make_vec(ENV_ID, num_envs=ppo.num_envs, config=TASK, max_episode_steps=1000))
        rates[f"PPO `{name}` on the batch"] = training_rate(env, ppo, int(steps * max(share, 0.5)), [ThreadsCallback(2)])
    stock = DummyVecEnv([make_single] * ppo.num_envs)
    slowest = training_rate(stock, ppo, int(16_384 * max(share, 0.5)), [])
    rows = [(name, rate, rate / slowest, "PPO `plan`, stock") for name, rate in rates.items()]
    return [*rows, ("PPO `plan`, stock DummyVecEnv", slowest, 1.0, "itself")]


def training_rate(env, ppo, steps, callback):
    model = make_model(replace(WalkTrainConfig(), ppo=ppo), VecNormalize(env, clip_obs=ppo.clip_obs, gamma=ppo.gamma))
    rate = timed(lambda: model.learn(steps, callback=callback), steps)
    env.close()
    return rate


def make_single():
    return gym.make(ENV_ID, config=TASK, max_episode_steps=1000)


def timed(work, steps: int) -> float:
    """Runs `work`, which takes `steps` steps, once; returns steps per second."""
    start = time.perf_counter()
    work()
    return steps / (time.perf_counter() - start)


if __name__ == "__main__":
    sys.exit(main())
