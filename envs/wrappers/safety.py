"""Reports which constraints of an environment are satisfied, and the cost of violations."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from gymnasium.spaces import MultiBinary

from envs.wrappers.faces import SingleFace, VectorFace
from envs.wrappers.wrapper import ChallengeWrapper
from utils.config import nearest_name

Constraint = Callable[[Mapping[str, np.ndarray]], np.ndarray]


class Safety(ChallengeWrapper):
    """Reports at every step and reset which constraints are satisfied.

    `info["constraints"]` contains a boolean per name ((n,) in a vector), True if satisfied; `info["cost"]` is the number of
    violated constraints among those in `cost`.

    Args:
        env: a single environment or a vector.
        constraints: name -> function of the safety variables. These are `info["safety_vars"]`, or the complete info if the
            environment has none: numbers and arrays (k,) for one simulation, (n,) and (n, k) for n. The function returns a
            boolean, or (n,), True if satisfied, so it must reduce only the last axis.
        observations: whether to add the entry `constraints` to the observation.
        cost: names of the constraints that count; None for all.
        exact: whether the entry is one array for all time steps, as in the original, so that stored observations change.

    Raises:
        ValueError: there are no constraints, or a name in `cost` is unknown.
    """

    def __init__(
        self, env, constraints: Mapping[str, Constraint], observations=True, cost: Iterable[str] | None = None, exact=False
    ):
        super().__init__(env)
        self._constraints = dict(constraints)
        self._counted = self._columns(self._constraints if cost is None else cost)
        self._observed, self._exact = observations, self._check_exact(exact)
        self._satisfied = np.ones((self.num_envs, len(self._constraints)), bool)
        if observations:
            self._set_layout(self.layout.extended({"constraints": MultiBinary(len(self._constraints))}))

    def _report(self, info):
        variables = info.get("safety_vars", info)
        satisfied = [np.reshape(constraint(variables), self.num_envs) for constraint in self._constraints.values()]
        self._satisfied[:] = np.stack(satisfied, axis=1)
        info["constraints"] = {name: self._info_value(column) for name, column in zip(self._constraints, self._satisfied.T)}
        info["cost"] = self._info_value((~self._satisfied[:, self._counted]).sum(axis=1).astype(float))

    def _change_observations(self, observations, ids):
        if not self._observed:
            return observations
        return self.layout.extend(observations, self._satisfied if self._exact else self._satisfied[ids])

    def _columns(self, names):
        if not self._constraints:
            raise ValueError("safety needs constraints, and this environment declares none: give some by name")
        known = list(self._constraints)
        for name in names:
            if name not in known:
                raise ValueError(f"safety_spec.cost names {name!r}, which is no constraint{nearest_name(name, known)}")
        return [known.index(name) for name in names]


class SingleSafety(Safety, SingleFace):
    """`Safety` around a single environment."""


class VectorSafety(Safety, VectorFace):
    """`Safety` around a vector environment."""
