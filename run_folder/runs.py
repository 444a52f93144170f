"""A run folder: the output of a training, and the input of play, evaluation, resume and export. No code in it is run.

config.yaml            resolved config of the training, command line, versions, git state
env.json               id and arguments of the environment
policy.safetensors policy.json normalizer.npz    the last policy; the same three in best/ and in every checkpoint
progress.csv tensorboard/                        logs
checkpoints/<steps>/   one policy each; the newest also contain the state from which the training resumes
card.json              steps and wall time; for a shipped policy also its origin and benchmark results
"""

import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import gymnasium as gym
import numpy as np
import torch
from filelock import FileLock, Timeout
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy

from algorithms.vec_env import make_vector
from run_folder.logs import cut_logs, make_logger, mark_logs
from run_folder.policy import Normalizer, read_policy, write_policy
from run_folder.records import make_run as make_run
from run_folder.records import read_env, read_run_config, refuse_pickle
from run_folder.stateful import Stateful
from run_folder.training_state import put_back, put_back_logged, read_training, write_training
from utils.env_ids import qualified
from utils.files import present_folder, read_json, reading, whole_folder, write_json
from utils.paths import expanded
from utils.run_file_names import ARCHITECTURE, ARRAYS, BEST, CARD, CHECKPOINTS, LOCK, LOGS, NUMBERS, POLICY_FILES


