"""Draws terrain tiles in proportion to the failures on them, so that a policy trains where it still fails."""

from collections.abc import Sequence

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from callbacks.curriculum_callback import ended_episodes, passes

UNKNOWN = 0.5  # failure rate of a tile before its first episode


class TerrainSamplingCallback(BaseCallback):
    """Sets the weight of each terrain tile to `floor` plus the rate of failures on it, before each rollout.

    An episode fails if the robot falls or covers less than `PASSING_SHARE` of the commanded distance. One that ends at the
    edge of its tile counts by the distance until then, unlike in `SuccessCurriculumCallback`. The rate of a tile is
    an exponential average over its episodes. Needs the infos of `BatchVecEnv`, and `set_terrain_weights`.

    Args:
        kinds: terrain kinds, in the order of the environment's config.
        levels: levels of every kind.
        floor: weight of a tile without failures.
        memory: number of episodes after which an outcome has lost 63 % of its weight in the rate.
    """

    def __init__(self, kinds: Sequence[str], levels: Sequence[float], floor: float = 0.1, memory: float = 16.0):
        super().__init__()
        if not floor > 0.0 or not memory >= 1.0:
            raise ValueError(f"sampling needs a floor above 0 and a memory of at least 1, got {floor} and {memory}")
        self.kinds, self.levels = tuple(kinds), np.sort(levels)
        self.failures = {kind: np.full(len(levels), UNKNOWN) for kind in kinds}
        self._floor, self._memory, self._dt = floor, memory, 0.0

    @property
    def state(self) -> dict:
        """The failure rates of each kind's levels in ascending order, as plain data."""
        return {"failures": {kind: rates.tolist() for kind, rates in self.failures.items()}}

    def restore(self, state: dict) -> None:
        """Continues from a `state`."""
        self.failures = {kind: np.array(rates) for kind, rates in state["failures"].items()}

    def _init_callback(self) -> None:
        self._dt = float(self.training_env.get_attr("control_dt")[0])

    def _on_rollout_start(self) -> None:
        for kind, rates in self.failures.items():
            self.logger.record(f"sampling/{kind}_failures", rates.mean())
        weights = {kind: (self._floor + rates).tolist() for kind, rates in self.failures.items()}
        self.training_env.env_method("set_terrain_weights", weights)

    def _on_step(self) -> bool:
        for episode, lasted in ended_episodes(self.locals["infos"]):
            self._note(episode, lasted)
        return True

    def _note(self, episode, lasted):
        final = episode["final"]
        rates, level = self.failures[self.kinds[int(final["terrain_kind"])]], np.abs(self.levels - final["terrain_level"])
        rates[level.argmin()] += (1.0 - passes(episode, lasted, self._dt) - rates[level.argmin()]) / self._memory
