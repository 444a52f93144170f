"""A policy on disk: weights (safetensors), architecture (JSON), statistics of observations. Loading runs no code from it."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from gymnasium.spaces import Box
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.vec_env import VecNormalize

from algorithms.learners import kinds
from algorithms.policies import ACTIVATIONS, actor_alone
from algorithms.reader_shape import DEEPEST, WIDEST, ReaderShape
from run_folder.action_spaces import ActionSpace, described
from run_folder.observations import flat, parts, statistics
from utils.config import updated
from utils.files import read_arrays, read_json, reading, write_arrays, write_aside, write_json
from utils.run_file_names import ARCHITECTURE, NORMALIZER, POLICY_FILES, WEIGHTS

FORMAT = 1  # version of the files in a run folder
STATISTICS = ("mean", "var", "count", "clip", "eps")  # names in NORMALIZER


@dataclass(frozen=True)
class Normalizer:
    """Statistics of observations. Calling it normalises observations as VecNormalize does."""

    mean: np.ndarray  # (k,)
    var: np.ndarray  # (k,)
    count: float
    clip: float
    eps: float
    names: tuple[str, ...] = ()  # parts of a dictionary observation, in the order of mean and var

    def __call__(self, observation: np.ndarray | Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns (observation - mean) / sqrt(var + eps), clipped, (..., k) float32; a dictionary becomes one vector.

        Raises:
            ValueError: the observation has another number of values.
        """
        observation = flat(observation, self.names)
        if (given := np.shape(observation)[-1:]) != self.mean.shape:
            words = "it is of another environment than the policy"
            raise ValueError(f"the policy takes {len(self.mean)} values, but the observation has {sum(given)}: {words}")
        return np.clip((observation - self.mean) / np.sqrt(self.var + self.eps), -self.clip, self.clip).astype(np.float32)


