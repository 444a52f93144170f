"""Sweeps a physical parameter: plays policies at each of several values, on the same seeds; keeps every episode."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from gymnasium.vector import VectorEnv

from envs.wrappers.perturbation import perturbed_names
from envs.wrappers.perturbed import made_perturbable
from evaluation.held_out_seeds import ROBUSTNESS_TERRAIN
from evaluation.judges import Judge
from evaluation.kept_rows import KeptRows
from run_folder.runs import digest, load_run
from utils.config import nearest_name
from utils.perturbation import Perturbable
from utils.provenance import code_state, file_state, optional_versions, versions

NEAR = 1e-9  # relative tolerance for "equals nominal"
MakeEnv = Callable[[int, int], VectorEnv]


@dataclass(frozen=True)
class Axis:
    """A parameter and its values in increasing order, with the nominal value among them."""

    name: str
    nominal: float
    values: tuple[float, ...]


@dataclass(frozen=True)
class Point:
    """One value of every parameter of a sweep, and the records of the episodes there, or the error."""

    values: tuple[float, ...]
    episodes: list[dict]
    error: str | None = None

    @property
    def returns(self) -> list[float]:
        return [episode["return"] for episode in self.episodes]


@dataclass(frozen=True)
class Sweep:
    """Results of one policy along one axis, or over the grid of two."""

    model: str
    env_id: str
    axes: tuple[Axis, ...]
    points: list[Point]
    digest: str = ""
    """Digest of the policy; further training changes it."""

    @property
    def name(self) -> str:
        """The parameters' names, for files and titles."""
        return "_".join(axis.name for axis in self.axes)

    @property
    def whole(self) -> list[Point]:
        """The points that did not fail."""
        return [point for point in self.points if point.error is None]


def make_axis(
    known: Mapping[str, Perturbable], name: str, low: float | None = None, high: float | None = None, count: int = 20
) -> Axis:
    """Returns an axis of `count` values from `low` to `high` (default: the default range), plus the nominal value.

    The values of a whole-number parameter are rounded. Each value occurs once.

    Raises:
        ValueError: no parameter has that name (the message names the nearest), or the range is empty.
    """
    if name not in known:
        raise ValueError(f"nothing called {name!r} can be perturbed here{nearest_name(name, known)}")
    usual = known[name]
    low, high = usual.low if low is None else low, usual.high if high is None else high
    if not (np.isfinite([low, high]).all() and low <= high and count >= 1):
        raise ValueError(f"{name} must rise from --min to --max in one value or more, got {low} to {high} in {count}")
    usual.check(name, np.array([low, high]))
    values = np.linspace(low, high, count)
    values = np.unique(np.rint(values) if usual.whole else values)
    if np.abs(values - usual.nominal).min() > NEAR * max(high - low, abs(usual.nominal)):
        values = np.sort(np.append(values, usual.nominal))
    return Axis(name, usual.nominal, tuple(map(float, values)))


class EvaluatedPolicy:
    """A policy and its training environment, whose physics can be perturbed."""

    def __init__(self, path: Path, judge: Judge, make_env: MakeEnv, episodes: int, seed: int):
        """Loads the policy and makes one simulation per episode.

        Args:
            path: run folder, checkpoint or shipped policy.
            judge: plays the episodes.
            make_env: number of simulations, terrain seed -> nominal simulations to evaluate the policy on.
            episodes: number of episodes at every point.
            seed: seed of the first episode.

        Raises:
            ValueError: there is no policy, or the environment cannot be perturbed.
        """
        self.path, self.run, self.digest, self.judge = path, load_run(path), digest(path), judge
        self._env, self._target = made_perturbable(make_env(episodes, ROBUSTNESS_TERRAIN.at(seed)))
        self._episodes, self._seed = episodes, seed

    @property
    def perturbations(self) -> Mapping[str, Perturbable]:
        """Parameters by name, except parameters that a combined challenge draws in every episode."""
        drawn = perturbed_names(self._env)
        return {name: value for name, value in self._target.perturbations.items() if name not in drawn}

    @property
    def default_perturbation(self) -> str:
        return self._target.default_perturbation

    @property
    def env_file(self) -> str | None:
        """The source file of the environment's class; None for classes made at run time."""
        try:
            return inspect.getsourcefile(type(self._env.unwrapped))
        except TypeError:
            return None

    def episodes_at(self, values: Mapping[str, float]) -> list[dict]:
        """Returns a record of every episode with these values of parameters; other parameters are nominal."""
        n = self._env.num_envs
        try:
            self._perturb(values, n)
            return self.judge.evaluate(self._env, self.run.act, self._episodes, self._seed)
        finally:
            self._perturb({name: self.perturbations[name].nominal for name in values}, n)

    def close(self) -> None:
        """Closes the simulations."""
        self._env.close()

    def _perturb(self, values, n):
        self._target.perturb({name: np.full(n, value) for name, value in values.items()}, np.arange(n))


@contextmanager
def evaluated_policy(path: Path, judge: Judge, make_env: MakeEnv, episodes: int, seed: int) -> Iterator[EvaluatedPolicy]:
    """Yields a policy to evaluate, and closes its simulations afterwards."""
    policy = EvaluatedPolicy(path, judge, make_env, episodes, seed)
    try:
        yield policy
    finally:
        policy.close()


def sweep(policy: EvaluatedPolicy, axes: tuple[Axis, ...], rows: KeptRows, on_point: Callable[[Point], None]) -> Sweep:
    """Plays every point of one axis, or of the grid of two; takes points from `rows` if they are there.

    A point that fails keeps its error, and the sweep continues. `on_point` is called after each point.
    """
    names, points = [axis.name for axis in axes], []
    for values in product(*(axis.values for axis in axes)):
        points.append(_point(policy, dict(zip(names, values)), rows))
        on_point(points[-1])
    return Sweep(str(policy.path), policy.run.env_id, axes, points, policy.digest)


def conditions(policies: Iterable[EvaluatedPolicy]) -> str:
    """Returns the state of the code and the versions of packages, which influence every point."""
    known = versions() | optional_versions()
    foreign = {file_state(policy.env_file) for policy in policies} - {""}
    return "; ".join([code_state(), *(f"{name} {number}" for name, number in known.items()), *sorted(foreign)])


def _point(policy, values, rows):
    key = [policy.digest, *(part for pair in values.items() for part in pair)]
    try:
        episodes = rows.row(key, lambda: {"episodes": policy.episodes_at(values)})["episodes"]
    except (ValueError, RuntimeError, ArithmeticError) as error:
        return Point(tuple(values.values()), [], (str(error) or type(error).__name__).splitlines()[0])
    return Point(tuple(values.values()), episodes)
