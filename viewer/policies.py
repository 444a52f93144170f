"""The policies that a page offers: baselines, the shipped policy, and the policies of a run, also while it trains."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from gymnasium.vector import VectorEnv

from evaluation.episodes import Policy
from run_folder.policy import hashes
from run_folder.runs import load_run
from training.tasks import find_task
from utils.env_ids import file_name
from utils.run_file_names import BEST, CHECKPOINTS, ENV, POLICY_FILES

SHIPPED = Path(__file__).parents[1] / "assets" / "policies"
SHIPPED_NAME = "shipped"
STEERING = "-steering"  # end of the name of a folder whose policy follows commands in every direction


def baselines(env_id: str) -> tuple[str, ...]:
    """Returns the names of the policies that need no training."""
    return tuple(find_task(env_id).judge.baselines)


def choices(env_id: str, runs: Sequence[Path]) -> dict[str, str]:
    """Returns the policies of an environment: label -> the name that `load` accepts.

    The labels of a run's policies begin with the run's name: last, best, and every checkpoint.
    """
    found = {name: name for name in baselines(env_id)}
    if shipped_folder(env_id) is not None:
        found[SHIPPED_NAME] = SHIPPED_NAME
    for run in runs:
        folders = {"last": run, "best": run / BEST} | {each.name: each for each in checkpoints(run)}
        found |= {f"{run.name}: {label}": str(path) for label, path in folders.items() if has_policy(path)}
    return found


def shipped_folder(env_id: str) -> Path | None:
    """Returns the folder of the policy that is shipped for an environment, or None.

    A policy for commands in every direction comes first.
    """
    folders = (SHIPPED / f"{file_name(env_id)}{ending}" for ending in (STEERING, ""))
    return next((folder for folder in folders if (folder / ENV).is_file()), None)


def checkpoints(run: Path) -> list[Path]:
    """Returns the complete checkpoints of a run, oldest first."""
    return [folder for folder in sorted((run / CHECKPOINTS).glob("[0-9]*")) if has_policy(folder)]


def has_policy(folder: Path) -> bool:
    """Returns whether a folder contains the complete files of a policy."""
    return all((folder / name).is_file() for name in POLICY_FILES)


def newest(run: Path) -> str | None:
    """Returns the name of the newest policy of a run: its last checkpoint, or the run itself; None if it has none yet."""
    found = checkpoints(run) or ([run] if has_policy(run) else [])
    return str(found[-1]) if found else None


def default_policy(env_id: str, run: Path | None) -> str:
    """Returns the policy to begin with: that of the run, otherwise the shipped one, otherwise the first baseline."""
    if run is not None:
        return str(run) if has_policy(run) else newest(run) or str(run)
    return SHIPPED_NAME if shipped_folder(env_id) is not None else baselines(env_id)[0]


def load(name: str, env_id: str, env: VectorEnv) -> Policy:
    """Returns the policy with that name for an environment: observations (n, k) -> actions (n, a).

    Raises:
        ValueError: there is no such policy, its files are damaged, or it was trained on other observations or actions.
    """
    if name in baselines(env_id):
        return find_task(env_id).judge.baseline(name, env)
    run = load_run(_folder(name, env_id))
    act, observation = run.act, np.zeros((1, *(env.single_observation_space.shape or ())), np.float32)
    wanted, given = run.policy.observation_space.shape, env.single_observation_space.shape
    if not run.normalizer.names and wanted != given:
        other = f"choose another one, such as {baselines(env_id)[0]!r}"
        raise ValueError(f"the policy {name} needs observations of the shape {wanted}, {env_id} gives {given}: {other}")
    if not run.normalizer.names and act(observation).shape[1:] != env.single_action_space.shape:
        raise ValueError(f"the actions of the policy {name} do not fit {env_id}")
    return act


def fingerprint(name: str, env_id: str) -> list[str]:
    """Returns hashes that identify a policy's files; empty for a baseline."""
    return [] if name in baselines(env_id) else [*hashes(load_run(_folder(name, env_id)).folder)]


def _folder(name, env_id):
    shipped = shipped_folder(env_id)
    if name != SHIPPED_NAME:
        return name
    if shipped is None:
        raise ValueError(f"no policy is shipped for {env_id}")
    return shipped
