"""All that a training remembers between two rollouts, in files beside a checkpoint's policy: with it, it goes on exactly."""

import random
import sys
import warnings
from collections import deque
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.save_util import recursive_getattr
from stable_baselines3.common.vec_env import VecNormalize
from stable_baselines3.her import HerReplayBuffer

from algorithms.vec_env import BatchVecEnv
from run_folder.snapshot import capture, is_ours, pack, restore, unpack
from run_folder.state_layout import fits, layout
from utils.files import read_arrays, read_json, reading, write_arrays, write_json
from utils.run_file_names import ARRAYS, NUMBERS

_MODEL = ("num_timesteps", "_n_updates", "_episode_num", "_current_progress_remaining")
_MODEL += ("_last_obs", "_last_episode_starts", "_last_original_obs")
_NORMALIZER = ("returns", "old_obs", "old_reward")
_MEAN_AND_STD = ("mean", "var", "count")
_HINDSIGHT = ("ep_start", "ep_length")  # of HerReplayBuffer
_REPLAY = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
OTHER_VERSION = "the checkpoint's simulations are those of another version: the training resumes with new episodes"
_LOGGED = ("name_to_value", "name_to_count", "name_to_excluded")


def write_training(folder: Path, model: BaseAlgorithm, callbacks: Mapping[str, BaseCallback]) -> None:
    """Writes what `read_training` returns into a checkpoint's folder. To be called between two rollouts.

    Raises:
        ValueError: the model does not train on a VecNormalize around a BatchVecEnv, whose simulations can be kept.
    """
    arrays: dict[str, np.ndarray] = {}
    packed = pack(_everything(model, callbacks), arrays)
    write_arrays(folder / ARRAYS, arrays)
    write_json(folder / NUMBERS, {"everything": packed})


def read_training(folder: Path) -> dict:
    """Returns what `write_training` wrote, for `put_back`.

    Raises:
        ValueError: a file cannot be read, or they do not belong together.
    """
    numbers, arrays = read_json(folder / NUMBERS), read_arrays(folder / ARRAYS)
    with reading(folder / NUMBERS):
        return unpack(numbers["everything"], arrays)


def _everything(model, callbacks):
    normalizer = model.get_env()
    if not (isinstance(normalizer, VecNormalize) and isinstance(normalizer.venv, BatchVecEnv)):
        raise ValueError(f"only a VecNormalize around a BatchVecEnv can be kept to go on exactly, got {normalizer}")
    return {
        "learner": model.get_parameters(),
        "variables": {name: recursive_getattr(model, name) for name in model._get_torch_save_params()[1]},
        "model": {name: getattr(model, name) for name in _MODEL},
        "episodes": {name: list(getattr(model, name) or ()) for name in ("ep_info_buffer", "ep_success_buffer")},
        "logged": {name: dict(getattr(model.logger, name)) for name in _LOGGED},
        "replay": _replay(getattr(model, "replay_buffer", None)),
        "normalizer": {name: getattr(normalizer, name) for name in _NORMALIZER},
        "statistics": [{name: getattr(rms, name) for name in _MEAN_AND_STD} for rms in _running(normalizer)],
        "simulations": capture(normalizer.venv),
        "layout": layout(normalizer.venv),
        "random": _random(model),
        "callbacks": {name: callback.state for name, callback in callbacks.items()},
    }


def put_back(everything: dict, model: BaseAlgorithm, callbacks: Mapping[str, BaseCallback]) -> None:
    """Puts a training back where `write_training` found it; `learn(..., reset_num_timesteps=False)` then goes on."""
    normalizer = model.get_env()
    model.set_parameters(everything["learner"], exact_match=True)
    for name, value in everything["variables"].items():
        recursive_getattr(model, name).data[...] = value
    for name, value in everything["model"].items():
        setattr(model, name, value)
    for name, episodes in everything["episodes"].items():
        setattr(model, name, deque(episodes, maxlen=model._stats_window_size))
    _fill_replay(getattr(model, "replay_buffer", None), everything["replay"])
    for name, value in everything["normalizer"].items():
        setattr(normalizer, name, value)
    for rms, values in zip(_running(normalizer), everything["statistics"]):
        for name, value in values.items():
            setattr(rms, name, value)
    normalizer.venv.reset()  # an environment has all its attributes once it was started
    known = fits(normalizer.venv, everything["simulations"], everything.get("layout"))
    if known:
        restore(normalizer.venv, everything["simulations"])
    else:
        print(OTHER_VERSION, file=sys.stderr)
    if not known or not keeps_simulations(model):
        _start_episodes(model)
    for name, callback in callbacks.items():
        callback.restore(everything["callbacks"][name])
    _put_back_random(model, everything["random"])  # last: building and loading may draw


def keeps_simulations(model: BaseAlgorithm) -> bool:
    """Tells whether a checkpoint holds the simulations: those of others' environments it cannot tell in numbers."""
    return is_ours(model.get_env().venv.env.unwrapped)


def put_back_logged(everything: dict, model: BaseAlgorithm) -> None:
    """Puts back what waits in the model's logger for the next line of the logs; to be called once it has that logger."""
    for name, values in everything["logged"].items():
        getattr(model.logger, name).update(values)


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


def _replay(buffer):
    """Returns what a replay buffer holds so far, or None if there is none, as with PPO."""
    if buffer is None:
        return None
    filled = buffer.buffer_size if buffer.full else buffer.pos
    held = {"pos": buffer.pos, "full": buffer.full} | {name: _first(getattr(buffer, name), filled) for name in _REPLAY}
    if isinstance(buffer, HerReplayBuffer):  # its arrays of episodes are written beyond `pos`, too, where one wraps around
        held |= {name: getattr(buffer, name) for name in _HINDSIGHT} | {"current": buffer._current_ep_start}
    return held


def _first(values, count):
    return {name: part[:count] for name, part in values.items()} if isinstance(values, Mapping) else values[:count]


def _fill_replay(buffer, held):
    if buffer is None:
        return
    buffer.pos, buffer.full = held["pos"], held["full"]
    for name in _REPLAY:
        new, old = held[name], getattr(buffer, name)
        for part, values in new.items() if isinstance(new, Mapping) else [(..., new)]:
            old[part][: len(values)] = values
    if isinstance(buffer, HerReplayBuffer):
        for name in _HINDSIGHT:
            getattr(buffer, name)[...] = held[name]
        buffer._current_ep_start[...] = held["current"]


def _start_episodes(model):
    """Starts new episodes where simulations were not restored; hindsight must not join them to the interrupted ones."""
    model._last_obs = None
    buffer = getattr(model, "replay_buffer", None)
    if isinstance(buffer, HerReplayBuffer):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of what is meant here
            buffer.truncate_last_trajectory()
