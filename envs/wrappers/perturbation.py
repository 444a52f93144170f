"""Numbers of the physics that change from episode to episode."""

import numpy as np

from envs.wrappers.draws import reseed
from envs.wrappers.perturbed import made_perturbable
from envs.wrappers.wrapper import ChallengeWrapper
from utils.perturbation import courses, parse_perturbation
from utils.schedules import Schedule, find_scheduler

_STREAM = 41


class Perturbation(ChallengeWrapper):
    """Perturbs the physics as a spec says; `info["perturb_spec"]` holds the values of the episode by name.

    A schedule is followed by every simulation on its own, counted in its resets: the first one already updates it. A seeded
    reset starts it over.

    Args:
        env: a single environment or a vector, of the project's own, with `perturbations` and `perturb`, or with a MuJoCo
            model in `env.unwrapped.model`.
        spec: either form of a `perturb_spec`, or its dataclass.
        random: numpy's RandomState, or what draws like it, to do as the original does: it draws at the reset, its saw wave
            does not add up, and no seed starts a schedule over.

    Raises:
        ValueError: the spec is wrong, or nothing can be perturbed here.
    """

    transient = ("_target",)  # it is inside `env`, and remembered there

    def __init__(self, env, spec, random=None):
        env, self._target = made_perturbable(env)
        super().__init__(env)
        self._exact, self._random = self._check_exact(random is not None), random
        self._courses = courses(parse_perturbation(spec), self._target.perturbations, self._target.default_perturbation)
        n = self.num_envs
        self._schedules = [Schedule(find_scheduler(own.scheduler, self._exact), own.bounds, n) for own in self._courses]
        self._generators = [np.random.default_rng() for _ in range(n)]
        self._resets, self._drawn = np.zeros(n, int), np.zeros(n, bool)
        self._values = {own.param: np.full(n, own.bounds.start) for own in self._courses}
        self._target.perturb({name: np.zeros(0) for name in self._values}, np.zeros(0, int))  # known, and not yet used

    def _seed(self, seeds, ids):
        if self._exact:
            reseed(self._random, seeds[0])
            return
        for i, seed in zip(ids, seeds):
            if seed is not None:
                self._generators[i] = np.random.default_rng([int(seed), *self._stream(_STREAM)])
                self._resets[i], self._drawn[i] = 0, False
                for schedule in self._schedules:
                    schedule.restart(np.array([i]))

    def _prepare(self, ids):
        self._draw(ids[~self._drawn[ids]])

    def _begin(self, ids, info):
        for values, schedule in zip(self._values.values(), self._schedules):
            values[ids] = schedule.value[ids]
        # Now, as a vector begins the next episode by itself, within a step; the original draws when it resets.
        self._drawn[ids] = False
        if not self._exact:
            self._draw(ids)

    def _tell(self, info):
        info["perturb_spec"] = {name: self._shaped(values) for name, values in self._values.items()}

    def _draw(self, ids):
        """Draws the values of the next episodes of simulations `ids`, and hands them to the physics."""
        for own, schedule in zip(self._courses, self._schedules):
            due = ids[self._resets[ids] % own.period == 0]
            if len(due):
                schedule.advance(due, [self._random] if self._exact else [self._generators[i] for i in due])
        self._resets[ids] += 1
        self._drawn[ids] = True
        if len(ids):
            self._target.perturb({own.param: s.value[ids] for own, s in zip(self._courses, self._schedules)}, ids)
