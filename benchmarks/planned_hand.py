"""Plays CubeInHand-v0 with a planner, as an upper reference for policies: `python benchmarks/planned_hand.py`.

There is no policy. Before every step, `Planner` simulates random changes of its plan on copies of the simulation. That is
hundreds of times slower than a policy, and no real hand has such copies. The result shows how many successes are possible
with this hand, this cube and these actions. The planner plays the first episodes of `successes.py`.
"""

import sys
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.successes import played, row, table
from envs.cube_in_hand_env import CubeInHandVectorEnv
from evaluation.baselines import zero_actions
from training.tasks.cube_in_hand import CubeTrainConfig
from utils.console.arguments import parse_arguments
from utils.console.terminal import tolerant_output
from utils.fields import Checked, within
from utils.paths import with_home

SAMPLES, HORIZON = 48, 16  # number of plans of each hand, and steps of each plan
STATE = ("qpos", "qvel", "qacc_warmstart", "ctrl", "mocap_quat")
HOLD = 4  # steps that a random change lasts: fingers that tremble do not turn the cube
NOISE = 0.7  # standard deviation of a change, in units of the action
FREE, PUSHED = 0.02, 30.0  # free distance of the cube from its place in the palm, m; cost of a step beyond it, rad/m
DROPPED, LAST = 200.0, 5.0  # cost of a lost cube, rad; weight of the angle at the end of the plan


@dataclass(frozen=True)
class PlannedHandConfig(Checked):
    """Number of episodes, and size of the search."""

    episodes: int = within(8, 1)
    """Number of episodes."""
    samples: int = within(SAMPLES, 1)
    """Number of plans that are simulated for each step of each hand."""
    horizon: int = within(HORIZON, 1)
    """Length of a plan, control steps."""
    num_threads: int = within(2, 1)
    """Threads for physics."""


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Plays the episodes, and prints the table; returns the exit code."""
    config = parse_arguments(PlannedHandConfig, with_home(argv), about=__doc__)
    training = CubeTrainConfig(num_threads=config.num_threads)
    with ExitStack() as stack:

        def planned(env):
            planner = Planner(env.unwrapped, config.samples, config.horizon, config.num_threads)
            return stack.enter_context(closing(planner)).act

        idle = played(training, zero_actions, config.episodes)
        print(table([row("zero", idle, idle), row("planner", played(training, planned, config.episodes), idle)]))
    return 0


class Planner:
    """Predictive sampling (Howell et al., 2022, arXiv:2212.00541): takes the first action of the best random plan.

    A plan (horizon, 12) is the rest of the last plan with random changes, or entirely random. Its cost is the sum of the
    angles to the target until the target is reached, plus costs for a cube far from its place and for a lost cube.
    """

    def __init__(
        self, env: CubeInHandVectorEnv, samples: int = SAMPLES, horizon: int = HORIZON, num_threads: int = 2, seed: int = 0
    ):
        """Makes `samples` copies of every hand of `env`; reads the state of `env` and never changes it."""
        hands = env.num_envs
        self._copies = CubeInHandVectorEnv(
            hands * samples, env.config, max_episode_steps=sys.maxsize, num_threads=num_threads
        )
        self._copies.reset(seed=seed)
        sims = env.task.sim, self._copies.task.sim
        self._pairs = [[sim.bind(name) for sim in sims] for name in STATE]
        first = int(env.model.joint("cube").qposadr[0])
        self._cube_pos = self._copies.task.sim.bind("qpos")[:, first : first + 3]
        self._place = env.model.key("home").qpos[first : first + 3]
        self._plans = np.zeros((hands, samples, horizon, 12))
        self._generator = np.random.default_rng(seed)

    def act(self, observation: np.ndarray) -> np.ndarray:
        """Returns the next action of every hand (n, 12); ignores the observation."""
        self._change()
        costs = self._costs().reshape(self._plans.shape[:2])
        best = np.take_along_axis(self._plans, costs.argmin(1)[:, None, None, None], 1)
        self._plans[:, :, :-1], self._plans[:, :, -1] = best[:, :, 1:], 0.0
        return best[:, 0, 0].astype(np.float32)

    def close(self) -> None:
        """Frees the copies."""
        self._copies.close()

    def _change(self):
        """Adds noise to all plans of each hand except the first; those of the second half start from zero."""
        hands, samples, horizon, _ = self._plans.shape
        late = self._generator.integers(HOLD)
        changes = self._generator.normal(0.0, NOISE, (hands, samples, horizon // HOLD + 2, 12))
        changes = changes.repeat(HOLD, axis=2)[:, :, late : late + horizon]
        half = samples // 2
        changes[:, 0] = 0.0
        changes[:, :half] *= self._generator.uniform(0.0, 1.2, (hands, half, 1, 1))
        self._plans[:, max(1, half) :] = 0.0
        self._plans = np.clip(self._plans + changes, -1.0, 1.0)

    def _costs(self):
        """Returns the cost of each plan (hands x samples,), rad."""
        hands, samples, horizon, _ = self._plans.shape
        for original, copies in self._pairs:
            copies[:] = original.repeat(samples, axis=0)
        self._copies.task.sim.forward()
        costs, reached, lost = np.zeros(hands * samples), *np.zeros((2, hands * samples), bool)
        for actions in self._plans.reshape(-1, horizon, 12).swapaxes(0, 1):
            *_, terminated, _, info = self._copies.step(actions)
            lost |= terminated
            off = np.linalg.norm(self._cube_pos - self._place, axis=1)
            costs += np.where(lost, 0.0, PUSHED * np.maximum(off - FREE, 0.0))
            costs += np.where(lost | reached, 0.0, info["rotation_distance"])
            reached |= ~lost & (info["rotation_distance"] < self._copies.config.success_angle)
        return costs + np.where(lost, DROPPED, 0.0) + np.where(lost | reached, 0.0, LAST * info["rotation_distance"])


if __name__ == "__main__":
    sys.exit(main())
