"""Observations as named rows with units: what a policy received, and what was true before noise and delays."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from gymnasium.vector import VectorEnv

from utils.observation import ObservationTable
from viewer.worlds import found


@dataclass(frozen=True)
class ShownRow:
    """One row of an observation of one simulation. `true` is None where nothing changes observations."""

    name: str
    unit: str
    received: np.ndarray
    true: np.ndarray | None = None


class Observations:
    """Splits the observations of a vector environment into rows, and notes those of the innermost environment.

    Args:
        env: the environment; if wrappers surround it, `step` and `reset` of the innermost one are observed.
    """

    def __init__(self, env: VectorEnv):
        self._received_slices = found(env, "observation_rows", {})
        self._inside, base = None, env.unwrapped
        table = getattr(getattr(base, "task", None), "observation", None) or found(env, "observation")
        self._units = {row.name: row.unit for row in table.rows} if isinstance(table, ObservationTable) else {}
        self._inside_slices = found(base, "observation_rows", {}) if base is not env else {}
        if base is not env:
            base.step, base.reset = self._noted(base.step), self._noted(base.reset)

    def rows(self, observation, index: int) -> list[ShownRow]:
        """Returns the rows of simulation `index` in `observation`, the vector's last one."""
        received = _blocks(observation, self._received_slices, index)
        true = {} if self._inside is None else _blocks(self._inside, self._inside_slices, index)
        return [ShownRow(name, self._units.get(name, ""), block, true.get(name)) for name, block in received.items()]

    def _noted(self, method):
        def noting(*arguments, **options):
            result = method(*arguments, **options)
            self._inside = result[0]
            return result

        return noting


def _blocks(observation, slices, index):
    """Returns the blocks (k,) of simulation `index` by name."""
    if isinstance(observation, Mapping):
        return {name: np.ravel(np.asarray(part)[index]) for name, part in observation.items()}
    vector = np.ravel(np.asarray(observation)[index])
    if not slices or max(part.stop for part in slices.values()) > len(vector):
        return {"observation": vector}
    named = {name: vector[part] for name, part in slices.items()}
    rest = vector[max(part.stop for part in slices.values()) :]
    return named | ({"added": rest} if len(rest) else {})