@dataclass(frozen=True)
class Run:
    """A policy with its normaliser and its environment."""

    folder: Path
    policy: BasePolicy
    normalizer: Normalizer
    env_id: str
    env_kwargs: Mapping

    def act(self, observation: np.ndarray) -> np.ndarray:
        """Returns the deterministic actions (n, a) for raw observations (n, k).

        Raises:
            ValueError: a value of the observation is NaN, or the observation has another number of values.
        """
        normalized = self.normalizer(observation)
        if np.isnan(normalized).any():
            row, entry = np.argwhere(np.isnan(np.atleast_2d(normalized)))[0]
            raise ValueError(f"value {entry} of observation {row} is NaN: the policy has no action for it")
        return self.policy.predict(normalized, deterministic=True)[0]

    def make_env(self, num_envs: int = 1, **changes) -> gym.vector.VectorEnv:
        """Returns the vector environment that the policy was trained on; `changes` replace arguments.

        Raises:
            ValueError: the environment does not have an argument, or refuses its value.
        """
        arguments = {**self.env_kwargs, **changes}
        try:
            return make_vector(qualified(self.env_id), num_envs, **arguments)
        except TypeError as error:  # env.json names an argument that another package's environment does not have
            raise ValueError(f"{self.env_id} cannot be made: {str(error).splitlines()[0]}") from error


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Locks a run folder against other trainings; the lock always ends with the process.

    Raises:
        ValueError: another process has the lock, or the folder cannot be written.
    """
    try:
        lock = FileLock(run / LOCK, timeout=0)
        lock.acquire()
    except Timeout as error:
        raise ValueError(f"{run} is in use by another training") from error
    except OSError as error:
        raise ValueError(f"cannot write to {run}: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


def save(run: Path, model: BaseAlgorithm, callbacks: Mapping[str, Stateful], keep: int = 2) -> Path:
    """Writes the checkpoint checkpoints/<steps>, for `resume`; returns its folder. Call it between two rollouts.

    The newest `keep` checkpoints can be resumed from; older checkpoints keep only their policies.

    Raises:
        ValueError: the checkpoint cannot be written, for example on a full disk; earlier checkpoints are unchanged.
    """
    target = run / CHECKPOINTS / f"{model.num_timesteps:010d}"
    try:
        with whole_folder(target) as folder:
            write_policy(folder, model, model.get_env())
            write_training(folder, model, callbacks)
            write_json(folder / LOGS, mark_logs(run, model.logger, folder))
            write_json(folder / CARD, callbacks["progress"].state if "progress" in callbacks else {})
    except OSError as error:
        raise ValueError(f"cannot write {target}: {error.strerror or error}; {last_good(run)}") from error
    for old in resumable(run)[:-keep]:
        for name in (NUMBERS, ARRAYS):  # NUMBERS first: its absence marks the checkpoint as policy-only
            (old / name).unlink(missing_ok=True)
    return target


def save_best(run: Path, model: BaseAlgorithm) -> None:
    """Saves the current policy as the best policy of the run; the previous one is replaced only by a complete one."""
    with whole_folder(run / BEST) as folder:
        write_policy(folder, model, model.get_env())


def save_last(run: Path, model: BaseAlgorithm, card: Mapping) -> None:
    """Saves the current policy as the final policy of the run, with its card; a checkpoint must contain it too."""
    forget_last(run)
    write_json(run / CARD, card)
    write_policy(run, model, model.get_env())


def forget_last(run: Path) -> None:
    """Removes the final policy of an earlier end, so that `load_run` returns the newest checkpoint."""
    (run / ARCHITECTURE).unlink(missing_ok=True)


def resume(run: Path, model: BaseAlgorithm, callbacks: Mapping[str, Stateful]) -> Path | None:
    """Restores model, simulations, callbacks and logs from the newest readable checkpoint; returns its folder.

    `model.learn(..., reset_num_timesteps=False)` then continues exactly. A run that stopped before its first checkpoint
    starts again from the beginning: its logs are emptied, and None is returned.

    Raises:
        ValueError: no checkpoint can be read, the checkpoints belong to another training, or they are missing.
    """
    folder, everything, sizes = _newest_whole(run)
    with reading(folder or run):
        if folder is not None:
            put_back(everything, model, callbacks)
        cut_logs(run, sizes, folder)  # no file of the run changes before this line
    forget_last(run)
    model.set_logger(make_logger(run))
    if folder is not None:
        put_back_logged(everything, model)
    return folder


def resumable(run: Path) -> list[Path]:
    """Returns the checkpoints from which a training can resume, oldest first."""
    return sorted(file.parent for file in (run / CHECKPOINTS).glob(f"[0-9]*/{NUMBERS}"))


def ended(run: Path, steps: int) -> bool:
    """Returns whether a run has been trained for `steps` steps and has its final policy."""
    checkpoints = resumable(run)
    whole = all((run / name).is_file() for name in POLICY_FILES)
    return whole and bool(checkpoints) and int(checkpoints[-1].name) >= steps


def last_good(run: Path) -> str:
    """Returns the end of a sentence about an error: the newest checkpoint."""
    left = resumable(run)
    return f"the last good checkpoint is {left[-1]}" if left else "there is no checkpoint before it"


def load_run(path: str | Path, env: tuple[str, dict] | None = None) -> Run:
    """Returns the policy of a run folder, a checkpoint or best/ in it, or a shipped policy, with its normaliser and env.

    If a run has not ended, or its final policy is incomplete, the policy comes from its newest checkpoint. Sets torch to one
    thread for the whole process: idle threads keep cores busy, and walking with two threads took 1.8 times as long.

    Args:
        path: the folder.
        env: id and arguments of the environment, if the caller has read them with `read_env`.

    Raises:
        ValueError: there is no policy, or one of its files cannot be used. The message names the file.
    """
    folder = expanded(path)
    refuse_pickle(folder)
    folder = present_folder(folder)
    checkpoints = sorted((folder / CHECKPOINTS).glob("[0-9]*"))
    if checkpoints and not all((folder / name).is_file() for name in POLICY_FILES):
        folder = checkpoints[-1]
    policy, normalizer = read_policy(folder)
    env_id, env_kwargs = read_env(folder) if env is None else env
    torch.set_num_threads(1)
    return Run(folder, policy, normalizer, env_id, env_kwargs)


def load_policy(path: str | Path) -> Callable[[np.ndarray], np.ndarray]:
    """Returns `load_run(path).act`: raw observations (n, k) -> deterministic actions (n, a)."""
    return load_run(path).act


def digest(path: str | Path) -> str:
    """Returns a hash of a policy's files, config and environment, which identifies the policy."""
    run = load_run(path)
    files = b"".join((run.folder / name).read_bytes() for name in POLICY_FILES)
    return hashlib.sha256(files + repr((read_run_config(path), run.env_id, run.env_kwargs)).encode()).hexdigest()


def _newest_whole(run):
    reasons = []
    for folder in reversed(resumable(run)):
        try:
            read_policy(folder)  # raises if files are damaged or were not written together
            found = folder, read_training(folder), read_json(folder / LOGS)
        except ValueError as error:
            reasons.append(error)
        else:
            if reasons:
                print(f"{reasons[0]}: the training resumes from {folder}", file=sys.stderr)
            return found
    if reasons:
        raise ValueError(f"no checkpoint of {run} can be used: {reasons[0]}")
    if any((run / name).exists() for name in (*POLICY_FILES, CHECKPOINTS)):
        raise ValueError(f"{run} contains a policy, but no checkpoint from which its training could resume")
    return None, None, {}
