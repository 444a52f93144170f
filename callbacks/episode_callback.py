"""What the episodes of training were like, in TensorBoard: reward terms, survival, terrain level."""

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback


class EpisodeCallback(BaseCallback):
    """Logs, over the episodes that ended since the last update: each reward term per step, success, level, broken physics.

    `rollout/success_rate` is the share of episodes that did not end in a fall; `rollout/terrain_level` is their mean level;
    `rollout/physics_failures` counts the simulations that MuJoCo gave up since the start. All of it comes from what
    `BatchVecEnv` adds to an episode's info.
    """

    def __init__(self):
        super().__init__()
        self._episodes: list[dict] = []
        self._survived: list[bool] = []
        self._failures = 0

    @property
    def state(self) -> dict:
        """What the episodes since the last update were like, and how many simulations broke since the start."""
        return {"episodes": list(self._episodes), "survived": list(self._survived), "failures": self._failures}

    def restore(self, state: dict) -> None:
        """Goes on from a `state`."""
        self._episodes, self._survived, self._failures = state["episodes"], state["survived"], state["failures"]

    def _on_step(self) -> bool:
        for info in self.locals["infos"]:
            if "terms" in info.get("episode", {}):
                self._episodes.append(info["episode"])
                self._survived.append(info["TimeLimit.truncated"])
        return True

    def _on_rollout_end(self) -> None:
        if not self._episodes:
            return
        steps = sum(episode["l"] for episode in self._episodes)
        for name in self._episodes[0]["terms"]:
            self.logger.record(f"reward/{name}", sum(episode["terms"][name] for episode in self._episodes) / steps)
        finals = [episode["final"] for episode in self._episodes]
        self._failures += sum(int(final.get("physics_failed", 0)) for final in finals)
        self.logger.record("rollout/success_rate", np.mean(self._survived))
        self.logger.record("rollout/terrain_level", np.mean([final.get("terrain_level", 0.0) for final in finals]))
        self.logger.record("rollout/physics_failures", self._failures)
        self._episodes.clear()
        self._survived.clear()
