"""A run folder: config in plain text, TensorBoard, checkpoints, the best policy and the last, each with its normaliser."""

import hashlib
import json
import platform
import subprocess
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
import yaml
from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecNormalize

from utils.config import as_plain, read_yaml

MODEL, NORMALIZER, CONFIG, CARD = "model.zip", "normalizer.npz", "config.yaml", "card.json"
CHANGED, NO_COMMIT = "+changes", "unknown"  # a state of the code that nobody can come back to
_NAMED_VERSIONS = ("mujoco", "gymnasium", "stable-baselines3", "torch", "numpy")


def make_run(path: Path | None, config, argv: list[str]) -> Path:
    """Creates a run folder (runs/<date>_<time> without a path) that holds the resolved config; returns it.

    Raises:
        ValueError: the folder already holds a run, or cannot be made.
    """
    path = Path("runs") / datetime.now().strftime("%Y%m%d_%H%M%S") if path is None else Path(path)
    if (path / CONFIG).exists():
        raise ValueError(f"{path} already holds a run: give another --run-dir, or remove that one")
    try:
        path.mkdir(parents=True, exist_ok=True)
        record = {"config": as_plain(config), "argv": argv, "versions": versions(), "git": git_state()}
        write_aside(path / CONFIG, lambda aside: aside.write_text(yaml.safe_dump(record, sort_keys=False)))
    except OSError as error:
        raise ValueError(f"cannot write a run to {path}: {error.strerror or error}") from error
    return path


def save_policy(folder: Path, model: BaseAlgorithm, normalizer: VecNormalize) -> None:
    """Writes a policy and the statistics it was trained with to `folder`; an old pair there stays until the new is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    rms = normalizer.obs_rms
    numbers = {"mean": rms.mean, "var": rms.var, "count": rms.count, "clip": normalizer.clip_obs, "eps": normalizer.epsilon}
    write_aside(folder / MODEL, model.save)
    write_aside(folder / NORMALIZER, lambda aside: np.savez(aside, **numbers))


def load_policy(path: str | Path) -> Callable[[np.ndarray], np.ndarray]:
    """Returns the deterministic policy, observations (n, k) -> actions (n, a), of a run folder or a checkpoint in it.

    A `model.zip` stands for its folder. The file is SB3's own, a pickle that can run code: load only what you trust.
    From then on torch has one thread: idle ones keep cores busy, and walking on two of them took 1.8 times as long.

    Raises:
        ValueError: there is no policy, or it cannot be read, or its statistics are missing or not finite.
    """
    folder = _folder(path)
    for name in (MODEL, NORMALIZER):
        if not (folder / name).is_file():
            raise ValueError(f"{folder} holds no {name}: give a run folder, or one of its checkpoints")
    normalize = _read_normalizer(folder / NORMALIZER)
    torch.set_num_threads(1)
    try:
        model = PPO.load(folder / MODEL, device="cpu")
    except Exception as error:  # SB3 raises whatever zipfile, pickle, json and torch do
        raise ValueError(f"cannot read {folder / MODEL}: {str(error).splitlines()[0]}") from error
    return lambda observation: model.predict(normalize(observation), deterministic=True)[0]


def digest(path: str | Path) -> str:
    """Returns what tells a run's policy from others: a hash of it, its statistics and its config."""
    files = b"".join((_folder(path) / name).read_bytes() for name in (MODEL, NORMALIZER))
    return hashlib.sha256(files + repr(read_run_config(path)).encode()).hexdigest()


def read_run_config(path: str | Path) -> dict:
    """Returns the training's config, as plain data, of the run that `path` is or lies in; nothing if there is none."""
    for folder in (Path(path), *Path(path).parents[:2]):
        if (folder / CONFIG).is_file():
            return read_yaml(folder / CONFIG).get("config", {})
    return {}


def trained_id(path: str | Path | None) -> str:
    """Returns the id of the environment that a run's policy was trained on; without a run, that of the gait alone."""
    return (read_run_config(path) if path else {}).get("env_id", "ResidualWalk-v0")


def normalizing(normalizer: VecNormalize) -> Callable[[np.ndarray], np.ndarray]:
    """Returns the normaliser as it is now, frozen: observations -> normalised observations."""
    rms = normalizer.obs_rms
    return _normalize_with(rms.mean.copy(), rms.var.copy(), normalizer.clip_obs, normalizer.epsilon)


def write_aside(path: Path, write: Callable[[Path], object]) -> None:
    """Lets `write` fill a file beside `path`, then renames it: whoever reads finds the old file or the new one, whole."""
    aside = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        write(aside)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def write_json(path: Path, content) -> None:
    """Writes plain data to `path`, whole or not at all."""
    write_aside(path, lambda aside: aside.write_text(json.dumps(content, indent=1) + "\n"))


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages that decide numbers."""
    return {"python": platform.python_version()} | {name: version(name) for name in _NAMED_VERSIONS}


def git_state() -> str:
    """Returns the commit that this code stands on, with CHANGED if files differ from it, or NO_COMMIT."""
    here = Path(__file__).parent
    try:
        git = ["git", "-C", str(here)]
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changes = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return NO_COMMIT
    return commit + (CHANGED if changes.strip() else "")


def _folder(path):
    return Path(path).parent if Path(path).suffix == ".zip" else Path(path)


def _read_normalizer(path):
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as numbers:
            mean, var, clip, eps = (numbers[name] for name in ("mean", "var", "clip", "eps"))
    except Exception as error:  # numpy raises whatever zipfile, zlib and its own reader do
        raise ValueError(f"cannot read {path}: {str(error).splitlines()[0]}") from error
    if not all(np.isfinite(values).all() for values in (mean, var, clip, eps)):
        raise ValueError(f"{path} holds numbers that are not finite")
    return _normalize_with(mean, var, float(clip), float(eps))


def _normalize_with(mean, var, clip, eps):
    """As VecNormalize does it: (observation - mean) / sqrt(var + eps), clipped, float32."""
    scale = np.sqrt(var + eps)
    return lambda observation: np.clip((observation - mean) / scale, -clip, clip).astype(np.float32)
