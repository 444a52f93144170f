"""What robots that get up or stand share: fallen start poses, reward terms, and a test of whether a robot stands."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from envs.joints import Range
from envs.locomotion.ground import START_CLEARANCE
from envs.locomotion.rewards import smoothness
from envs.locomotion.streams import Generators
from utils.fields import Checked, within
from utils.kernels import bell

if TYPE_CHECKING:
    from envs.locomotion.legged import LeggedTask

POSE_WIDTH = 0.5  # rad
LEAST_TILT = np.pi / 3  # rad, of a fallen robot
# A robot stands if the vertical component of its up-vector, and its height as a share of that of the keyframe, are at least
# as large, and its speed (m/s) and angular speed (rad/s) at most as large.
UPRIGHT, HIGH, SLOW, STEADY = 0.9, 0.8, 0.3, 1.0
_HEAVIEST = 1e6  # largest absolute weight


@dataclass(frozen=True)
class StandWeights(Checked):
    """Weight of every reward term of getting up and standing, by the term's name."""

    upright: float = within(2.0, -_HEAVIEST, _HEAVIEST)
    """Weight of an upright body, in [0, 1]."""
    height: float = within(4.0, -_HEAVIEST, _HEAVIEST)
    """Weight of the body's height above the ground as a share of the keyframe's, in [0, 1]; 0 for a body on its back."""
    pose: float = within(4.0, -_HEAVIEST, _HEAVIEST)
    """Weight of joint angles near the keyframe's, in [0, 1]."""
    smoothness: float = within(-0.02, -_HEAVIEST, _HEAVIEST)
    """Weight of the squared change of the action."""


def stand_terms(task: "LeggedTask", home: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the unweighted reward terms of getting up and standing, (n,) each, by the names of `StandWeights`.

    `home` (nq,) is the standing pose, whose joint angles follow those of the free joint.
    """
    up, error = task.rotation[:, 2, 2], task.joint_pos - home[7:]
    upright = (1.0 + up) / 2
    return {
        "upright": upright,
        "height": np.clip(task.height / home[2], 0.0, 1.0) * np.maximum(up, 0.0),
        "pose": bell(np.sqrt(np.vecdot(error, error) / error.shape[1]), POSE_WIDTH) * upright,
        "smoothness": smoothness(task.action, task.previous_action),
    }


def stands(task: "LeggedTask", home: np.ndarray, velocity: np.ndarray) -> np.ndarray:
    """Returns which robots stand still and upright, (n,) bool; `velocity` (n, 3) is that of their bodies, m/s."""
    speed, turning = np.vecdot(velocity, velocity), np.vecdot(task.angvel, task.angvel)
    still = (speed < SLOW**2) & (turning < STEADY**2)
    return still & (task.rotation[:, 2, 2] > UPRIGHT) & (task.height > HIGH * home[2])


def draw_fallen(qpos: np.ndarray, joint_range: Range, generators: Generators) -> None:
    """Writes random fallen poses to `qpos` (k, nq), in place; the joints of `joint_range` follow the free joint in it.

    The body is tilted by LEAST_TILT or more in a random direction, evenly over the sphere of its up-vectors. Joints are
    anywhere in their ranges. Each of the `generators` (k) gives two numbers, and one for each joint.
    """
    middle, half = joint_range
    draws = np.array([generator.random(2 + len(middle)) for generator in generators])
    tilt = np.arccos(-1.0 + (1.0 + np.cos(LEAST_TILT)) * draws[:, 0])
    side, sine = 2 * np.pi * draws[:, 1], np.sin(tilt / 2)
    qpos[:, 3:7] = np.stack([np.cos(tilt / 2), sine * np.cos(side), sine * np.sin(side), np.zeros(len(side))], axis=1)
    qpos[:, 7:] = middle + half * (2 * draws[:, 2:] - 1)


def spread_joints(qpos: np.ndarray, width: float, lift: float, generators: Generators) -> None:
    """Changes joint angles, which follow the free joint in `qpos` (k, nq), by up to `width`, rad; lifts robots by `lift`, m.

    Each of the `generators` (k) gives one number for each joint.
    """
    draws = np.array([generator.random(qpos.shape[1] - 7) for generator in generators])
    qpos[:, 7:] += width * (2 * draws - 1)
    qpos[:, 2] += lift


def lay_down(task: "LeggedTask", ids: np.ndarray, geom_positions: np.ndarray) -> None:
    """Moves robots `ids` (k,) up or down, so that the lowest sphere around one of their geoms is close above flat ground.

    `geom_positions` (n, geoms, 3) is the live array `geom_xpos` of the batch, m.
    """
    parts = np.flatnonzero(task.sim.model.geom_bodyid)  # geoms of body 0 are the ground
    lowest = (geom_positions[ids][:, parts, 2] - task.sim.model.geom_rbound[parts]).min(axis=1)
    task.sim.bind("qpos")[ids, 2] += START_CLEARANCE - lowest
    task.sim.forward(ids)
