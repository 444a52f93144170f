"""Logs statistics of training episodes: reward terms, survival, final measurements, physics failures."""

from collections.abc import Sequence

from stable_baselines3.common.callbacks import BaseCallback

SURVIVAL, FAILURES = "rollout/survival_rate", "rollout/physics_failures"


class EpisodeCallback(BaseCallback):
    """Logs means over all episodes that ended since the logger's last dump, from the infos of `BatchVecEnv`.

    `reward/<term>` is the mean of a reward term per step. `rollout/survival_rate` is the share of episodes that did not
    terminate, or terminated as a success. `rollout/<name>` is the mean of a measurement in `finals` at the last step, if the
    environment reports it. `rollout/physics_failures` is the number of episodes since the start of the training that ended
    because physics failed. SB3 logs `rollout/success_rate`, from `is_success`, over the last 100 episodes.
    """

    def __init__(self, finals: Sequence[str] = ("successes",)):
        super().__init__()
        self._finals = tuple(finals)
        self._means: dict[str, list[float]] = {}  # since the last dump: key -> [sum, weight]
        self._failures = 0

    @property
    def state(self) -> dict:
        """The sums since the last dump, and the number of physics failures since the start, as plain data."""
        return {"means": {key: list(pair) for key, pair in self._means.items()}, "failures": self._failures}

    def restore(self, state: dict) -> None:
        """Continues from a `state`. States of earlier versions have no sums, because they were saved after a dump."""
        self._means = {key: list(pair) for key, pair in state.get("means", {}).items()}
        self._failures = state["failures"]

    def _on_step(self) -> bool:
        ended = [info for info in self.locals["infos"] if "terms" in info.get("episode", {})]
        if ended:
            if SURVIVAL not in self.logger.name_to_value:  # a dump has emptied the logger
                self._means.clear()
            for info in ended:
                self._add(info)
            for key, (total, weight) in self._means.items():
                self.logger.record(key, total / max(weight, 1))
        return True

    def _add(self, info):
        episode = info["episode"]
        final = episode["final"]
        for name, total in episode["terms"].items():
            self._note(f"reward/{name}", total, episode["l"])
        self._note(SURVIVAL, info["TimeLimit.truncated"] or bool(final.get("is_success", False)))
        for name in filter(final.__contains__, self._finals):
            self._note(f"rollout/{name}", final[name])
        if "physics_failed" in final:
            self._failures += int(final["physics_failed"])
            self.logger.record(FAILURES, self._failures)

    def _note(self, key, amount, weight=1):
        pair = self._means.setdefault(key, [0.0, 0])
        pair[0] += float(amount)
        pair[1] += weight
