"""Wrappers that make any environment harder in one way each, single or vector; `envs.challenges` knows their order."""

from envs.wrappers.delay import Delay
from envs.wrappers.dimensionality import Dimensionality
from envs.wrappers.flat_observation import FlatObservation
from envs.wrappers.multi_objective import OBJECTIVES, MultiObjective, Objective, SafetyObjective
from envs.wrappers.noise import Noise
from envs.wrappers.perturbation import Perturbation
from envs.wrappers.safety import Safety
from envs.wrappers.wrapper import ChallengeWrapper

__all__ = [
    "OBJECTIVES",
    "ChallengeWrapper",
    "Delay",
    "Dimensionality",
    "FlatObservation",
    "MultiObjective",
    "Noise",
    "Objective",
    "Perturbation",
    "Safety",
    "SafetyObjective",
]
