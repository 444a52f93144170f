"""Wrappers of single and vector environments, each with one purpose; `envs.challenges` applies them in their order.

Each is a class of hooks, such as `Delay`, with two faces: `SingleDelay`, a `gymnasium.Wrapper`, and `VectorDelay`, a
`gymnasium.vector.VectorWrapper`. `Delay(env)` builds the face that fits `env`.
"""

from envs.wrappers.delay import Delay, SingleDelay, VectorDelay
from envs.wrappers.dimensionality import Dimensionality, SingleDimensionality, VectorDimensionality
from envs.wrappers.flat_observation import FlatObservation, SingleFlatObservation, VectorFlatObservation
from envs.wrappers.history import History, SingleHistory, VectorHistory
from envs.wrappers.multi_objective import (
    OBJECTIVES,
    MultiObjective,
    Objective,
    SafetyObjective,
    SingleMultiObjective,
    VectorMultiObjective,
)
from envs.wrappers.noise import Noise, SingleNoise, VectorNoise
from envs.wrappers.perturbation import Perturbation, SinglePerturbation, VectorPerturbation
from envs.wrappers.safety import Safety, SingleSafety, VectorSafety
from envs.wrappers.wrapper import ChallengeWrapper

__all__ = [
    "OBJECTIVES",
    "ChallengeWrapper",
    "Delay",
    "Dimensionality",
    "FlatObservation",
    "History",
    "MultiObjective",
    "Noise",
    "Objective",
    "Perturbation",
    "Safety",
    "SafetyObjective",
    "SingleDelay",
    "SingleDimensionality",
    "SingleFlatObservation",
    "SingleHistory",
    "SingleMultiObjective",
    "SingleNoise",
    "SinglePerturbation",
    "SingleSafety",
    "VectorDelay",
    "VectorDimensionality",
    "VectorFlatObservation",
    "VectorHistory",
    "VectorMultiObjective",
    "VectorNoise",
    "VectorPerturbation",
    "VectorSafety",
]
