"""Warm start: a new run starts with the weights and the normaliser of another run's policy (`--start-from RUN`).

The policy is copied to `start/` in the new run folder, so that the run needs no file outside its folder.
"""

import shutil
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm

from algorithms.learners import LEARNERS, Learner, learner_of, with_variants
from algorithms.vec_env import BatchVecEnv
from run_folder.observations import set_statistics, split
from run_folder.policy import Architecture, architecture, read_architecture
from run_folder.records import add_to_record, read_record, read_run_config, recorded_option
from run_folder.runs import Run, digest, load_run, resumable
from run_folder.training_state import read_training
from training.actor_start import critic_arrays, has_critic, start_actor
from training.config import TrainConfig
from training.lineage import EARLIER, RECORD, trainings
from utils.fields import FieldError
from utils.files import read_arrays, reading, whole_folder, write_arrays
from utils.run_file_names import ARCHITECTURE, NUMBERS, POLICY_FILES, START

ARRAYS = "start.npz"  # file in a run's folder START
REWARDS = ("mean", "var", "count")
EPSILON = 1e-8  # default of VecNormalize, used by all trainings here
# Parts of an architecture that no option of the learner can change, and the words for each in an error.
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
    """A policy to start from, the learner of the new run, and what the source training has beside the policy.

    These are statistics of rewards, learned numbers, and a critic with its statistics. `earlier` describes the
    trainings that made the policy.
    """

    path: Path
    run: Run
    arrays: dict
    learner: Learner
    earlier: list[dict]

    @property
    def kept(self) -> list[str]:
        """Names of the parts that the new run takes over."""
        rewards = ["reward statistics"] if "mean" in self.arrays else []
        learned = [number.words for number in self.learner.learned if number.variable in self.arrays]
        weights = "weights" if self._gives_critic else "actor"
        return [weights, "observation statistics", *rewards, *learned]

    @property
    def fresh(self) -> list[str]:
        """Names of the parts that the new run does not take over."""
        options = self.learner.config.__dataclass_fields__
        attributes = [name.replace("_", " ") for name in self.learner.kept if name not in options]
        learned = [number.words for number in self.learner.learned]
        critic = () if self._gives_critic else ("critic", "statistics of privileged observations")
        names = ("optimizer", *critic, "reward statistics", *attributes, *learned)
        return [name for name in names if name not in self.kept]

    @property
    def _gives_critic(self):
        return self.learner.saves_critic or has_critic(self.arrays)


def find_start(config: TrainConfig) -> Start | None:
    """Returns the policy that `config` starts from, or None.

    Raises:
        ValueError: there is no policy, or it does not fit the training; the message names both sides and the option to give.
    """
    if config.start_from is None:
        return None
    path = config.start_from.expanduser()
    run, learner = load_run(path), LEARNERS[config.algo]
    found = read_architecture(run.folder)
    _check_shapes(path, found, _wanted(config))
    _check_numbers(path, run, config)
    _check_kind(path, run, config)
    arrays = _training_arrays(run.folder, learner, config)
    _check_learned(path, arrays, config)
    _check_goals(path, run, dict(zip(found.parts, found.part_sizes)), config)
    return Start(path, run, arrays, learner, trainings(path))


def write_start(run: Path, start: Start) -> None:
    """Copies the policy to start from into the new run, with what its training has beside the policy.

    The config.yaml of the new run then names the source.
    """
    with whole_folder(run / START) as folder:
        for name in POLICY_FILES:
            shutil.copyfile(start.run.folder / name, folder / name)
        write_arrays(folder / ARRAYS, start.arrays)
    source = {"path": str(start.path.resolve()), "env_id": start.run.env_id, "digest": digest(start.path)}
    parts = {"kept": start.kept, "fresh": start.fresh}
    add_to_record(run, {RECORD: source | parts | {EARLIER: start.earlier}})


def describe_start(run: Path) -> str:
    """Returns a sentence about what a run started from, as its config.yaml records it."""
    source = read_record(run)[RECORD]
    return f"It starts from the {_listed(source['kept'])} of {source['path']}; fresh: {', '.join(source['fresh'])}."


