"""What a training keeps while it goes on: checkpoints to go on from, and the best policy on terrain it does not see."""

from collections.abc import Callable, Mapping
from pathlib import Path

from gymnasium.vector import VectorEnv
from stable_baselines3.common.callbacks import BaseCallback

from utils.evaluation import evaluate, summarise
from utils.policy_files import normalizing
from utils.runs import save, save_best


class EveryStepsCallback(BaseCallback):
    """Is due for the first time after `every` steps (of all simulations together), then after each `every` more."""

    def __init__(self, every: int):
        super().__init__()
        self._every, self._next = every, every

    @property
    def state(self) -> dict:
        """When it is due next, as plain data."""
        return {"next": self._next}

    def restore(self, state: dict) -> None:
        """Goes on from a `state`."""
        self._next = state["next"]

    @property
    def _due(self):
        return self.num_timesteps >= self._next

    def _note_time(self):
        self._next = (self.num_timesteps // self._every + 1) * self._every

    def _on_step(self) -> bool:
        return True


class CheckpointCallback(EveryStepsCallback):
    """Saves a checkpoint before the first rollout after every `every` steps (of all simulations together), and at the end.

    Between two rollouts nothing is half done, so that a training goes on from there exactly. Of the checkpoints the last
    `keep` hold what that takes, those before their policy. `callbacks` are those with a state; this one adds itself.
    """

    def __init__(self, run: Path, every: int, callbacks: Mapping[str, BaseCallback], keep: int = 2):
        super().__init__(every)
        self._run, self._keep, self._saved = run, keep, -1
        self._callbacks = {**callbacks, "checkpoint": self}

    @property
    def callbacks(self) -> Mapping[str, BaseCallback]:
        """All callbacks whose state a checkpoint holds, by name."""
        return self._callbacks

    def save(self) -> None:
        """Saves a checkpoint now, unless there is one of this very step; to be called between two rollouts."""
        if self._saved != self.num_timesteps:
            self._note_time()
            save(self._run, self.model, self._callbacks, self._keep)
            self._saved = self.num_timesteps

    def _on_rollout_start(self) -> None:
        if self._due:
            self.save()

    def _on_training_end(self) -> None:
        self.save()


class EvaluationCallback(EveryStepsCallback):
    """Plays `episodes` on `env` after every `every` steps, with the normaliser frozen; keeps the best policy in `best/`.

    The best is the one with the most successes, then the longest way. Logs success rate, distance, speed error and falls,
    and hands steps and summary to `watch`.
    """

    def __init__(
        self,
        run: Path,
        every: int,
        make_env: Callable[[], VectorEnv],
        episodes: int,
        seed: int,
        goal: float,
        watch: Callable[[int, dict], None] = lambda steps, summary: None,
    ):
        super().__init__(every)
        self._run, self._make_env, self._env, self._watch = run, make_env, None, watch
        self._episodes, self._seed, self._goal = episodes, seed, goal
        self._best = (-1.0, -1.0)

    @property
    def state(self) -> dict:
        """When the next evaluation is due, and the best score so far, as plain data."""
        return super().state | {"best": list(self._best)}

    def restore(self, state: dict) -> None:
        """Goes on from a `state`."""
        super().restore(state)
        self._best = tuple(state["best"])

    def _on_rollout_end(self) -> None:
        if self._due:
            self._note_time()
            self._evaluate()

    def _evaluate(self):
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
            save_best(self._run, self.model)
        self._watch(self.num_timesteps, summary)

    def close(self) -> None:
        """Closes the environment, if there is one; the next evaluation makes another."""
        if self._env is not None:
            self._env.close()
            self._env = None

    def _on_training_end(self) -> None:
        self.close()
