"""What a step of each environment costs, of its physics alone, and what "easy" adds: `python benchmarks/env_cost.py`.

Everything on one thread, in CPU time, so that other work on the machine hardly matters. Physics alone replays the recorded
controls from the recorded state of the same steps; a ratio is the median over rounds of each round's own ratio.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import gymnasium as gym
import mujoco
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from algorithms.vec_env import make_vector
from envs import challenges
from utils.console.terminal import tolerant_output
from utils.vector_infos import control_dt

STATE = int(mujoco.mjtState.mjSTATE_INTEGRATION)
VEL_STAGE = int(mujoco.mjtStage.mjSTAGE_VEL)
TASKS = ("CartpoleSwingup", "WalkerWalk", "QuadrupedWalk", "HumanoidWalk")
HANDS = ("ShadowHandBlock-v0", "ShadowHandPen-v0", "ShadowHandEgg-v0")
SINGLE = (*(f"RWRL{task}-v0" for task in TASKS), *HANDS)
BATCHES = ("ResidualWalk-v0", "CubeInHand-v0")
CHALLENGED = (("RWRLCartpoleSwingup-v0", 16), ("RWRLWalkerWalk-v0", 16), ("ResidualWalk-v0", 64))
ROUNDS = 9


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Measures and prints both tables; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200, help="in a round; batches of 64 take a quarter of them")
    steps = parser.parse_args(argv).steps
    print("| environment | simulations | steps/s | physics alone, steps/s | share of physics |\n" + "|---" * 5 + "|")
    for env_id, n in [*((env_id, 1) for env_id in SINGLE), *((env_id, n) for env_id in BATCHES for n in (1, 64))]:
        own, physics = against_physics(env_id, n, steps if n == 1 else max(1, steps // 4))
        share = np.median(np.divide(own, physics))
        print(f"| `{env_id}` | {n} | {np.median(own):,.0f} | {np.median(physics):,.0f} | {share:.2f} |", flush=True)
    print('\n| environment | simulations | steps/s | with "easy", steps/s | longer by |\n' + "|---" * 5 + "|")
    for env_id, n in CHALLENGED:
        plain, easy = against_challenge(env_id, n, max(1, steps // 4))
        longer = np.median(np.divide(plain, easy)) - 1
        print(f"| `{env_id}` | {n} | {np.median(plain):,.0f} | {np.median(easy):,.0f} | {longer:.0%} |", flush=True)
    return 0


def against_physics(env_id: str, n: int, steps: int) -> tuple[list[float], list[float]]:
    """Returns the rates of every round: the environment's, and its physics' on the same states and controls."""
    env = gym.make(env_id, disable_env_checker=True) if n == 1 else make_vector(env_id, n, 1)
    base = env.unwrapped
    nstep = round(control_dt(env) / base.model.opt.timestep)
    state, controls, replay = batch(base, nstep) if hasattr(base, "task") else single(base, nstep)
    env.reset(seed=0)
    rates = [], []
    for actions in drawn_actions(env, n, steps):
        began, recorded = state(), []
        rates[0].append(timed(lambda: step_all(env, actions, lambda: recorded.append(controls())), n * steps))  # noqa: B023
        after = state()
        rates[1].append(timed(lambda: replay(began, recorded), n * steps))  # noqa: B023
        replay(after, [])
    env.close()
    return rates


def single(env: gym.Env, nstep: int) -> tuple[Callable, Callable, Callable]:
    """Returns what reads the state and the controls of one simulation, and what plays its physics again."""
    model, data = env.model, env.data

    def state():
        values = np.zeros(mujoco.mj_stateSize(model, STATE))
        mujoco.mj_getState(model, data, values, STATE)
        return values

    def replay(began, recorded):
        mujoco.mj_setState(model, data, began, STATE)
        for control in recorded:
            data.ctrl[:] = control
            mujoco.mj_step(model, data, nstep)

    return state, data.ctrl.copy, replay


def batch(env, nstep: int) -> tuple[Callable, Callable, Callable]:
    """Returns the same of a batch, (n, ...) each."""
    sim = env.task.sim

    def replay(began, recorded):
        sim.state[:] = began
        for control in recorded:
            sim.bind("ctrl")[:] = control
            sim.step(nstep=nstep, stage=VEL_STAGE)

    return sim.state.copy, sim.ctrl.copy, replay


def against_challenge(env_id: str, n: int, steps: int) -> tuple[list[float], list[float]]:
    """Returns the rates of every round: the vector's, and its rates with the combined challenge "easy" around it."""
    plain, easy = make_vector(env_id, n, 1), challenges.apply(make_vector(env_id, n, 1), combined_challenge="easy")
    rates = [], []
    for env in (plain, easy):
        env.reset(seed=0)
    for actions in drawn_actions(plain, n, steps):
        for env, own in zip((plain, easy), rates):
            own.append(timed(lambda: step_all(env, actions), n * steps))  # noqa: B023
    plain.close(), easy.close()
    return rates


def drawn_actions(env, n: int, steps: int) -> np.ndarray:
    """Returns small even random actions for every round, (rounds, steps, ...)."""
    space = env.action_space
    return np.random.default_rng(0).uniform(0.3 * space.low, 0.3 * space.high, (ROUNDS, steps, *space.shape)).astype("f4")


def step_all(env, actions: np.ndarray, after: Callable[[], None] = lambda: None) -> None:
    """Takes the steps, and resets a single environment whose episode ends."""
    for action in actions:
        *_, terminated, truncated, _ = env.step(action)
        after()
        if np.ndim(terminated) == 0 and (terminated or truncated):
            env.reset()


def timed(work: Callable[[], None], steps: int) -> float:
    """Returns steps a second of CPU time while `work` runs once."""
    began = time.process_time()
    work()
    return steps / (time.process_time() - began)


if __name__ == "__main__":
    sys.exit(main())
