"""Warm start: a new run that begins with the weights and the normaliser of another run's policy (`--start-from RUN`).

The policy that a run started from is copied to `start/` of its folder, so that the run needs nothing outside of it.
"""

import shutil
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import MultiInputActorCriticPolicy
from stable_baselines3.sac.policies import MultiInputPolicy

from algorithms.vec_env import BatchVecEnv
from run_folder.observations import parts, set_statistics, split
from run_folder.policy import ACTIVATIONS, POLICIES, Architecture, architecture, read_architecture
from run_folder.records import add_to_record, read_record
from run_folder.runs import Run, digest, load_run, resumable
from run_folder.training_state import read_training
from training.config import TrainConfig
from training.tasks.presets import preset
from utils.files import read_arrays, reading, whole_folder, write_arrays
from utils.run_file_names import ARCHITECTURE, NUMBERS, POLICY_FILES, START

ARRAYS, RECORD = "start.npz", "start"  # file in a run's folder START, key in its config.yaml
REWARDS, ENTROPY = ("mean", "var", "count"), "log_ent_coef"
EPSILON = 1e-8  # VecNormalize's default, which all trainings here have
MULTI_INPUT = {"ActorCriticPolicy": MultiInputActorCriticPolicy, "SACPolicy": MultiInputPolicy}  # for dictionaries
NAMES = {"ppo": "ActorCriticPolicy", "sac": "SACPolicy"}
# What no option of the learner can change, and how a sentence names it.
SHAPES = {
    "observation_size": "the size of its observations is",
    "action_kind": "its action space is",
    "action_values": "its discrete actions are as many as",
    "parts": "the names of its observation's parts are",
    "part_sizes": "the sizes of its observation's parts are",
    "action_low": "its lowest actions are",
    "action_high": "its highest actions are",
}


@dataclass(frozen=True)
class Start:
    """A policy to start from, and the arrays by name that its training kept beside it (see `write_start`)."""

    path: Path
    run: Run
    arrays: dict

    @property
    def kept(self) -> list[str]:
        """What a run begins with."""
        rewards = ["reward statistics"] if "mean" in self.arrays else []
        return ["weights", "observation statistics", *rewards, *(["entropy coefficient"] if ENTROPY in self.arrays else [])]

    @property
    def fresh(self) -> list[str]:
        """What of the other training is not held or not taken."""
        sac = ["replay buffer", "entropy coefficient"] if type(self.run.policy).__name__ == NAMES["sac"] else []
        return [name for name in ("optimizer", "reward statistics", *sac) if name not in self.kept]


def find_start(config: TrainConfig) -> Start | None:
    """Returns the policy that `config` starts from, None if it names none.

    Raises:
        ValueError: there is no policy, or it does not fit the training; the sentence says both sides and the option to give.
    """
    if config.start_from is None:
        return None
    path = config.start_from.expanduser()
    run = load_run(path)
    found = read_architecture(run.folder)
    _check_shapes(path, found, _wanted(config))
    _check_numbers(path, run, config)
    arrays = _training_arrays(run.folder)
    if not str(getattr(config.learner, "ent_coef", None)).startswith("auto"):
        arrays.pop(ENTROPY, None)  # the config gives a fixed one
    _check_entropy(path, arrays, config)
    _check_goals(path, run, dict(zip(found.parts, found.part_sizes)), config)
    return Start(path, run, arrays)


def write_start(run: Path, start: Start) -> None:
    """Copies the policy to start from into the new run, with the reward statistics and the logarithm of SAC's entropy
    coefficient where its training kept them; config.yaml names the run it is of."""
    with whole_folder(run / START) as folder:
        for name in POLICY_FILES:
            shutil.copyfile(start.run.folder / name, folder / name)
        write_arrays(folder / ARRAYS, start.arrays)
    source = {"path": str(start.path.resolve()), "env_id": start.run.env_id, "digest": digest(start.path)}
    add_to_record(run, {RECORD: source | {"kept": start.kept, "fresh": start.fresh}})


def describe_start(run: Path) -> str:
    """Returns a sentence about what a run started from, as its config.yaml records it."""
    source = read_record(run)[RECORD]
    return f"It starts from the {_listed(source['kept'])} of {source['path']}; fresh: {', '.join(source['fresh'])}."


def apply_start(run: Path, model: BaseAlgorithm) -> None:
    """Gives an untrained model and its VecNormalize what `write_start` kept in the run.

    Raises:
        ValueError: the copy cannot be read.
    """
    source, arrays = load_run(run / START), read_arrays(run / START / ARRAYS)
    normalizer, held = model.get_env(), source.normalizer
    with reading(run / START):
        model.policy.load_state_dict(source.policy.state_dict())
        set_statistics(normalizer, held.mean, held.var, held.count)
        for name in REWARDS if "mean" in arrays else ():
            setattr(normalizer.ret_rms, name, arrays[name][()])
        if ENTROPY in arrays and getattr(model, ENTROPY, None) is not None:
            model.log_ent_coef.data[...] = torch.from_numpy(arrays[ENTROPY])


