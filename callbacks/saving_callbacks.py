"""Saves checkpoints during a training, evaluates the policy, and keeps the best policy."""

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
from run_folder.stateful import Stateful

Policy = Callable[[np.ndarray], np.ndarray]  # observations (n, k) -> actions (n, a)


class EveryStepsCallback(BaseCallback):
    """Base of callbacks that act after every `every` steps of all simulations together."""

    def __init__(self, every: int):
        super().__init__()
        self._every, self._next = every, every

    @property
    def state(self) -> dict:
        """The number of steps at which the callback is due next, as plain data."""
        return {"next": self._next}

    def restore(self, state: dict) -> None:
        """Continues from a `state`."""
        self._next = state["next"]

    @property
    def _due(self):
        return self.num_timesteps >= self._next

    def _note_time(self):
        self._next = (self.num_timesteps // self._every + 1) * self._every

    def _on_step(self) -> bool:
        return True


class CheckpointCallback(EveryStepsCallback):
    """Saves a checkpoint at the next start of a rollout after every `every` steps, and at the end of the training.

    Checkpoints are saved between two rollouts only, because a training can be resumed exactly from there. The newest `keep`
    checkpoints can be resumed from; older checkpoints keep only their policy.

    Args:
        run: the run folder.
        every: steps of all simulations together.
        callbacks: callbacks by name whose state a checkpoint saves; this callback adds itself.
        keep: number of checkpoints to resume from.
    """

    def __init__(self, run: Path, every: int, callbacks: Mapping[str, Stateful], keep: int = 2):
        super().__init__(every)
        self._run, self._keep, self._saved = run, keep, -1
        self._callbacks = {**callbacks, "checkpoint": self}

    @property
    def callbacks(self) -> Mapping[str, Stateful]:
        """All callbacks whose state a checkpoint saves, by name."""
        return self._callbacks

    def save(self) -> None:
        """Saves a checkpoint, unless this step has one already. Call it between two rollouts."""
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
    """Evaluates the policy after every `every` steps, with the normaliser frozen; keeps the best policy in `best/`.

    Args:
        run: the run folder, which contains `best/`.
        every: steps of all simulations together.
        make_env: makes the environment for `judge`; called at the first evaluation.
        judge: environment, policy -> summary, numbers by name.
        score: keys of the summary that rank policies, lexicographically; if empty, no policy is kept.
        logged: keys of the summary to log when present; the best score so far is logged as `best_<key>`.
        prefix: prefix of the names in the log.
        watch: called with the steps and the summary of every evaluation.
        writes: write the logs after every evaluation, for learners that log less often than they are evaluated.
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
        """The number of steps of the next evaluation, and the best score so far, as plain data."""
        return super().state | {"best": list(self._best)}

    def restore(self, state: dict) -> None:
        """Continues from a `state`."""
        super().restore(state)
        self._best = tuple(state["best"])

    def _on_rollout_end(self) -> None:
        if self._due:
            self._note_time()
            with one_torch_thread():  # updates use more threads; they come after all callbacks
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
        """Closes the environment if it is open; the next evaluation makes a new one."""
        if self._env is not None:
            self._env.close()
            self._env = None

    def _on_training_end(self) -> None:
        self.close()
