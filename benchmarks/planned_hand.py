"""What can be reached in CubeInHand-v0 by a hand that knows its physics: `python benchmarks/planned_hand.py`.

No policy: before every step, `Planner` tries on copies of the simulation what random changes to its plan would do. That is
hundreds of times slower than a policy, and no real hand has such copies. What it reaches is a mark to hold policies against:
so much is possible with this hand, this cube and these actions. It plays the first episodes of `successes.py`.
"""

import argparse
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.successes import played, row, table
from envs.cube_in_hand_env import CubeInHandVectorEnv
from evaluation.baselines import zero_actions
from training.tasks.cube_in_hand import CubeTrainConfig
from utils.console.terminal import tolerant_output
from utils.paths import with_home

SAMPLES, HORIZON = 48, 16  # plans for each hand, and the steps of each
STATE = ("qpos", "qvel", "qacc_warmstart", "ctrl", "mocap_quat")
HOLD = 4  # steps that a random change lasts: one that trembles turns nothing
NOISE = 0.7  # standard deviation of a change, in units of the action
FREE, PUSHED = 0.02, 30.0  # m that a cube may be away from its place in the palm, and rad a step for each m beyond
DROPPED, LAST = 200.0, 5.0  # rad for losing the cube; how many steps the distance at the plan's end stands for


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Plays, and prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=8)
    parser.add_argument("--samples", type=int, default=SAMPLES, help="plans that are tried for each step of each hand")
    parser.add_argument("--horizon", type=int, default=HORIZON, help="steps that a plan looks ahead")
    parser.add_argument("--num-threads", type=int, default=2)
    args = parser.parse_args(with_home(argv))
    if min(args.episodes, args.samples, args.horizon, args.num_threads) < 1:
        print("planned_hand: every number must be at least 1", file=sys.stderr)
        return 2
    config = CubeTrainConfig(num_threads=args.num_threads)
    with ExitStack() as stack:

        def planned(env):
            planner = Planner(env.unwrapped, args.samples, args.horizon, args.num_threads)
            return stack.enter_context(closing(planner)).act

        idle = played(config, zero_actions, args.episodes)
        print(table([row("zero", idle, idle), row("planner", played(config, planned, args.episodes), idle)]))
    return 0


class Planner:
    """Predictive sampling (Howell et al., 2022, arXiv:2212.00541): of random plans, the best one's first action is taken.

    A plan, (horizon, 12), is what is left of the last one, changed at random, or all random. It costs the angles to the
    target on its way, until that is reached, and how far it pushes its cube away, or that it loses it.
    """

    def __init__(
        self, env: CubeInHandVectorEnv, samples: int = SAMPLES, horizon: int = HORIZON, num_threads: int = 2, seed: int = 0
    ):
        """`env`'s hands are looked at and never touched; there are `samples` copies of each."""
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
        """Returns every hand's next action (n, 12); what is observed is not needed."""
        self._change()
        costs = self._costs().reshape(self._plans.shape[:2])
        best = np.take_along_axis(self._plans, costs.argmin(1)[:, None, None, None], 1)
        self._plans[:, :, :-1], self._plans[:, :, -1] = best[:, :, 1:], 0.0
        return best[:, 0, 0].astype(np.float32)

    def close(self) -> None:
        """Frees the copies."""
        self._copies.close()

    def _change(self):
        """Changes all plans but the first of each hand; those in the second half begin from nothing."""
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
        """Returns what each plan costs, (hands x samples,), rad."""
        hands, samples, horizon, _ = self._plans.shape
        for own, copies in self._pairs:
            copies[:] = own.repeat(samples, axis=0)
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
