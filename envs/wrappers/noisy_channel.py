"""Noise and repetition for rows of numbers (actions or observations) of n simulations."""

import numpy as np

from envs.wrappers.draws import Draws, ExactDraws


class NoisyChannel:
    """Adds gaussian noise, clips, drops values to 0, and keeps values stuck, in this order, as far as `draws` has them.

    Args:
        n: number of simulations.
        size, dtype: size and dtype of a row.
        draws: draws of "gaussian" (added noise), "dropped" and "stuck" (components where this fault starts).
        steps: duration of "dropped" and "stuck" faults, steps.
        bounds: lowest and highest values (size,) to clip to, or None.
        in_place: whether to write to the given rows if no noise has copied them, as the original does.
    """

    def __init__(
        self, n: int, size: int, dtype, draws: Draws | ExactDraws, steps: dict[str, int], bounds=None, in_place=False
    ):
        self.draws, self._bounds, self._in_place = draws, bounds, in_place
        self._dropped, self._stuck = (_Fault(n, size, steps[name]) for name in ("dropped", "stuck"))
        self._held, self._fresh = np.zeros((n, size), dtype), np.ones(n, bool)

    def clear(self, ids: np.ndarray) -> None:
        """Ends all faults in simulations `ids`."""
        self._fresh[ids] = True
        self._dropped.clear(ids)
        self._stuck.clear(ids)

    def apply(self, rows: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Returns rows (k, size) of simulations `ids` with noise."""
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
    """Repeats actions: with probability `prob`, a new action is executed `steps` times in total."""

    def __init__(self, n: int, size: int, draws: Draws | ExactDraws, prob: float, steps: int):
        self.draws, self._prob, self._steps = draws, prob, steps
        self._left, self._held = np.zeros(n, int), np.zeros((n, size))

    def clear(self, ids: np.ndarray) -> None:
        """Ends the repetition in simulations `ids`."""
        self._left[ids] = 0

    def apply(self, actions: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Returns the actions (k, size) that simulations `ids` execute."""
        left = self._left[ids]
        free = left == 0
        executed = np.where(free[:, None], actions, self._held[ids]).astype(actions.dtype, copy=False)
        self._held[ids] = executed
        self._left[ids] = np.maximum(left - 1, 0)
        if free.any():  # numbers are drawn only for new actions, as in the original
            taken = self.draws.take(ids[free])["accepted"][:, 0] < self._prob
            self._left[ids[free][taken]] = self._steps - 1
        return executed


class _Fault:
    """Counts the remaining steps of a fault (dropped or stuck) for every component."""

    def __init__(self, n, size, steps):
        self._steps, self._left = steps, np.zeros((n, size), np.int32)

    def clear(self, ids):
        self._left[ids] = 0

    def active(self, starts, ids):
        """Returns (k, size) bool: components with a fault in this step. `starts` (k, size) bool starts new faults."""
        if self._steps == 1:
            return starts  # a fault of one step needs no count
        left = self._left[ids]
        left = np.where((left == 0) & starts, self._steps, left)
        active = left > 0
        self._left[ids] = left - active
        return active
