"""Steps a second, from bare physics to PPO, and what they are of one another: `python benchmarks/step_rate.py [--quick]`.

Everything runs in one process, one after the other, on the same machine. A step is a control step: five physics steps.
Physics alone replays the recorded controls from the recorded states of the same walk, in the same batches; rates of
environments are medians over rounds, their ratios to physics medians of each round's own ratio.
"""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import mujoco
import numpy as np
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecNormalize

sys.path.insert(0, str(Path(__file__).parents[1]))

from algorithms.vec_env import BatchVecEnv
from callbacks.threads_callback import ThreadsCallback
from envs.locomotion.terrain import TerrainConfig
from envs.residual_walk.config import ResidualWalkConfig
from train_residual_ppo import parse
from training.assembly import make_model
from training.tasks.walk import WalkTrainConfig
from utils.console.terminal import tolerant_output

ENV_ID = "envs:ResidualWalk-v0"
TASK = ResidualWalkConfig(terrain=TerrainConfig(kinds=("rough",), levels=(0.5,)))
VEL_STAGE = int(mujoco.mjtStage.mjSTAGE_VEL)


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Measures and prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the steps: to see that it runs")
    share = 0.1 if parser.parse_args(argv).quick else 1.0
    rows = env_rows(share) + stock_rows(share) + training_rows(share)
    print("| what | steps/s | ratio | of |\n|---|---|---|---|")
    for name, rate, ratio, of in rows:
        print(f"| {name} | {rate:,.0f} | {ratio:.2f} | {of} |")
    return 0


def env_rows(share: float) -> list[tuple]:
    """Measures single and vector environments and the SB3 face against bare physics on the same states."""
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
    """Returns the rates of `n` walking robots in each round: environment, SB3 face, and physics alone on the same states."""
    make = (lambda: gym.make(ENV_ID, config=TASK)) if n == 1 else (lambda: gym.make_vec(ENV_ID, num_envs=n, config=TASK))
    env = make()
    sim, title = env.unwrapped.task.sim, f"`make_vec`, {n}" if n > 1 else "`gymnasium.make`"
    face = BatchVecEnv(make()) if n == 64 else None
    rates = {title: [], "bare": []} | ({f"SB3 face, {n}": []} if face else {})
    for chunk in np.array_split(actions, rounds):
        states, controls = record(env, n, chunk)
        rates[title].append(timed(lambda: step_all(env, n, chunk), n * len(chunk)))  # noqa: B023
        rates["bare"].append(timed(lambda: replay(sim, states, controls), n * len(chunk)))  # noqa: B023
        if face is not None:
            face.seed(0), face.reset()
            rates[f"SB3 face, {n}"].append(timed(lambda: [face.step(action) for action in chunk], n * len(chunk)))  # noqa: B023
    return rates


def record(env, n, actions):
    """Walks once and returns where the walk began (n, state) and every step's controls (steps, n, nu)."""
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
    """The physics of the same walk and nothing else."""
    sim.state[:] = begin
    ctrl = sim.bind("ctrl")
    for control in controls:
        ctrl[:] = control
        sim.step(nstep=5, stage=VEL_STAGE)


def stock_rows(share: float) -> list[tuple]:
    """Measures 16 single environments under SB3's own vectors against our vector of 16."""
    n, steps = 16, max(50, int(share * 3000))
    actions = np.random.default_rng(0).uniform(-0.3, 0.3, (steps, n, 12)).astype(np.float32)
    rates = {}
    for name, make in (
        ("SB3 face, 16", lambda: BatchVecEnv(gym.make_vec(ENV_ID, num_envs=n, config=TASK))),
        ("stock DummyVecEnv, 16", lambda: DummyVecEnv([make_single] * n)),
        ("stock SubprocVecEnv, 16", lambda: SubprocVecEnv([make_single] * n)),
    ):
        env = make()
        env.reset()
        rates[name] = timed(lambda: [env.step(action) for action in actions], n * steps)  # noqa: B023
        env.close()
    ours = rates["SB3 face, 16"]
    return [(name, rate, rate / ours, "SB3 face, 16") for name, rate in rates.items()]


def training_rows(share: float) -> list[tuple]:
    """Measures whole PPO trainings: each preset on our batch, and the plan's as stock SB3 would run it."""
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
    """Returns steps a second while `work` runs once."""
    began = time.perf_counter()
    work()
    return steps / (time.perf_counter() - began)


if __name__ == "__main__":
    sys.exit(main())
