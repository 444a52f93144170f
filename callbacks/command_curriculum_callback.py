"""Curriculum of commanded velocities and pushes: raises their scale as robots track their commands better."""

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback


class CommandCurriculumCallback(BaseCallback):
    """Adds `step` to the scale if, in the last `window` episodes, robots earned `rise` of the term of tracking or more.

    Works with every SB3 vector environment whose environments have `set_command_scale` and `set_push_scale`. Needs the infos
    of `BatchVecEnv`.

    Args:
        term: name of the reward term of tracking the command.
        most: largest value of this term in a step.
        steps: control steps of a whole episode; a fall earns nothing for the rest of them.
        start, end: scale at the start and at the end, above 0, at most 1.
        rise: share of the largest sum of the term.
        step: addition to the scale.
        window: number of episodes between two decisions.
    """

    def __init__(
        self,
        term: str,
        most: float,
        steps: int,
        start: float = 0.4,
        end: float = 1.0,
        rise: float = 0.8,
        step: float = 0.1,
        window: int = 100,
    ):
        super().__init__()
        if not (0.0 < start <= end <= 1.0 and most > 0.0 and step > 0.0 and window >= 1):
            raise ValueError(
                f"a curriculum of commands needs 0 < start <= end <= 1 and a term above 0, got {start}, {end}, {most}"
            )
        self.scale, self._term, self._most, self._end = start, term, most * steps, end
        self._rise, self._step, self._window = rise, step, window
        self._shares: list[float] = []  # of episodes since the last decision

    @property
    def state(self) -> dict:
        """The scale, and the shares of the episodes since the last decision, as plain data."""
        return {"scale": self.scale, "shares": list(self._shares)}

    def restore(self, state: dict) -> None:
        """Continues from a `state`."""
        self.scale, self._shares = state["scale"], list(state["shares"])

    def _on_rollout_start(self) -> None:
        if len(self._shares) >= self._window:
            if np.mean(self._shares) >= self._rise:
                self.scale = round(min(self._end, self.scale + self._step), 6)
            self._shares.clear()
        self.training_env.env_method("set_command_scale", self.scale)
        self.training_env.env_method("set_push_scale", self.scale)
        self.logger.record("curriculum/command_scale", self.scale)

    def _on_step(self) -> bool:
        for episode in (info["episode"] for info in self.locals["infos"] if "episode" in info):
            self._shares.append(episode["terms"][self._term] / self._most)
        return True
