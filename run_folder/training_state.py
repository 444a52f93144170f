"""Saves and restores the complete state of a training between two rollouts, so that a resume is exact."""

import random
import sys
import warnings
from collections import deque
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.save_util import recursive_getattr
from stable_baselines3.common.vec_env import VecNormalize

from algorithms.vec_env import BatchVecEnv
from run_folder.learner_state import COUNTERS, EPISODES, end_trajectories, kept, put_back_kept
from run_folder.snapshot import capture, is_ours, pack, restore, unpack
from run_folder.state_layout import fits, layout
from run_folder.stateful import Stateful
from utils.files import read_arrays, read_json, reading, write_arrays, write_json
from utils.run_file_names import ARRAYS, NUMBERS

_NORMALIZER = ("returns", "old_obs", "old_reward")
_MEAN_AND_STD = ("mean", "var", "count")
OTHER_VERSION = "the simulations in the checkpoint are from another version: the training resumes with new episodes"
_LOGGED = ("name_to_value", "name_to_count", "name_to_excluded")


def write_training(folder: Path, model: BaseAlgorithm, callbacks: Mapping[str, Stateful]) -> None:
    """Writes the state of a training into the folder of a checkpoint. Call it between two rollouts.

    Raises:
        ValueError: the model does not train on a VecNormalize around a BatchVecEnv.
        UnkeptError: the model has an attribute that a checkpoint cannot save.
    """
    arrays: dict[str, np.ndarray] = {}
    packed = pack(_everything(model, callbacks), arrays)
    write_arrays(folder / ARRAYS, arrays)
    write_json(folder / NUMBERS, {"everything": packed})


def read_training(folder: Path) -> dict:
    """Returns the state that `write_training` wrote, for `put_back`.

    Raises:
        ValueError: a file cannot be read, or the files do not belong together.
    """
    numbers, arrays = read_json(folder / NUMBERS), read_arrays(folder / ARRAYS)
    with reading(folder / NUMBERS):
        return unpack(numbers["everything"], arrays)


def _everything(model, callbacks):
    normalizer = model.get_env()
    if not (isinstance(normalizer, VecNormalize) and isinstance(normalizer.venv, BatchVecEnv)):
        raise ValueError(f"exact resume needs a VecNormalize around a BatchVecEnv, got {normalizer}")
    return {
        "learner": model.get_parameters(),
        "variables": {name: recursive_getattr(model, name) for name in model._get_torch_save_params()[1]},
        "model": {name: getattr(model, name) for name in COUNTERS},
        "episodes": {name: list(getattr(model, name) or ()) for name in EPISODES},
        "logged": {name: dict(getattr(model.logger, name)) for name in _LOGGED},
        "kept": kept(model),
        "normalizer": {name: getattr(normalizer, name) for name in _NORMALIZER},
        "statistics": [{name: getattr(rms, name) for name in _MEAN_AND_STD} for rms in _running(normalizer)],
        "simulations": capture(normalizer.venv),
        "layout": layout(normalizer.venv),
        "random": _random(model),
        "callbacks": {name: callback.state for name, callback in callbacks.items()},
    }


def put_back(everything: dict, model: BaseAlgorithm, callbacks: Mapping[str, Stateful]) -> None:
    """Restores the state of a training; `learn(..., reset_num_timesteps=False)` then continues it exactly."""
    normalizer = model.get_env()
    model.set_parameters(everything["learner"], exact_match=True)
    for name, value in everything["variables"].items():
        recursive_getattr(model, name).data[...] = value
    for name, value in everything["model"].items():
        setattr(model, name, value)
    for name, episodes in everything["episodes"].items():
        setattr(model, name, deque(episodes, maxlen=model._stats_window_size))
    put_back_kept(model, _kept_values(everything))
    for name, value in everything["normalizer"].items():
        setattr(normalizer, name, value)
    for rms, values in zip(_running(normalizer), everything["statistics"]):
        for name, value in values.items():
            setattr(rms, name, value)
    normalizer.venv.reset()  # environments create some attributes in the first reset
    known = fits(normalizer.venv, everything["simulations"], everything.get("layout"))
    if known:
        restore(normalizer.venv, everything["simulations"])
    else:
        print(OTHER_VERSION, file=sys.stderr)
    if not known or not keeps_simulations(model):
        _start_episodes(model)
    for name, callback in callbacks.items():
        callback.restore(everything["callbacks"][name])
    _put_back_random(model, everything["random"])  # last, because building and loading may draw random numbers


def keeps_simulations(model: BaseAlgorithm) -> bool:
    """Returns whether a checkpoint saves the simulations; it cannot save environments of other packages."""
    return is_ours(model.get_env().venv.env.unwrapped)


def put_back_logged(everything: dict, model: BaseAlgorithm) -> None:
    """Restores the values that wait in the model's logger for the next line. Call it after `set_logger`."""
    for name, values in everything["logged"].items():
        getattr(model.logger, name).update(values)


def _kept_values(everything):
    """Returns the saved attributes by name; checkpoints of earlier versions have only a replay buffer."""
    if "kept" in everything:
        return everything["kept"]
    return {} if everything["replay"] is None else {"replay_buffer": everything["replay"]}


def _running(normalizer):
    observed = normalizer.obs_rms
    return *(observed.values() if isinstance(observed, Mapping) else [observed]), normalizer.ret_rms


def _random(model):
    return {
        "python": random.getstate(),
        "numpy": np.random.get_state(legacy=False),
        "torch": torch.get_rng_state(),
        "actions": model.action_space.np_random.bit_generator.state,
    }


def _put_back_random(model, states):
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])
    torch.set_rng_state(states["torch"])
    model.action_space.np_random.bit_generator.state = states["actions"]


def _start_episodes(model):
    """Starts new episodes for simulations that the checkpoint did not save."""
    model._last_obs = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SB3 warns of unfinished episodes
        end_trajectories(model)
