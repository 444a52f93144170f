"""The base of all wrappers of this package: hooks for n simulations at once, which the two faces in `faces` call."""

import functools
import inspect
from collections.abc import Iterator, Sequence
from typing import ClassVar

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import VectorEnv, VectorWrapper

from envs.arguments import checked_numbers
from envs.wrappers.faces import SingleFace, VectorFace
from envs.wrappers.layout import Layout, first_env, layout_of
from utils.mirror import Symmetry
from utils.observation import current_columns


class ChallengeWrapper:
    """Declares the hooks of a wrapper. Two faces turn them into a `gymnasium.Wrapper` and a `VectorWrapper`.

    A wrapper is three module-level classes: the hooks, and a face for each kind of environment:

        class Delay(ChallengeWrapper): ...              # overrides the hooks
        class SingleDelay(Delay, SingleFace): ...       # around a single environment
        class VectorDelay(Delay, VectorFace): ...       # around a vector environment

    `Delay(env)` builds the face that fits `env`; calling a face by its name does the same and refuses the other kind.
    Both are instances of `Delay`.

    In the hooks `ids` (k,) are simulations, and every array that belongs to them has k on its first axis; the only
    simulation of a single environment is 0. `info` is a complete info: numbers in a single environment, arrays (n, ...) in
    a vector. Vectors may start the next episode in the same step or in the next one.

    In a vector with same-step autoreset the info describes the step itself, also for episodes that have ended. The info of
    the new episodes is `info["reset_info"]`; `final_obs` and `final_info` describe the end, as in Gymnasium.

    Attributes:
        single_face, vector_face: the classes that `__new__` chooses from.
        layout: layout of the observations that this wrapper returns.
    """

    single_face: ClassVar[type | None] = None
    vector_face: ClassVar[type | None] = None
    env: gym.Env | VectorEnv
    num_envs: int

    def __new__(cls, env=None, *args, **kwargs):
        wrapper = super().__new__(cls if env is None else _face(cls, env))  # copy and pickle give no `env`
        if env is not None:  # `gymnasium.make(env.spec)` reads the constructor's arguments
            given = inspect.signature(cls.__init__).bind(wrapper, env, *args, **kwargs).arguments
            RecordConstructorArgs.__init__(wrapper, **dict(list(given.items())[2:]))
        return wrapper

    def __init__(self, env):
        super().__init__(env)
        self.layout = layout_of(env)

    @functools.cached_property
    def action_layout(self) -> Layout:
        """The layout of one simulation's action; raises ValueError if the action space is no Box."""
        return Layout(self.single_action_space if isinstance(self, VectorEnv) else self.action_space)

    @property
    def observation_groups(self) -> dict[str, slice]:
        """The parts of a flat observation that the "policy" and the "critic" may use, if the task declares them."""
        return dict(self.layout.groups or first_env(self.env).unwrapped.observation_groups)

    @property
    def observation_rows(self) -> dict[str, slice]:
        """The part of the observation vector that belongs to each named block."""
        return dict(self.layout.slices)

    @property
    def symmetry(self) -> Symmetry | None:
        """The left-right mirror images of observation and action; None if wrappers have added or removed entries."""
        return self._symmetry_inside(self.layout)

    @property
    def policy_frames(self) -> int:
        """The number of control steps that the policy's part of the observation consists of, whole frames, oldest first."""
        inner = _declaring(self.env)
        same = isinstance(inner, ChallengeWrapper) and inner.layout.size == self.layout.size
        return inner.policy_frames if same else 1

    @property
    def newest_columns(self) -> np.ndarray:
        """The column with the current value for every column, (k,) int; a column that repeats no past gives itself."""
        columns = np.arange(self.layout.size)
        while (again := _one_step_newer(columns, self.layout.past)) is not None:
            columns = again
        return columns

    @property
    def current_columns(self) -> np.ndarray:
        """The columns of the observation that repeat no value of an earlier step, (k,) int."""
        return current_columns(self.layout.size, self.layout.past)

    def _seed(self, seeds: Sequence[int | None], ids: np.ndarray) -> None:
        """Seeds the generators of simulations `ids`; None leaves a generator unchanged."""

    def _before_reset(self, ids: np.ndarray) -> None:
        """Runs before a reset that the caller asked for, but not before an automatic reset at the end of an episode."""

    def _start_episodes(self, ids: np.ndarray, info: dict) -> None:
        """Clears the state of simulations `ids`, where new episodes have started, with this info."""

    def _change_actions(self, actions: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Returns the actions that the wrapped environment receives."""
        return actions

    def _report(self, info: dict) -> None:
        """Adds entries to the info of a step or of a reset."""

    def _change_rewards(self, rewards: np.ndarray, info: dict, ids: np.ndarray) -> np.ndarray:
        """Returns the rewards (k,) that the caller receives."""
        return rewards

    def _change_observations(self, observations, ids: np.ndarray):
        """Returns the observations that the caller receives."""
        return observations

    def _checked(self, actions, ignored: np.ndarray | None = None):
        """Returns actions as an array; a wrapper that changes them checks them before it remembers any.

        Actions of simulations that are `ignored` (n,) become 0.

        Raises:
            ValueError: the wrapper changes actions of floating-point numbers, and they have another shape, or contain NaN.
        """
        actions, space = np.asarray(actions), self.action_space
        if not (self._changes_actions and isinstance(space, Box) and space.dtype.kind == "f"):
            return actions
        if ignored is not None and ignored.any() and actions.shape == space.shape:
            actions = np.where(ignored.reshape(-1, *[1] * (actions.ndim - 1)), 0, actions)
        return checked_numbers(actions, space.shape)

    @property
    def _changes_actions(self):
        return type(self)._change_actions is not ChallengeWrapper._change_actions

    def _add_term(self, info: dict, name: str, values: np.ndarray, ids: np.ndarray) -> None:
        """Adds a term (k,) to `info["reward_terms"]`, if the environment reports its terms."""
        if "reward_terms" in info:
            term = np.zeros(self.num_envs)
            term[ids] = values
            info["reward_terms"] = {**info["reward_terms"], name: self._info_value(term)}

    def _symmetry_inside(self, layout: Layout) -> Symmetry | None:
        """Returns the symmetry that the wrapped environment declares; None if observations of `layout` do not fit it."""
        symmetry = getattr(_declaring(self.env), "symmetry", None)
        fits = symmetry is not None and layout.size == len(symmetry.observation)
        return symmetry if fits and self.action_layout.size == len(symmetry.action) else None

    def _stream(self, number: int) -> tuple[int, ...]:
        """Returns a key that separates this wrapper's random numbers from those of others: `number`, and how many wrappers
        of the same class are inside."""
        return number, sum(_kind(wrapper) == _kind(self) for wrapper in wrappers_of(self.env))

    def _check_exact(self, exact: bool) -> bool:
        """Returns `exact`; raises ValueError for vectors, which the original suite does not have."""
        if exact and isinstance(self, VectorEnv):
            raise ValueError("exact wrappers need single environments: put those into a SyncVectorEnv")
        return exact


def wrappers_of(env) -> Iterator[gym.Wrapper | VectorWrapper]:
    """Yields all wrappers of an environment, the outermost one first; also those of a vector's first single environment."""
    while True:
        while isinstance(env, (gym.Wrapper, VectorWrapper)):
            yield env
            env = env.env
        if first_env(env) is env:
            return
        env = first_env(env)


def _kind(wrapper):
    """Returns the name of a wrapper's class without that of its face."""
    return type(wrapper).__name__.removeprefix("Vector").removeprefix("Single")


def _declaring(env):
    """Returns the nearest wrapper of this package inside of `env`, or the environment, the first of a vector's."""
    env = first_env(env)
    while isinstance(env, (gym.Wrapper, VectorWrapper)) and not isinstance(env, ChallengeWrapper):
        env = env.env
    return env


def _one_step_newer(columns, past):
    """Returns `columns` with every column that repeats the past of another one replaced by it; None if there is none."""
    newer = columns.copy()
    for block in past:
        if block.starts_current:
            newer[block.target] = columns[block.source]
    return newer if (newer != columns).any() else None


def _face(cls, env):
    """Returns the face of `cls` that fits `env`.

    Raises:
        TypeError: `cls` is the face for the other kind of environment, or has no face for this kind.
    """
    base = VectorFace if isinstance(env, VectorEnv) else SingleFace
    if issubclass(cls, base):
        return cls
    face = cls.vector_face if base is VectorFace else cls.single_face
    if face is not None and issubclass(face, cls):
        return face
    kind = "vector" if base is VectorFace else "single"
    bases = f"({cls.__name__}, {base.__name__})"
    raise TypeError(f"{cls.__name__} has no face for a {kind} environment: define a class with the bases {bases}")
