"""Adds a second objective: mixed into the reward, added to the observation, or both."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
from gymnasium.spaces import Box

from envs.wrappers.faces import SingleFace, VectorFace
from envs.wrappers.specs import MultiObjectiveSpec
from envs.wrappers.wrapper import ChallengeWrapper
from utils.config import nearest_name
from utils.kernels import total


class Objective(ABC):
    """Base of objectives besides the reward; an objective consists of `number` figures."""

    number = 1

    @abstractmethod
    def get_objectives(self, info: Mapping) -> np.ndarray:
        """Returns the objectives of a step or reset with this info, (m,) for one simulation or (n, m) for n."""

    def merge_reward(self, info: Mapping, reward: np.ndarray, coeff: float) -> np.ndarray:
        """Returns (1 - coeff) * reward + coeff * mean of the objectives, for one simulation or (n,)."""
        return (1.0 - coeff) * reward + coeff * np.mean(self.get_objectives(info), axis=-1)


class SafetyObjective(Objective):
    """The share of satisfied constraints."""

    def get_objectives(self, info):
        if "constraints" not in info:
            raise ValueError('the objective "safety" needs constraints: enable safety_spec')
        satisfied = [values for name, values in info["constraints"].items() if not name.startswith("_")]
        return (np.sum(satisfied, axis=0) / len(satisfied))[..., None]


OBJECTIVES: dict[str, type[Objective]] = {"safety": SafetyObjective}


class MultiObjective(ChallengeWrapper):
    """Mixes an objective into the reward, adds the entry `multiobj` (task reward, objectives) to the observation, or both.

    `info["objectives"]` contains the objectives. The term `objective` of `info["reward_terms"]` is the change of the reward
    by mixing.

    Args:
        env: a single environment or a vector.
        objective: a name in OBJECTIVES, an object with the methods of `Objective`, or a function that makes one.
        reward: whether to mix the objective into the reward.
        coeff: weight of the objective, 0 to 1; the weight of the reward is 1 - coeff.
        observed: whether to add the entry to the observation.

    Raises:
        ValueError: the objective is of another kind.
    """

    def __init__(self, env, objective, reward: bool = False, coeff: float = 0.0, observed: bool = False):
        super().__init__(env)
        self._spec = MultiObjectiveSpec(True, objective, reward, coeff, observed)
        self._objective = find_objective(objective)
        number = getattr(self._objective, "number", 1)
        self._rewards, self._objectives = np.zeros((self.num_envs, 1)), np.zeros((self.num_envs, number))
        if observed:
            self._set_layout(self.layout.extended({"multiobj": Box(-np.inf, np.inf, (1 + number,), np.float64)}))

    def _start_episodes(self, ids, info):
        terms = (term for name, term in info.get("reward_terms", {}).items() if not name.startswith("_"))
        self._rewards[ids, 0] = np.broadcast_to(total(terms), self.num_envs)[ids]

    def _report(self, info):
        self._objectives[:] = self._objective.get_objectives(info)
        info["objectives"] = self._info_value(self._objectives)

    def _change_rewards(self, rewards, info, ids):
        self._rewards[ids, 0] = rewards
        if not self._spec.reward:
            return rewards
        whole = self._objective.merge_reward(info, self._info_value(self._rewards[:, 0]), self._spec.coeff)
        merged = np.reshape(whole, self.num_envs)[ids]
        self._add_term(info, "objective", merged - rewards, ids)
        return merged

    def _change_observations(self, observations, ids):
        if not self._spec.observed:
            return observations
        return self.layout.extend(observations, np.concatenate([self._rewards, self._objectives], axis=1)[ids])


class SingleMultiObjective(MultiObjective, SingleFace):
    """`MultiObjective` around a single environment."""


class VectorMultiObjective(MultiObjective, VectorFace):
    """`MultiObjective` around a vector environment."""


def find_objective(objective) -> Objective:
    """Returns the objective for a name, a class, a function that makes one, or an objective.

    Raises:
        ValueError: the name is unknown (the message names the nearest), or the argument is of another kind.
    """
    if isinstance(objective, str):
        if objective not in OBJECTIVES:
            raise ValueError(f"multiobj_spec.objective {objective!r} is unknown{nearest_name(objective, OBJECTIVES)}")
        return OBJECTIVES[objective]()
    if hasattr(objective, "get_objectives") and not isinstance(objective, type):
        return objective
    if callable(objective):
        return objective()
    raise ValueError(f"multiobj_spec.objective must be a name, an Objective or a function that makes one, got {objective!r}")