def apply_start(run: Path, model: BaseAlgorithm, config: TrainConfig) -> None:
    """Copies the weights and numbers that `write_start` saved in the run into an untrained model and its VecNormalize.

    Args:
        run: folder of the new run.
        model: the model of the new run.
        config: config of the new run, whose simulations give the statistics that the source lacks.

    Raises:
        ValueError: the copy cannot be read.
    """
    source, arrays = load_run(run / START), read_arrays(run / START / ARRAYS)
    normalizer, saved = model.get_env(), source.normalizer
    with reading(run / START):
        if learner_of(model).saves_critic:
            model.policy.load_state_dict(source.policy.state_dict())
            set_statistics(normalizer, saved.mean, saved.var, saved.count)
        for name in REWARDS if "mean" in arrays else ():
            setattr(normalizer.ret_rms, name, arrays[name][()])
        for name in (number.variable for number in learner_of(model).learned):
            if name in arrays and getattr(model, name, None) is not None:
                getattr(model, name).data[...] = torch.from_numpy(arrays[name])
    if not learner_of(model).saves_critic:
        start_actor(model, source, arrays, config)


def _training_arrays(folder, learner, config):
    """Returns what a policy lacks by name, from its checkpoint; empty without one.

    These are reward statistics, learned numbers, and the critic with its statistics if no policy contains one.
    """
    wanted = (folder / ARCHITECTURE).read_bytes()  # contains the hashes of weights and statistics
    for checkpoint in (folder, *resumable(folder), *resumable(folder.parent)):
        if (checkpoint / NUMBERS).is_file() and (checkpoint / ARCHITECTURE).read_bytes() == wanted:
            everything = read_training(checkpoint)
            with reading(checkpoint / NUMBERS):
                arrays = {name: everything["statistics"][-1][name] for name in REWARDS}
                names = {number.variable for number in learner.learned} & everything["variables"].keys()
                arrays |= {name: everything["variables"][name].numpy() for name in names}
                return arrays | ({} if learner.saves_critic else critic_arrays(everything, config))
    return {}


def _wanted(config):
    """Returns the architecture of the policy that `config` trains."""
    numbers, kind = config.learner, LEARNERS[config.algo].policy
    with closing(BatchVecEnv(config.make_evaluation_env(1, 0))) as env:
        layers = [*numbers.net_arch]
        return architecture(kind.build(env.observation_space, env.action_space, layers, numbers.activation))


def _check_shapes(path: Path, found: Architecture, wanted: Architecture) -> None:
    if found.policy != wanted.policy:
        kinds = {row.policy.name: name for name, row in reversed(LEARNERS.items())}  # the first learner of each kind
        raise ValueError(
            f"cannot start from {path}: {kinds[found.policy]} trained it, and this training uses {kinds[wanted.policy]}; "
            f"give --algo {kinds[found.policy]}"
        )
    for name, words in SHAPES.items():
        if getattr(found, name) != getattr(wanted, name):
            raise ValueError(
                f"cannot start from {path}: {words} {getattr(found, name)}, in this training {getattr(wanted, name)}"
            )


