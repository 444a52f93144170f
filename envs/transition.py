"""The result of a control step."""

from typing import NamedTuple

import numpy as np


class Transition(NamedTuple):
    """The result of one control step; the first axis is the simulation."""

    observation: np.ndarray  # (n, k) float32
    reward: np.ndarray  # (n,)
    reward_terms: dict[str, np.ndarray]  # (n,) each; they sum to the reward
    terminated: np.ndarray  # (n,) bool
    truncated: np.ndarray  # (n,) bool