def _training_arrays(folder):
    """Returns what the checkpoint of this very policy holds beside it, by name; nothing if there is no such checkpoint."""
    wanted = (folder / ARCHITECTURE).read_bytes()  # it has the hashes of weights and statistics
    for checkpoint in (folder, *resumable(folder), *resumable(folder.parent)):
        if (checkpoint / NUMBERS).is_file() and (checkpoint / ARCHITECTURE).read_bytes() == wanted:
            everything = read_training(checkpoint)
            arrays = {name: everything["statistics"][-1][name] for name in REWARDS}
            variables = everything["variables"]
            return arrays | ({ENTROPY: variables[ENTROPY].numpy()} if ENTROPY in variables else {})
    return {}


def _wanted(config):
    """Returns the architecture of the policy that `config` trains."""
    numbers = config.learner
    with closing(BatchVecEnv(config.make_evaluation_env(1, 0))) as env, torch.random.fork_rng(devices=[]):
        kinds = MULTI_INPUT if parts(env.observation_space) else {name: kind for name, (kind, _) in POLICIES.items()}
        layers = {"net_arch": list(numbers.net_arch), "activation_fn": ACTIVATIONS[numbers.activation]}
        return architecture(kinds[NAMES[config.algo]](env.observation_space, env.action_space, lambda _: 0.0, **layers))


def _check_shapes(path: Path, found: Architecture, wanted: Architecture) -> None:
    if found.policy != wanted.policy:
        kinds = {policy: algo for algo, policy in NAMES.items()}
        raise ValueError(
            f"cannot start from {path}: {kinds[found.policy]} trained it, and this training is of {kinds[wanted.policy]}; "
            f"give --algo {kinds[found.policy]}"
        )
    for name, words in SHAPES.items():
        if getattr(found, name) != getattr(wanted, name):
            raise ValueError(
                f"cannot start from {path}: {words} {getattr(found, name)}, in this training {getattr(wanted, name)}"
            )


def _check_numbers(path: Path, run: Run, config: TrainConfig) -> None:
    """Raises ValueError if the learner's options ask for another network or normaliser, naming the options to give."""
    source, numbers = architecture(run.policy), config.learner
    if source.actor != source.critic:
        raise ValueError(
            f"cannot start from {path}: its actor has the layers {_text(source.actor)}, its critic "
            f"{_text(source.critic)}, and a training here has the same layers in both"
        )
    if run.normalizer.eps != EPSILON:
        raise ValueError(f"cannot start from {path}: its normaliser has epsilon {run.normalizer.eps}, this has {EPSILON}")
    found = {"net_arch": source.actor, "activation": source.activation, "clip_obs": run.normalizer.clip}
    other = {name: value for name, value in found.items() if getattr(numbers, name) != value}
    if other:
        has = ", ".join(f"{name} {_text(value)}" for name, value in other.items())
        asked = ", ".join(f"{name} {_text(getattr(numbers, name))}" for name in other)
        options = " ".join(f"--{config.algo}.{name.replace('_', '-')} {_text(value)}" for name, value in other.items())
        raise ValueError(f"cannot start from {path}: it has {has}, this training has {asked}; give {options}")
    if config.algo == "ppo" and numbers.log_std_init != _usual(config, "log_std_init"):
        raise ValueError(f"log_std_init has no effect with start_from: the standard deviation of actions is that of {path}")


def _check_entropy(path, arrays, config):
    """Raises ValueError for a first entropy coefficient, if the source's training kept the one it had learned."""
    asked = getattr(config.learner, "ent_coef", None)
    if config.algo == "sac" and ENTROPY in arrays and asked.startswith("auto_") and asked != _usual(config, "ent_coef"):
        raise ValueError(
            f"the first value in ent_coef {asked} has no effect with start_from: the entropy coefficient is that of {path}; "
            "give --sac.ent-coef auto"
        )


def _check_goals(path, run, sizes, config):
    """Raises ValueError if hindsight, which has one normaliser for both goals, is to start from a policy that has two."""
    for values in (run.normalizer.mean, run.normalizer.var) if config.her else ():
        goals = split(values, sizes)
        if not np.array_equal(goals["achieved_goal"], goals["desired_goal"]):
            apart = "it normalises achieved_goal and desired_goal apart, and her both alike"
            raise ValueError(f"cannot start from {path}: {apart}; start from a run with --her, or leave out --her")


def _usual(config, name):
    """Returns a number of the learner as the preset has it."""
    return preset(config.preset, config.env_id).get(config.algo, {}).get(name, getattr(type(config.learner)(), name))


def _text(value):
    return " ".join(map(str, value)) if isinstance(value, tuple) else f"{value}"


def _listed(words):
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
