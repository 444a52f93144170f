"""Reward of robots that run ahead, as in walk_in_the_park (Smith et al., 2022, arXiv:2208.07860)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from envs.locomotion import rewards
from utils.fields import Checked, within

if TYPE_CHECKING:
    from envs.locomotion.walker import WalkerTask

HEADING_WIDTH = 0.2  # rad
_HEAVIEST = 1e6  # largest absolute weight


@dataclass(frozen=True)
class RunWeights(Checked):
    """Weight of every reward term of running ahead, by the term's name; those other than 0 are walk_in_the_park's."""

    forward_velocity: float = within(10.0, -_HEAVIEST, _HEAVIEST)
    """Weight of a speed ahead between the commanded one and twice that, in [0, 1]; 0.5 at rest."""
    yaw_rate: float = within(-1.0, -_HEAVIEST, _HEAVIEST)
    """Weight of the error of the yaw rate, rad/s."""
    heading: float = within(0.0, -_HEAVIEST, _HEAVIEST)
    """Weight of keeping the commanded heading, in [0, 1]."""
    smoothness: float = within(0.0, -_HEAVIEST, _HEAVIEST)
    """Weight of the squared change of the action."""
    fall: float = within(0.0, -_HEAVIEST, _HEAVIEST)
    """Weight of a fall, which counts once, at the end of the episode."""


def run_terms(task: "WalkerTask", speed: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the unweighted reward terms of running ahead, (n,) each, by the names of `RunWeights`.

    `speed` (n,) is the velocity along the body's x axis, m/s; its horizontal part counts.
    """
    vx, _, yaw_rate = task.command.value.T
    return {
        "forward_velocity": rewards.run(np.cos(task.pitch) * speed, vx),
        "yaw_rate": rewards.yaw_rate(task.angvel[:, 2], yaw_rate),
        "heading": rewards.heading(task.heading_error, HEADING_WIDTH),
        "smoothness": rewards.smoothness(task.action, task.previous_action),
        "fall": rewards.fall(task.fallen),
    }
