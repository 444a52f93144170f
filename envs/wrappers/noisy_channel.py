"""What noise does to rows of numbers of n simulations, be they actions or observations, and how actions are repeated."""

import numpy as np

from envs.wrappers.draws import Draws, ExactDraws


class NoisyChannel:
    """Adds gaussian noise, clips, drops and sticks, each if it is among the draws, in this order.

    Args:
        n, size, dtype: simulations, and what a row is.
        draws: of "gaussian" (what is added), "dropped" and "stuck" (which components begin to be).
        steps: for how many steps components are dropped and stuck, by these names.
        bounds: lowest and highest values (size,) to clip to, or None.
        in_place: whether to write to the rows that are given where noise copied nothing, as the original does.
    """

    def __init__(
        self, n: int, size: int, dtype, draws: Draws | ExactDraws, steps: dict[str, int], bounds=None, in_place=False
    ):
        self.draws, self._bounds, self._in_place = draws, bounds, in_place
        self._dropped, self._stuck = (_Fault(n, size, steps[name]) for name in ("dropped", "stuck"))
        self._held, self._fresh = np.zeros((n, size), dtype), np.ones(n, bool)

    def clear(self, ids: np.ndarray) -> None:
        """Forgets in simulations `ids` what is dropped or stuck."""
        self._fresh[ids] = True
        self._dropped.clear(ids)
        self._stuck.clear(ids)

    def apply(self, rows: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Returns the rows (k, size) of simulations `ids` as noise makes them."""
        drawn = self.draws.take(ids)
        if "gaussian" in drawn:
            rows = (rows + drawn["gaussian"]).astype(rows.dtype, copy=False)
        elif not self._in_place:
            rows = rows.copy()
        if self._bounds is not None:
            rows = np.clip(rows, *self._bounds, dtype=rows.dtype)
        if "dropped" in drawn:
            rows[self._dropped.active(drawn["dropped"], ids)] = 0.0
        if "stuck" in drawn:
            self._stick(rows, drawn["stuck"], ids)
        return rows

    def _stick(self, rows, starts, ids):
        fresh = self._fresh[ids]
        if fresh.any():
            self._held[ids[fresh]] = rows[fresh]
            self._fresh[ids] = False
        stuck = self._stuck.active(starts, ids)
        rows[stuck] = self._held[ids][stuck]
        self._held[ids] = rows


class Repetition:
    """Executes an action several times: with probability `prob` one that is accepted is held for `steps` steps in all."""

    def __init__(self, n: int, size: int, draws: Draws | ExactDraws, prob: float, steps: int):
        self.draws, self._prob, self._steps = draws, prob, steps
        self._left, self._held = np.zeros(n, int), np.zeros((n, size))

    def clear(self, ids: np.ndarray) -> None:
        """Lets go of the held actions of simulations `ids`."""
        self._left[ids] = 0

    def apply(self, actions: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Returns the actions (k, size) that simulations `ids` execute."""
        left = self._left[ids]
        free = left == 0
        executed = np.where(free[:, None], actions, self._held[ids]).astype(actions.dtype, copy=False)
        self._held[ids] = executed
        self._left[ids] = np.maximum(left - 1, 0)
        if free.any():  # numbers are drawn only for those that ask, as in the original
            taken = self.draws.take(ids[free])["accepted"][:, 0] < self._prob
            self._left[ids[free][taken]] = self._steps - 1
        return executed


class _Fault:
    """Counts for how many steps every component is still dropped, or stuck."""

    def __init__(self, n, size, steps):
        self._steps, self._left = steps, np.zeros((n, size), np.int32)

    def clear(self, ids):
        self._left[ids] = 0

    def active(self, starts, ids):
        """Returns which components (k, size) the fault is on now; `starts` says where it begins if it is off."""
        if self._steps == 1:
            return starts  # it ends as it begins: nothing to count
        left = self._left[ids]
        left = np.where((left == 0) & starts, self._steps, left)
        active = left > 0
        self._left[ids] = left - active
        return active
