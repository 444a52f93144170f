"""Targets of a cube in hand that get farther away as more of them are reached."""

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback


class TargetCurriculumCallback(BaseCallback):
    """Makes the farthest target `factor` times as far when `window` episodes reach `rise` targets in 1000 steps or more.

    Works on every SB3 vector environment whose environments have `set_target_angle`; needs what `BatchVecEnv` adds to an
    episode's info. `state` is all that it remembers.

    Args:
        start, end: the farthest target at the beginning and at the end, rad.
    """

    def __init__(
        self, start: float = 0.8, rise: float = 4.0, factor: float = 1.03, window: int = 50, end: float = float(np.pi)
    ):
        super().__init__()
        if not (0.0 < start <= np.pi and factor > 1.0 and window >= 1):
            raise ValueError(f"a curriculum of targets needs 0 < start <= pi and a factor above 1, got {start} and {factor}")
        self.angle, self._rise, self._factor, self._window, self._end = start, rise, factor, window, end
        self._successes = self._steps = self._episodes = 0  # since the last decision

    @property
    def state(self) -> dict:
        """The farthest target, rad, and what waits for the next decision, as plain data."""
        return {"angle": self.angle, "waiting": [self._successes, self._steps, self._episodes]}

    def restore(self, state: dict) -> None:
        """Goes on from a `state`."""
        self.angle, (self._successes, self._steps, self._episodes) = state["angle"], state["waiting"]

    def _on_rollout_start(self) -> None:
        if self._episodes >= self._window:
            if 1000 * self._successes >= self._rise * self._steps:
                self.angle = min(self._end, self._factor * self.angle)
            self._successes = self._steps = self._episodes = 0
        self.training_env.env_method("set_target_angle", self.angle)
        self.logger.record("curriculum/target_angle", self.angle)

    def _on_step(self) -> bool:
        for episode in (info["episode"] for info in self.locals["infos"] if "episode" in info):
            self._successes += int(episode["final"]["successes"])
            self._steps += episode["l"]
            self._episodes += 1
        return True
