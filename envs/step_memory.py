"""Stores the last control steps of all simulations, so that a physics failure can be examined and replayed."""

from typing import NamedTuple

import mujoco
import numpy as np
from mujoco.batch import Batch

# Number of stored steps: MOST_STEPS, or as many as fit into REMEMBERED_BYTES, but at least FEWEST_STEPS (21 kB for each
# quadruped, 87 MB for 4096 of them).
MOST_STEPS, FEWEST_STEPS, REMEMBERED_BYTES = 100, 10, 32_000_000
_WARNINGS = [name.removeprefix("mjWARN_") for name in mujoco.mjtWarning.__members__]


class PhysicsFailure(NamedTuple):
    """A simulation whose physics failed."""

    simulation: int
    model: mujoco.MjModel  # of this simulation
    states: np.ndarray  # (k, nstate) mjSTATE_INTEGRATION before each of the last steps, oldest first; the last step failed
    actions: np.ndarray  # (k, a) in [-1, 1], taken in these steps
    reason: str


class StepMemory:
    """A ring buffer of states and actions.

    Args:
        sim: the simulations.
        num_actions: size of an action.
    """

    def __init__(self, sim: Batch, num_actions: int):
        steps = remembered_steps(sim.state.nbytes + 8 * len(sim.state) * num_actions)
        self._sim, self._count = sim, 0
        self._states = np.zeros((steps, *sim.state.shape))
        self._actions = np.zeros((steps, len(sim.state), num_actions))

    def add(self, action: np.ndarray) -> None:
        """Stores the current state and the `action` (n, a) that is taken in it."""
        place = self._count % len(self._states)
        self._states[place], self._actions[place] = self._sim.state, action
        self._count += 1

    def failure(self, i: int, age: int) -> PhysicsFailure:
        """Returns the failure of simulation `i`, with at most `age` last steps (those of its episode)."""
        steps = len(self._states)
        last = np.arange(self._count - min(age, self._count, steps), self._count) % steps
        warnings = [_WARNINGS[kind] for kind in np.flatnonzero(self._sim.warning[i].any(axis=-1))]
        reason = ", ".join(warnings) or "a state that is not finite"
        return PhysicsFailure(i, self._sim.get_model(i), self._states[last, i], self._actions[last, i], reason)


def remembered_steps(bytes_per_step: int) -> int:
    """Returns the number of steps to store if one step of all simulations takes `bytes_per_step`."""
    return min(MOST_STEPS, max(FEWEST_STEPS, REMEMBERED_BYTES // bytes_per_step))
