"""State of a learner in a checkpoint besides policy and optimisers. An attribute that cannot be saved is an error."""

from collections.abc import Mapping
from types import FunctionType, MethodType

import torch
from gymnasium import Space
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.save_util import recursive_getattr, recursive_setattr
from stable_baselines3.her import HerReplayBuffer

from algorithms.learners import learner_of
from run_folder.snapshot import UnkeptError, pack

COUNTERS = ("num_timesteps", "_n_updates", "_episode_num", "_current_progress_remaining")
COUNTERS += ("_last_obs", "_last_episode_starts", "_last_original_obs")
EPISODES = ("ep_info_buffer", "ep_success_buffer")
# Attributes of SB3's algorithms that the config decides, that `learn` sets again, or that are saved in another form.
_REBUILT = {
    *("action_noise", "action_space", "batch_size", "buffer_size", "clip_range", "clip_range_vf", "device", "ent_coef"),
    *("env", "gae_lambda", "gamma", "gradient_steps", "learning_rate", "learning_starts", "lr_schedule", "max_grad_norm"),
    *("n_envs", "n_epochs", "n_steps", "normalize_advantage", "observation_space", "optimize_memory_usage", "policy"),
    *("policy_class", "policy_kwargs", "replay_buffer_class", "replay_buffer_kwargs", "rollout_buffer", "sde_sample_freq"),
    *("rollout_buffer_class", "rollout_buffer_kwargs", "seed", "start_time", "target_entropy", "target_kl", "tau"),
    *("target_update_interval", "tensorboard_log", "train_freq", "use_sde", "use_sde_at_warmup", "verbose", "vf_coef"),
    *("_custom_logger", "_logger", "_num_timesteps_at_start", "_stats_window_size", "_total_timesteps", "actor", "critic"),
    *("_vec_normalize_env", "critic_target", "batch_norm_stats", "batch_norm_stats_target", "ent_coef_tensor"),
    *("ent_coef_optimizer", "log_ent_coef"),
}
_REPLAY = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
_CONSTANTS = (type, FunctionType, MethodType, Space)
_HINDSIGHT = ("ep_start", "ep_length")  # arrays of HerReplayBuffer


def kept(model: BaseAlgorithm) -> dict:
    """Returns the attributes that the learner's row names in `kept`, as data that `snapshot.pack` accepts.

    Raises:
        UnkeptError: as `check_kept` does.
    """
    check_kept(model)
    return {name: _plain(recursive_getattr(model, name)) for name in learner_of(model).kept}


def put_back_kept(model: BaseAlgorithm, values: Mapping) -> None:
    """Restores the attributes that `kept` returned."""
    for name, value in values.items():
        current = recursive_getattr(model, name)
        if isinstance(current, ReplayBuffer):
            _fill(current, value)
        elif hasattr(current, "load_state_dict"):
            current.load_state_dict(value)
        elif isinstance(current, torch.Tensor):
            current.data[...] = value
        else:
            recursive_setattr(model, name, value)


def check_kept(model: BaseAlgorithm) -> None:
    """Checks that a checkpoint of this model is complete.

    Raises:
        UnkeptError: an attribute may change, but the learner's row names it neither in `kept` nor in `transient`; or a
            checkpoint cannot save the type of an attribute in `kept`.
    """
    row, torch_names = learner_of(model), [name for names in model._get_torch_save_params() for name in names]
    named = {name.split(".")[0] for name in (*row.kept, *row.transient, *torch_names)}
    for name in sorted(vars(model).keys() - named - _REBUILT - {*COUNTERS, *EPISODES}):
        if not _is_constant(getattr(model, name)):
            raise UnkeptError(
                f"a checkpoint would not save {type(model).__name__}.{name}: name it in `kept` of {row.name} in "
                "algorithms/learners.py, or in `transient` if it never changes or no rollout depends on it"
            )
    for name in row.kept:
        _check_type(model, name)


def end_trajectories(model: BaseAlgorithm) -> None:
    """Marks the last episodes in a replay buffer for hindsight as ended, so that new episodes do not continue them."""
    buffer = getattr(model, "replay_buffer", None)
    if isinstance(buffer, HerReplayBuffer):
        buffer.truncate_last_trajectory()


def _is_constant(value):
    """Returns whether a value cannot change: None, a function, class or space, or a frozen dataclass."""
    parameters = getattr(type(value), "__dataclass_params__", None)
    return value is None or isinstance(value, _CONSTANTS) or (parameters is not None and parameters.frozen)


def _check_type(model, name):
    value = recursive_getattr(model, name)
    if isinstance(value, ReplayBuffer):
        return  # its arrays can be packed, and trying it would take memory
    try:
        pack(_plain(value), {})
    except TypeError as error:
        kind = type(value).__name__
        raise UnkeptError(f"{type(model).__name__}.{name} is a {kind}, which a checkpoint cannot save: {error}") from error


def _plain(value):
    """Returns an attribute as numbers, arrays and containers of these."""
    if isinstance(value, ReplayBuffer):
        return _contents(value)
    return value.state_dict() if hasattr(value, "state_dict") else value


def _contents(buffer):
    """Returns the filled part of a replay buffer."""
    filled = buffer.buffer_size if buffer.full else buffer.pos
    contents = {"pos": buffer.pos, "full": buffer.full} | {name: _first(getattr(buffer, name), filled) for name in _REPLAY}
    if isinstance(buffer, HerReplayBuffer):  # an episode that wraps around reaches beyond `pos`
        contents |= {name: getattr(buffer, name) for name in _HINDSIGHT} | {"current": buffer._current_ep_start}
    return contents


def _first(values, count):
    return {name: part[:count] for name, part in values.items()} if isinstance(values, Mapping) else values[:count]


def _fill(buffer, contents):
    buffer.pos, buffer.full = contents["pos"], contents["full"]
    for name in _REPLAY:
        new, old = contents[name], getattr(buffer, name)
        for part, values in new.items() if isinstance(new, Mapping) else [(..., new)]:
            old[part][: len(values)] = values
    if isinstance(buffer, HerReplayBuffer):
        for name in _HINDSIGHT:
            getattr(buffer, name)[...] = contents[name]
        buffer._current_ep_start[...] = contents["current"]
