"""Curriculum of target angles: raises the largest angle to a target as more targets are reached."""

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback


class TargetCurriculumCallback(BaseCallback):
    """Multiplies the largest angle by `factor` if `window` episodes reach at least `rise` targets per 1000 steps.

    Works with every SB3 vector environment whose environments have `set_target_angle`. Needs the infos of `BatchVecEnv`.

    Args:
        start, end: largest angle to a target at the start and at the end, rad.
        rise: targets per 1000 steps.
        factor: growth of the largest angle.
        window: number of episodes between two decisions.
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
        """The largest angle, rad, and the counts since the last decision, as plain data."""
        return {"angle": self.angle, "waiting": [self._successes, self._steps, self._episodes]}

    def restore(self, state: dict) -> None:
        """Continues from a `state`."""
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
