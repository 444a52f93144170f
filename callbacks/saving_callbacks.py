"""Policies kept while training goes on: one a while, and the best on terrain that training does not see."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path

from gymnasium.vector import VectorEnv
from stable_baselines3.common.callbacks import BaseCallback

from utils.evaluation import evaluate, summarise
from utils.runs import normalizing, save_policy, write_json


class EveryStepsCallback(BaseCallback, ABC):
    """Calls `_act` at the first rollout's end after every `every` steps (steps of all simulations together)."""

    def __init__(self, every: int):
        super().__init__()
        self._every, self._next = every, every

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        if self.num_timesteps >= self._next:
            self._next = (self.num_timesteps // self._every + 1) * self._every
            self._act()

    @abstractmethod
    def _act(self) -> None: ...


class CheckpointCallback(EveryStepsCallback):
    """Saves policy, normaliser and the `state` of `parts` to `checkpoints/<steps>` of the run, every `every` steps."""

    def __init__(self, run: Path, every: int, parts: Mapping[str, BaseCallback] | None = None):
        super().__init__(every)
        self._run, self._parts = run, parts or {}

    def _act(self) -> None:
        folder = self._run / "checkpoints" / f"{self.num_timesteps:010d}"
        save_policy(folder, self.model, self.training_env)
        for name, part in self._parts.items():
            write_json(folder / f"{name}.json", part.state)


class EvaluationCallback(EveryStepsCallback):
    """Plays `episodes` on `env` every `every` steps, with the normaliser frozen; keeps the best policy in `best/`.

    The best is the one with the most successes, then the longest way. Logs success rate, distance, speed error and falls.
    """

    def __init__(self, run: Path, every: int, make_env: Callable[[], VectorEnv], episodes: int, seed: int, goal: float):
        super().__init__(every)
        self._run, self._make_env, self._env = run, make_env, None
        self._episodes, self._seed, self._goal = episodes, seed, goal
        self._best = (-1.0, -1.0)

    def _act(self) -> None:
        if self._env is None:
            self._env = self._make_env()
        normalize = normalizing(self.training_env)
        policy = lambda observation: self.model.predict(normalize(observation), deterministic=True)[0]  # noqa: E731
        summary = summarise(evaluate(self._env, policy, self._episodes, self._seed, self._goal))
        for name in ("success", "fall", "distance_m", "speed_rmse_mps", "return"):
            self.logger.record(f"eval/{name}", summary[name])
        score = (summary["success"], summary["distance_m"])
        if score > self._best:
            self._best = score
            save_policy(self._run / "best", self.model, self.training_env)

    def _on_training_end(self) -> None:
        if self._env is not None:
            self._env.close()
