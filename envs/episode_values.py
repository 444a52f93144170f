"""Draws the values that a `perturb_spec` gives to the parameters of each episode, for n simulations."""

from collections.abc import Sequence

import numpy as np

from utils.perturbation import parameter_schedules, parse_perturbation
from utils.schedules import Schedule, find_scheduler

STREAM = 41


class EpisodeValues:
    """Perturbs the physics of n simulations by a `perturb_spec`: one schedule per parameter and simulation.

    A schedule counts the resets of its simulation; the first reset updates it. A reset with a seed restarts it.

    Args:
        target: the environment to perturb; it has `perturbations`, `default_perturbation` and `perturb(values, ids)`.
        spec: a `perturb_spec` in either form, or its dataclass.
        n: number of simulations.
        stream: distinguishes the random numbers from those of other `EpisodeValues` of the same simulations.
        random: a RandomState, or an object that draws like it, to draw from as the original suite does.

    Raises:
        ValueError: the spec is invalid.
    """

    transient = ("_target",)

    def __init__(self, target, spec, n: int, stream: Sequence[int] = (STREAM, 0), random=None):
        self._target, self._random, self._stream = target, random, tuple(stream)
        exact = random is not None
        self._parameters = parameter_schedules(
            parse_perturbation(spec), target.perturbations, target.default_perturbation, exact
        )
        self._schedules = [Schedule(find_scheduler(p.scheduler, exact), p.bounds, n) for p in self._parameters]
        self._generators = [np.random.default_rng() for _ in range(n)]
        self._resets, self._drawn = np.zeros(n, int), np.zeros(n, bool)
        self._values = {p.param: np.full(n, p.bounds.start) for p in self._parameters}
        if self._parameters:  # declared now, so that a state captured before the first reset can be restored
            target.perturb({name: np.zeros(0) for name in self._values}, np.zeros(0, int))

    @property
    def perturbed_names(self) -> tuple[str, ...]:
        """The parameters that are drawn for every episode."""
        return tuple(self._values)

    def start_over(self, seeds: Sequence[int | None], ids: np.ndarray) -> None:
        """Seeds simulations `ids` and restarts their schedules; a seed of None changes nothing in its simulation."""
        for i, seed in zip(ids, seeds):
            if seed is not None:
                self._generators[i] = np.random.default_rng([int(seed), *self._stream])
                self._resets[i], self._drawn[i] = 0, False
                for schedule in self._schedules:
                    schedule.restart(np.array([i]))

    def prepare(self, ids: np.ndarray) -> None:
        """Draws the values of the next episodes of simulations `ids`, unless they have been drawn already."""
        self.draw(ids[~self._drawn[ids]])

    def draw(self, ids: np.ndarray) -> None:
        """Draws the values of the next episodes of simulations `ids`, and passes them to `perturb` of the target."""
        for parameter, schedule in zip(self._parameters, self._schedules):
            due = ids[self._resets[ids] % parameter.period == 0]
            if len(due):
                schedule.advance(due, [self._generators[i] if self._random is None else self._random for i in due])
        self._resets[ids] += 1
        self._drawn[ids] = True
        if len(ids) and self._parameters:
            self._target.perturb({name: values[ids] for name, values in self._next_values()}, ids)

    def take_up(self, ids: np.ndarray) -> None:
        """Marks the values that were drawn last as those of the current episodes of simulations `ids`."""
        for name, values in self._next_values():
            self._values[name][ids] = values[ids]
        self._drawn[ids] = False

    def values(self) -> dict[str, np.ndarray]:
        """Returns the values (n,) of the current episodes by name."""
        return {name: values.copy() for name, values in self._values.items()}

    def _next_values(self):
        """Returns pairs of a parameter's name and its next values (n,), rounded for whole-number parameters."""
        rounded = (np.rint(s.value) if p.whole else s.value for p, s in zip(self._parameters, self._schedules))
        return zip(self._values, rounded)


class PerturbedEpisodes:
    """Base of environments with a task, single or vector, that accept a `perturb_spec`.

    Attributes:
        episode_values: draws the perturbed parameters of every episode; None without a spec.
    """

    episode_values: EpisodeValues | None = None

    @property
    def current_perturb(self) -> dict:
        """The values of the `perturb_spec` in the current episodes, by parameter name."""
        return {} if self.episode_values is None else self._shaped(self.episode_values.values())

    def _perturb_episodes(self, spec, n):
        self.episode_values = None if spec is None else EpisodeValues(self, spec, n)

    def _start_episodes(self, ids, generators, options=None, seeds=None):
        """Draws perturbed parameters and starts episodes in simulations `ids`; returns all observations (n, k)."""
        if self.episode_values is None:
            return self.task.start(ids, generators, options)
        if seeds is not None:
            self.episode_values.start_over(seeds, ids)
        self.episode_values.prepare(ids)
        observation = self.task.start(ids, generators, options)
        self.episode_values.take_up(ids)
        return observation

    def _measured(self):
        """Returns an info: the task's measurements, and the perturbed values if there is a spec."""
        perturbed = {} if self.episode_values is None else {"perturb_spec": self.current_perturb}
        return self._shaped(self.task.measurements()) | perturbed

    def _shaped(self, arrays):
        """Returns arrays (n,) by name in the form of this environment's infos."""
        raise NotImplementedError
