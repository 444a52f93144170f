"""Curricula: raise the terrain level or the share of the randomisation with time, or the level of each kind by success."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

PASSING_SHARE = 0.7


def passes(episode: Mapping, lasted: bool, control_dt: float) -> bool:
    """Returns whether an episode of a walk, as `BatchVecEnv` reports it, covered PASSING_SHARE of the commanded distance.

    `lasted` is True if the episode was truncated, so that the robot did not fall.
    """
    final = episode["final"]
    return bool(lasted and final["distance"] >= PASSING_SHARE * final["commanded_velocity"] * episode["l"] * control_dt)


def ended_episodes(infos: Sequence[Mapping]) -> Iterator[tuple[Mapping, bool]]:
    """Yields the report of each episode that ended with measurements, and whether it was truncated."""
    for info in infos:
        if "final" in info.get("episode", {}):
            yield info["episode"], info["TimeLimit.truncated"]


class TimeCurriculumCallback(BaseCallback):
    """Raises a scale linearly from `start_scale` to `end_scale` over `total_steps`, before each rollout; for subclasses.

    Works with every SB3 vector environment whose environments have the method `setter`. Before the rise, the scale keeps
    its first value for `warm_up_steps`. All steps are control steps of all simulations together.
    """

    setter: ClassVar[str]
    logged: ClassVar[str]

    def __init__(self, start_scale: float, end_scale: float, total_steps: int, verbose: int = 0, warm_up_steps: int = 0):
        super().__init__(verbose)
        if total_steps < 1:
            raise ValueError(f"a curriculum must last at least one step, got {total_steps}")
        self.start_scale, self.end_scale, self.total_steps = start_scale, end_scale, total_steps
        self.warm_up_steps = warm_up_steps

    @property
    def scale(self) -> float:
        """The scale at the current number of steps."""
        progress = min(1.0, max(0, self.num_timesteps - self.warm_up_steps) / self.total_steps)
        return self.start_scale + (self.end_scale - self.start_scale) * progress

    @property
    def state(self) -> dict:
        """The number of steps, as plain data."""
        return {"num_timesteps": self.num_timesteps}

    def restore(self, state: dict) -> None:
        """Continues from a `state`."""
        self.num_timesteps = state["num_timesteps"]

    def _on_rollout_start(self) -> None:
        self.training_env.env_method(self.setter, self.scale)
        self.logger.record(f"curriculum/{self.logged}", self.scale)
        if self.verbose > 0:
            print(f"{self.logged.replace('_', ' ').capitalize()}: {self.scale:.2f}")

    def _on_step(self) -> bool:
        return True


class TerrainCurriculumCallback(TimeCurriculumCallback):
    """Raises the highest terrain level linearly from `start_scale` to `end_scale` over `total_steps`, before each rollout.

    Works with every SB3 vector environment whose environments have `set_terrain_scale`.
    """

    setter, logged = "set_terrain_scale", "terrain_scale"

    def __init__(self, start_scale: float = 0.1, end_scale: float = 1.0, total_steps: int = 2_000_000, verbose: int = 0):
        super().__init__(start_scale, end_scale, total_steps, verbose)


class VariationCurriculumCallback(TimeCurriculumCallback):
    """Raises the share of the randomisation from 0 to 1 over `rise_steps`, after `warm_up_steps` with nominal robots.

    Works with every SB3 vector environment whose environments have `set_variation_scale`.
    """

    setter, logged = "set_variation_scale", "variation_scale"

    def __init__(self, warm_up_steps: int = 0, rise_steps: int = 1, verbose: int = 0):
        super().__init__(0.0, 1.0, rise_steps, verbose, warm_up_steps)


class SuccessCurriculumCallback(BaseCallback):
    """Moves the highest level of each terrain kind by `step`: up if the pass rate reaches `rise`, down if below `fall`.

    An episode passes if it runs to its time limit and covers `PASSING_SHARE` of the commanded distance. The pass rate is
    that of `window` episodes at the two highest levels of the kind. An episode that is truncated at the edge of its tile is
    not counted, because the robot might have fallen later. Needs the infos of `BatchVecEnv`.

    Args:
        kinds: terrain kinds, in the order of the environment's config.
        start, end: lowest and initial level, and highest level.
        control_dt: length of a control step, s. Default: the environment's `control_dt`.
    """

    def __init__(
        self,
        kinds: Sequence[str],
        start: float = 0.1,
        end: float = 1.0,
        step: float = 0.1,
        window: int = 20,
        rise: float = 0.8,
        fall: float = 0.5,
        control_dt: float | None = None,
    ):
        super().__init__()
        if not 0.0 <= fall < rise <= 1.0:
            raise ValueError(f"a curriculum needs 0 <= fall < rise <= 1, got fall {fall} and rise {rise}")
        self.kinds, self.levels = tuple(kinds), dict.fromkeys(kinds, start)
        self._start, self._end, self._step, self._window = start, end, step, window
        self._rise, self._fall, self._dt = rise, fall, control_dt
        self._passed: dict[str, list[bool]] = {kind: [] for kind in kinds}

    @property
    def state(self) -> dict:
        """The level of each kind, and the outcomes since its last decision, as plain data."""
        return {"levels": dict(self.levels), "passed": {kind: list(passed) for kind, passed in self._passed.items()}}

    def restore(self, state: dict) -> None:
        """Continues from a `state`."""
        self.levels, self._passed = dict(state["levels"]), {kind: list(passed) for kind, passed in state["passed"].items()}

    def _init_callback(self) -> None:
        if self._dt is None:
            self._dt = float(self.training_env.get_attr("control_dt")[0])

    def _on_rollout_start(self) -> None:
        for kind in self.kinds:
            self._decide(kind)
            self.logger.record(f"curriculum/{kind}", self.levels[kind])
        self.logger.record("curriculum/terrain_scale", float(np.mean([*self.levels.values()])))
        self.training_env.env_method("set_terrain_scale", dict(self.levels))

    def _on_step(self) -> bool:
        for episode, lasted in ended_episodes(self.locals["infos"]):
            self._note(episode, lasted)
        return True

    def _note(self, episode, lasted):
        final = episode["final"]
        if lasted and final.get("off_tile"):
            return
        kind = self.kinds[int(final["terrain_kind"])]
        if final["terrain_level"] > self.levels[kind] - 1.5 * self._step:
            self._passed[kind].append(passes(episode, lasted, self._dt))

    def _decide(self, kind):
        passed = self._passed[kind]
        if len(passed) < self._window:
            return
        rate = np.mean(passed)
        change = self._step if rate >= self._rise else -self._step if rate < self._fall else 0.0
        self.levels[kind] = round(min(max(self.levels[kind] + change, self._start), self._end), 6)
        passed.clear()