@dataclass(frozen=True)
class Architecture:
    """A policy without its weights, as plain data. The hashes show whether its files were written together."""

    format: int = FORMAT
    policy: str = "ActorCriticPolicy"
    observation_size: int = 1
    action_low: tuple[float, ...] = (-1.0,)  # for a Box
    action_high: tuple[float, ...] = (1.0,)
    action_kind: str = "box"
    action_dtype: str = "float32"
    action_values: tuple[int, ...] = ()  # number of values of each discrete action
    actor: tuple[int, ...] = ()
    critic: tuple[int, ...] = ()
    activation: str = "elu"
    sha256: tuple[str, ...] = ("", "")  # hashes of WEIGHTS and NORMALIZER
    parts: tuple[str, ...] = ()  # names of a dictionary observation's parts, in the order of the vector
    part_sizes: tuple[int, ...] = ()
    shape: ReaderShape = ReaderShape()  # networks between a stacked observation and the actor's layers

    def __post_init__(self):
        if self.format > FORMAT:
            raise ValueError(
                f"it was written by a newer version of this package (format {self.format}, this reads {FORMAT})"
            )
        for name, known in (("policy", kinds()), ("activation", ACTIVATIONS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        for layers in (self.actor, self.critic, (self.observation_size,)):
            if len(layers) > DEEPEST or not all(1 <= width <= WIDEST for width in layers):
                raise ValueError(f"there must be at most {DEEPEST} layers of 1 to {WIDEST} units")
        if self.parts and (len(self.parts), self.observation_size) != (len(self.part_sizes), sum(self.part_sizes)):
            raise ValueError(f"the sizes of {', '.join(self.parts)} must sum to {self.observation_size}")
        if not self.shape.plain:
            self.shape.frame_size(self.observation_size)  # raises if the networks do not fit
        if len(self.sha256) != 2:
            raise ValueError(f"sha256 must have two hashes, of {WEIGHTS} and {NORMALIZER}, got {len(self.sha256)}")
        _ = self.action

    @property
    def action(self) -> ActionSpace:
        """The action space."""
        return ActionSpace(self.action_kind, self.action_low, self.action_high, self.action_dtype, self.action_values)


def write_policy(folder: Path, model: BaseAlgorithm, normalizer: VecNormalize) -> None:
    """Writes the policy and normaliser of `deployable`. policy.json is written last and marks the set as complete.

    Raises:
        ValueError: as `architecture` and `deployable` do.
    """
    policy, statistics = deployable(model, normalizer)
    built_from = architecture(policy)
    folder.mkdir(parents=True, exist_ok=True)
    numbers = {name: value for name, value in vars(statistics).items() if name in STATISTICS}
    tensors = {name: tensor.contiguous() for name, tensor in policy.state_dict().items()}
    write_aside(folder / WEIGHTS, lambda aside: aside.write_bytes(safetensors.torch.save(tensors)))
    write_arrays(folder / NORMALIZER, {name: np.asarray(value, float) for name, value in numbers.items()})
    content = asdict(replace(built_from, sha256=hashes(folder)))
    if built_from.shape.plain:
        del content["shape"]  # so that earlier versions can read the policy
    write_json(folder / ARCHITECTURE, content)


def deployable(model: BaseAlgorithm, normalizer: VecNormalize) -> tuple[BasePolicy, Normalizer]:
    """Returns the policy and the normaliser for play, evaluation and export, which need no privileged observations.

    Without privileged observations these are the model's policy and the normaliser. With privileged observations the policy
    must be an ActorCriticPolicy with an attribute `actor_slice`, the part of the observation that its actor reads, and the
    weights of its actor must have the names that ActorCriticPolicy gives them. The result is then an ActorCriticPolicy with
    the same actor, and a critic of 0.

    Raises:
        ValueError: the actor reads privileged observations.
    """
    unpickled = vars(normalizer).get("venv", normalizer) is None  # in this case VecNormalize.__getattr__ recurses infinitely
    groups = {} if unpickled else getattr(normalizer, "observation_groups", {})
    part, read = groups.get("policy"), getattr(model.policy, "actor_slice", None)
    if read is None and part == groups.get("critic"):
        return model.policy, normalizing(normalizer)
    if read != part:
        name = type(model.policy).__name__
        raise ValueError(f"the {name} reads privileged observations, which no robot has: leave out privileged=True")
    return actor_alone(model.policy, part), cut(normalizing(normalizer), part)


def cut(normalizer: Normalizer, part: slice) -> Normalizer:
    """Returns the normaliser of a part of the observation vector."""
    return replace(normalizer, mean=normalizer.mean[part], var=normalizer.var[part])


def architecture(policy: BasePolicy) -> Architecture:
    """Returns the architecture of a policy.

    Raises:
        ValueError: no learner trains such a policy, its activation is not in ACTIVATIONS, or it uses gSDE.
    """
    kind = next((kind for kind in kinds().values() if kind.matches(policy)), None)
    activations = [known for known, layer in ACTIVATIONS.items() if layer is getattr(policy, "activation_fn", None)]
    if kind is None or not activations or getattr(policy, "use_sde", False):
        words = f"{' and '.join(kinds())} with {', '.join(ACTIVATIONS)} and without gSDE"
        raise ValueError(f"only {words} can be written, got {_named(policy)}")
    sizes, (actor, critic) = parts(policy.observation_space), kind.layer_widths(policy)
    size, action = sum(sizes.values()) if sizes else policy.observation_space.shape[0], described(policy.action_space)
    space = {f"action_{name}": value for name, value in asdict(action).items()}
    space |= {"parts": tuple(sizes), "part_sizes": tuple(sizes.values()), "shape": getattr(policy, "shape", ReaderShape())}
    return Architecture(FORMAT, kind.name, size, actor=actor, critic=critic, activation=activations[0], **space)


def read_policy(folder: Path) -> tuple[BasePolicy, Normalizer]:
    """Returns the policy in `folder` and its normaliser.

    Raises:
        ValueError: a file is missing or damaged, has another architecture or numbers that are not finite, or the files were
            not written together.
    """
    for name in POLICY_FILES:
        if not (folder / name).is_file():
            raise ValueError(f"{folder} contains no {name}: give a run folder or a checkpoint")
    built_from = read_architecture(folder)
    for name, wanted, found in zip((WEIGHTS, NORMALIZER), built_from.sha256, hashes(folder)):
        if wanted != found:
            raise ValueError(f"{folder / name} is damaged, or was not written together with {ARCHITECTURE}")
    normalizer = _read_normalizer(folder / NORMALIZER, built_from.observation_size)
    return _with_weights(built_from, folder / WEIGHTS), replace(normalizer, names=built_from.parts)


def read_architecture(folder: Path) -> Architecture:
    """Returns the architecture of the policy in `folder`.

    Raises:
        ValueError: the file cannot be read.
    """
    content = read_json(folder / ARCHITECTURE)
    with reading(folder / ARCHITECTURE):
        return updated(Architecture(), content)


def build(built_from: Architecture) -> BasePolicy:
    """Returns an untrained policy of that architecture."""
    kind = kinds()[built_from.policy]
    observation = Box(-np.inf, np.inf, (built_from.observation_size,), np.float32)
    layers = {"pi": list(built_from.actor), kind.critic: list(built_from.critic)}
    policy = kind.build(observation, built_from.action.space, layers, built_from.activation, built_from.shape)
    policy.set_training_mode(False)
    return policy


def hashes(folder: Path) -> tuple[str, str]:
    """Returns the SHA-256 of a folder's weights and of its statistics."""
    return tuple(hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (WEIGHTS, NORMALIZER))


def normalizing(normalizer: VecNormalize) -> Normalizer:
    """Returns a frozen copy of the normaliser."""
    # Imports pass an object that has only the attributes used below.
    names = parts(normalizer.observation_space) if isinstance(normalizer, VecNormalize) else ()
    return Normalizer(*statistics(normalizer), normalizer.clip_obs, normalizer.epsilon, tuple(names))


def _named(policy):
    activation = getattr(getattr(policy, "activation_fn", None), "__name__", "no activation")
    return f"{type(policy).__name__} with {activation}" + " and gSDE" * bool(getattr(policy, "use_sde", False))


def _with_weights(built_from, path):
    with reading(path):
        tensors = safetensors.torch.load_file(path)
        if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
            raise ValueError("it contains numbers that are not finite")
        policy = build(built_from)
        wanted = {name: tuple(tensor.shape) for name, tensor in policy.state_dict().items()}
        found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        for name in sorted(wanted.keys() | found.keys()):
            if wanted.get(name) != found.get(name):
                raise ValueError(
                    f"{ARCHITECTURE} needs {name} of shape {wanted.get(name)}, the weights have {found.get(name)}"
                )
        policy.load_state_dict(tensors)
    return policy


def _read_normalizer(path, size):
    numbers = read_arrays(path)
    with reading(path):
        mean, var, count, clip, eps = (np.asarray(numbers[name], float) for name in STATISTICS)
        if not all(np.isfinite(values).all() for values in (mean, var, count, clip, eps)):
            raise ValueError("it contains numbers that are not finite")
        if (var < 0).any():
            raise ValueError("it contains a variance below 0")
        if mean.shape != (size,) or var.shape != (size,):
            raise ValueError(f"mean and variance must have {size} values, got the shapes {mean.shape}, {var.shape}")
        return Normalizer(mean, var, float(count), float(clip), float(eps))
