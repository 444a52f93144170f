"""Measures the cost of a step of each environment, of its physics, and of a challenge: `python benchmarks/env_cost.py`.

Everything runs on one thread and is measured in CPU time, so that other work on the machine hardly matters. "Physics alone"
replays the recorded controls from the recorded state of the same steps. The challenge is the combined challenge "easy". A
ratio is the median of the ratios of the rounds.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gymnasium as gym
import mujoco
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from algorithms.vec_env import make_vector
from envs import challenges
from utils.console.arguments import parse_arguments
from utils.console.terminal import tolerant_output
from utils.fields import Checked, within
from utils.vector_infos import control_dt

STATE = int(mujoco.mjtState.mjSTATE_INTEGRATION)
VEL_STAGE = int(mujoco.mjtStage.mjSTAGE_VEL)
TASKS = ("CartpoleSwingup", "WalkerWalk", "QuadrupedWalk", "HumanoidWalk")
HANDS = ("ShadowHandBlock-v0", "ShadowHandPen-v0", "ShadowHandEgg-v0")
RWRL = tuple(f"RWRL{task}-v0" for task in TASKS)
BATCHES = (*RWRL, "ResidualWalk-v0", "RealAnt-v0", "A1-v0", "Biped-v0", "CubeInHand-v0")
CHALLENGED = (("RWRLCartpoleSwingup-v0", 16), ("RWRLWalkerWalk-v0", 16), ("ResidualWalk-v0", 64))
ROUNDS = 9


@dataclass(frozen=True)
class EnvCostConfig(Checked):
    """Length of the measurements."""

    steps: int = within(200, 1)
    """Steps of a round; batches of 64 simulations take a quarter of them."""


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Measures every environment and prints both tables; returns the exit code."""
    steps = parse_arguments(EnvCostConfig, argv, about=__doc__).steps
    print("| environment | simulations | steps/s | physics alone, steps/s | share of physics |\n" + "|---" * 5 + "|")
    for env_id, n in [*((env_id, 1) for env_id in HANDS), *((env_id, n) for env_id in BATCHES for n in (1, 64))]:
        rates, physics = against_physics(env_id, n, steps if n == 1 else max(1, steps // 4))
        share = np.median(np.divide(rates, physics))
        print(f"| `{env_id}` | {n} | {np.median(rates):,.0f} | {np.median(physics):,.0f} | {share:.2f} |", flush=True)
    print('\n| environment | simulations | steps/s | with "easy", steps/s | longer by |\n' + "|---" * 5 + "|")
    for env_id, n in CHALLENGED:
        plain, easy = against_challenge(env_id, n, max(1, steps // 4))
        longer = np.median(np.divide(plain, easy)) - 1
        print(f"| `{env_id}` | {n} | {np.median(plain):,.0f} | {np.median(easy):,.0f} | {longer:.0%} |", flush=True)
    return 0


def against_physics(env_id: str, n: int, steps: int) -> tuple[list[float], list[float]]:
    """Returns steps per second of every round: of the environment, and of its physics on the same states and controls."""
    env = gym.make(env_id, disable_env_checker=True) if n == 1 else make_vector(env_id, n, 1)
    base = env.unwrapped
    parts = [part.unwrapped for part in getattr(base, "envs", [base])]
    nstep = round(control_dt(env) / parts[0].model.opt.timestep)
    state, controls, replay = batch(base, nstep) if hasattr(base, "task") else separate(parts, nstep)
    env.reset(seed=0)
    rates = [], []
    for actions in drawn_actions(env, n, steps):
        start, recorded = state(), []
        rates[0].append(timed(lambda: step_all(env, actions, lambda: recorded.append(controls())), n * steps))  # noqa: B023
        after = state()
        rates[1].append(timed(lambda: replay(start, recorded), n * steps))  # noqa: B023
        replay(after, [])
    env.close()
    return rates


def separate(envs: list[gym.Env], nstep: int) -> tuple[Callable, Callable, Callable]:
    """Returns three functions for simulations with separate data: read states, read controls, and replay the physics."""
    pairs, size = [(env.model, env.data) for env in envs], mujoco.mj_stateSize(envs[0].model, STATE)

    def state():
        values = np.zeros((len(envs), size))
        for (model, data), row in zip(pairs, values):
            mujoco.mj_getState(model, data, row, STATE)
        return values

    def replay(start, recorded):
        for (model, data), row in zip(pairs, start):
            mujoco.mj_setState(model, data, row, STATE)
        for controls in recorded:
            for (model, data), control in zip(pairs, controls):
                data.ctrl[:] = control
                mujoco.mj_step(model, data, nstep)

    return state, lambda: [data.ctrl.copy() for _, data in pairs], replay


def batch(env, nstep: int) -> tuple[Callable, Callable, Callable]:
    """Returns the same three functions for a batch; states and controls are (n, ...)."""
    sim = env.task.sim

    def replay(start, recorded):
        sim.state[:] = start
        for control in recorded:
            sim.bind("ctrl")[:] = control
            sim.step(nstep=nstep, stage=VEL_STAGE)

    return sim.state.copy, sim.ctrl.copy, replay


def against_challenge(env_id: str, n: int, steps: int) -> tuple[list[float], list[float]]:
    """Returns steps per second of every round: of the vector, and of the vector with the combined challenge "easy"."""
    plain, easy = make_vector(env_id, n, 1), challenges.apply(make_vector(env_id, n, 1), combined_challenge="easy")
    rates = [], []
    for env in (plain, easy):
        env.reset(seed=0)
    for actions in drawn_actions(plain, n, steps):
        for env, env_rates in zip((plain, easy), rates):
            env_rates.append(timed(lambda: step_all(env, actions), n * steps))  # noqa: B023
    plain.close(), easy.close()
    return rates


def drawn_actions(env, n: int, steps: int) -> np.ndarray:
    """Returns small uniform random actions for every round, (rounds, steps, ...)."""
    space = env.action_space
    return np.random.default_rng(0).uniform(0.3 * space.low, 0.3 * space.high, (ROUNDS, steps, *space.shape)).astype("f4")


def step_all(env, actions: np.ndarray, after: Callable[[], None] = lambda: None) -> None:
    """Takes a step for each action, calls `after` after each, and resets a single environment whose episode ends."""
    for action in actions:
        *_, terminated, truncated, _ = env.step(action)
        after()
        if np.ndim(terminated) == 0 and (terminated or truncated):
            env.reset()


def timed(work: Callable[[], None], steps: int) -> float:
    """Runs `work`, which takes `steps` steps, once; returns steps per second of CPU time."""
    start = time.process_time()
    work()
    return steps / (time.process_time() - start)


if __name__ == "__main__":
    sys.exit(main())
