"""What a training keeps while it goes on: checkpoints to go on from, and the best policy on terrain it does not see."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from gymnasium.vector import VectorEnv
from stable_baselines3.common.callbacks import BaseCallback

from callbacks.threads_callback import one_torch_thread
from run_folder.observations import deterministic_policy
from run_folder.policy import deployable
from run_folder.runs import save, save_best

Policy = Callable[[np.ndarray], np.ndarray]  # observations (n, k) -> actions (n, a)


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
    """Judges the policy after every `every` steps, with the normaliser frozen; keeps the best one in `best/`.

    Args:
        run: the folder that holds `best/`.
        every: steps of all simulations together.
        make_env: makes what `judge` plays on, when it is first wanted.
        judge: environment, policy -> summary, numbers by name.
        score: names of the numbers that make one summary better than another, the first one first; if there are none, no
            policy is kept.
        logged: names of the numbers to log, where there are such; the best score so far is logged as `best_<name>`.
        prefix: of their names in the log.
        watch: called with the steps and the summary of every evaluation.
        writes: write the logs after every evaluation, for a learner that may evaluate again before it writes them.
    """

    def __init__(
        self,
        run: Path,
        every: int,
        make_env: Callable[[], VectorEnv],
        judge: Callable[[VectorEnv, Policy], dict],
        score: Sequence[str],
        logged: Sequence[str],
        watch: Callable[[int, dict], None] = lambda steps, summary: None,
        prefix: str = "eval",
        writes: bool = False,
    ):
        super().__init__(every)
        self._run, self._make_env, self._env = run, make_env, None
        self._judge, self._score, self._logged, self._watch, self._prefix = judge, score, logged, watch, prefix
        self._best, self._writes = (-math.inf,) * len(score), writes

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
            with one_torch_thread():  # updates, which have more, come after every callback
                self._evaluate()

    def _evaluate(self):
        if self._env is None:
            self._env = self._make_env()
        policy = deterministic_policy(*deployable(self.model, self.training_env))
        summary = self._judge(self._env, policy)
        for name in filter(summary.__contains__, self._logged):
            self.logger.record(f"{self._prefix}/{name}", summary[name])
        score = tuple(summary[name] for name in self._score)
        if score > self._best:
            self._best = score
            save_best(self._run, self.model)
        for name, value in zip(self._score, self._best):
            self.logger.record(f"{self._prefix}/best_{name}", value)
        if self._writes:
            self.logger.dump(self.num_timesteps)
        self._watch(self.num_timesteps, summary)

    def close(self) -> None:
        """Closes the environment, if there is one; the next evaluation makes another."""
        if self._env is not None:
            self._env.close()
            self._env = None

    def _on_training_end(self) -> None:
        self.close()