def _check_numbers(path: Path, run: Run, config: TrainConfig) -> None:
    """Raises ValueError if the learner's options ask for another network or normaliser; names the options to give."""
    source, numbers = architecture(run.policy), config.learner
    if source.actor != source.critic and LEARNERS[config.algo].saves_critic:
        raise ValueError(
            f"cannot start from {path}: its actor has the layers {_text(source.actor)}, its critic "
            f"{_text(source.critic)}, and a training here has the same layers in both"
        )
    if run.normalizer.eps != EPSILON:
        raise ValueError(f"cannot start from {path}: its normaliser has epsilon {run.normalizer.eps}, not {EPSILON}")
    found = {"net_arch": source.actor, "activation": source.activation, "clip_obs": run.normalizer.clip}
    other = {name: value for name, value in found.items() if getattr(numbers, name) != value}
    if other:
        has = ", ".join(f"{name} {_text(value)}" for name, value in other.items())
        asked = ", ".join(f"{name} {_text(getattr(numbers, name))}" for name in other)
        option = LEARNERS[config.algo].option
        options = " ".join(f"{option}.{name.replace('_', '-')} {_text(value)}" for name, value in other.items())
        raise ValueError(f"cannot start from {path}: it has {has}, this training has {asked}; give {options}")
    squashed, asked = recorded_option(run.folder, "log_std_range"), getattr(numbers, "log_std_range", None)
    if [*(squashed or ())] != [*(asked or ())]:
        option = f"--robust-sac.log-std-range {_text(tuple(squashed)) if squashed else None}"
        raise ValueError(
            f"cannot start from {path}: its log_std_range is {squashed}, in this training {asked}; "
            f"give --algo robust_sac {option}"
        )
    std = LEARNERS[config.algo].std_field
    if std and getattr(numbers, std) != _usual(config, std):
        raise ValueError(f"{std} has no effect with start_from: the standard deviation of actions is that of {path}")


def _check_kind(path, run, config):
    """Raises ValueError if the learner cannot start from the policy, as symmetric networks from one that is not."""
    with closing(config.make_trial_env()) as env:
        _check_estimated(path, run, config, env)
        _check_networks(path, run, config.learner.shape(env))
        try:
            config.learner.check_start(run.act, env)
        except FieldError as error:
            raise ValueError(f"cannot start from {path}: {error.inside(config.algo)}") from error


def _check_learned(path, arrays, config):
    """Removes learned numbers that the config fixes; raises ValueError for an initial value that would have no effect."""
    row = LEARNERS[config.algo]
    for number in row.learned:
        asked = getattr(config.learner, number.option)
        if not asked.startswith("auto"):
            arrays.pop(number.variable, None)
        if number.variable in arrays and asked.startswith("auto_") and asked != _usual(config, number.option):
            option = f"{row.option}.{number.option.replace('_', '-')}"
            raise ValueError(
                f"the first value in {number.option} {asked} has no effect with start_from: the {number.words} comes from "
                f"{path}; give {option} auto"
            )


def _check_goals(path, run, sizes, config):
    """Raises ValueError if the training has hindsight, which normalises both goals alike, and the policy does not."""
    for values in (run.normalizer.mean, run.normalizer.var) if config.her else ():
        goals = split(values, sizes)
        if not np.array_equal(goals["achieved_goal"], goals["desired_goal"]):
            apart = "it normalises achieved_goal and desired_goal separately, and --her normalises both alike"
            raise ValueError(f"cannot start from {path}: {apart}; start from a run with --her, or leave out --her")


def _check_networks(path, run, wanted):
    """Raises ValueError if the policy reads the observation through other networks than `wanted`; names a difference."""
    found = architecture(run.policy).shape
    for name in (entry.name for entry in fields(found) if found != wanted):
        has, asked = getattr(found, name), getattr(wanted, name)
        if has != asked and name != "detached":
            raise ValueError(f"cannot start from {path}: {name} of its networks is {has}, in this training {asked}")


def _check_estimated(path, run, config, env):
    """Raises ValueError if the estimator of the policy has learned other rows than it shall estimate now."""
    if not architecture(run.policy).shape.estimated:
        return
    trained, usual = read_run_config(run.folder).get(config.algo, {}), tuple(env.estimated_rows)
    found, asked = tuple(trained.get("estimated", ())) or usual, config.learner.estimated or usual
    if found != asked:
        raise ValueError(f"cannot start from {path}: it estimates {' '.join(found)}, this training {' '.join(asked)}")


def _usual(config, name):
    """Returns the value that a field of the learner's config has in the preset."""
    numbers = with_variants(config.task.preset(config.preset, config.env_id)).get(config.algo, {})
    return numbers.get(name, getattr(type(config.learner)(), name))


def _text(value):
    return " ".join(map(str, value)) if isinstance(value, tuple) else f"{value}"


def _listed(words):
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
