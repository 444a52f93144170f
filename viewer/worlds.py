"""The environment on the screen: which config, terrain and challenge it is built from, and what of it a user can change."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import load_env_creator
from gymnasium.vector import VectorEnv

from algorithms.vec_env import make_vector
from envs import challenges
from envs.locomotion.config import LeggedConfig, WalkerConfig
from envs.locomotion.terrain import KINDS, check_kind
from envs.wrappers.perturbed import made_perturbable
from evaluation.steering import constant
from utils.config import as_plain, resolved
from utils.env_ids import qualified, registered
from utils.fields import Checked, checked, is_name, within
from utils.observation import Row
from utils.perturbation import Perturbable
from utils.vector_access import call, owners

# A tile on which a robot can be steered in every direction, for obstacles of size 1: robots start 2.5 m from its rear end.
STEERED_TILE = {"length": 10.0, "width": 6.0}
STEERED_START = {"start_distance": 2.5, "start_length": 0.4}
CHALLENGES = ("", "easy", "medium", "hard")
WEIGHTS = ("weights", "stand_weights")  # of reward terms: no policy depends on them


@dataclass(frozen=True)
class Tile(Checked):
    """The ground: terrain kind, level and seed. Only tasks with terrain use it."""

    kind: str = checked("rough", lambda kind: is_name(kind, KINDS), f"be one of {', '.join(KINDS)}")
    level: float = within(0.5, 0.0, 1.0)
    seed: int = within(0, 0)


def legged_config(env_id: str, arguments: Mapping) -> LeggedConfig | None:
    """Returns the config that the arguments of a task with terrain give; None for other environments.

    Raises:
        ValueError: an argument is wrong.
    """
    kind = _config_class(env_id)
    if kind is None or not issubclass(kind, LeggedConfig):
        return None
    names = {field.name for field in fields(kind)}
    changes = {name: value for name, value in arguments.items() if name in names}
    return resolved(kind(), arguments.get("config"), changes)


@dataclass(frozen=True)
class World:
    """How the environment is built.

    Attributes:
        env_id: id of the environment.
        arguments: its arguments, as in a run or from the command line.
        challenge: name of a combined challenge around it, or "".
        tile: the ground, for a task with terrain.
    """

    env_id: str
    arguments: Mapping
    challenge: str
    tile: Tile

    @property
    def config(self) -> LeggedConfig | None:
        """The config of a task with terrain, on this ground and with the nominal robot; None for other environments.

        Raises:
            ValueError: an argument is wrong.
        """
        config = legged_config(self.env_id, self.arguments)
        return config and replace(self._on_tile(constant(config)), variation=type(config.variation)())

    @property
    def has_terrain(self) -> bool:
        """Whether the environment uses the tile."""
        kind = _config_class(self.env_id)
        return kind is not None and issubclass(kind, LeggedConfig)

    def differences(self, other: "World") -> list[str]:
        """Returns the names of arguments that differ between two worlds on the same ground; weights do not count."""
        own, others = self._plain, other._plain
        return [name for name in own | others if (name in own, own.get(name)) != (name in others, others.get(name))]

    def make(self, num_envs: int, **more) -> VectorEnv:
        """Returns the simulations.

        Raises:
            ValueError: an argument of the environment is wrong.
        """
        arguments, config = dict(self.arguments), self.config
        if config is not None:
            taken = {"config", *(field.name for field in fields(config))}
            arguments = {name: value for name, value in arguments.items() if name not in taken} | {"config": config}
        try:
            env = make_vector(qualified(self.env_id), num_envs, 1, **arguments, **more)
        except (TypeError, gym.error.Error) as error:
            raise ValueError(f"{self.env_id} cannot be made: {str(error).splitlines()[0]}") from error
        return challenges.apply(env, combined_challenge=self.challenge) if self.challenge else env

    @property
    def _plain(self):
        """The arguments by name as plain data, those of the config among them."""
        config = as_plain(self.config) if self.config is not None else {}
        taken = (*config, "config") if config else ()
        others = {name: as_plain(value) for name, value in self.arguments.items() if name not in taken}
        return {name: value for name, value in (config | others).items() if name not in WEIGHTS}

    def _on_tile(self, config):
        tile, terrain = self.tile, config.terrain
        check_kind(tile.kind)
        changes = {"kinds": (tile.kind,), "levels": (tile.level,), "seed": tile.seed}
        if isinstance(config, WalkerConfig):
            changes |= {name: side * terrain.size for name, side in STEERED_TILE.items()} | STEERED_START
        return replace(config, terrain=replace(terrain, **changes), terrain_scale=1.0)


class Knobs:
    """What a user can change in a vector environment: its command, and the parameters of its physics.

    Attributes:
        rows: the command's rows; empty if there is no command.
        perturbations: parameters of the physics by name; empty if there are none.
        can_release: whether the environment can draw the command again.
    """

    def __init__(self, env: VectorEnv):
        self._env = env
        self.rows: tuple[Row, ...] = found(env, "command_rows", ())
        self.can_release = found(env, "release_command") is not None
        try:
            _, self._target = made_perturbable(env)
        except ValueError:
            self._target = None
        self.perturbations: Mapping[str, Perturbable] = getattr(self._target, "perturbations", {})

    def steer(self, values: Mapping[str, float]) -> None:
        """Gives all robots a command; raises ValueError as `Task.steer` does."""
        if not self.rows:
            raise ValueError("this environment has no command")
        self._call("steer", values)

    def release(self) -> None:
        """Gives all robots drawn commands again; raises ValueError if the environment cannot."""
        if not self.can_release:
            raise ValueError("the command of this environment cannot be released")
        self._call("release_command")

    def perturb(self, values: Mapping[str, float]) -> None:
        """Sets parameters of all simulations from the next reset on; raises ValueError for an unknown name or value."""
        if self._target is None:
            raise ValueError("this environment has no parameters to change")
        for name in values.keys() - self.perturbations.keys():
            raise ValueError(f"{name!r} cannot be perturbed here. There are {', '.join(self.perturbations)}")
        n = self._env.num_envs
        self._target.perturb({name: np.full(n, value) for name, value in values.items()}, np.arange(n))

    def _call(self, name, *arguments):
        call(owners(self._env, name), name, range(self._env.num_envs), arguments, {})


def found(env: VectorEnv, name: str, default=None):
    """Returns an attribute of a vector environment, its wrappers or its first single environment; or `default`."""
    try:
        return getattr(owners(env, name)[0], name)
    except AttributeError:
        return default


def _config_class(env_id):
    """Returns the class of a task's config, or None for an environment without one."""
    creator = registered(env_id).vector_entry_point
    creator = load_env_creator(creator) if isinstance(creator, str) else creator
    kind = getattr(getattr(creator, "task_class", None), "config_class", None)
    return kind if is_dataclass(kind) else None
