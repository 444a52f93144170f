"""The config of CubeInHand-v0, and the table of its observation."""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from utils.fields import Checked, FieldError, within
from utils.observation import ObservationTable, Row

_UNIT = "1"
_HEAVIEST = 1e6  # largest absolute weight
_FRAME = (
    Row("joint_pos", 16, -1.5, 1.5, _UNIT, "joint angles, -1 and 1 at the ends of a joint's range"),
    Row("cube_pos", 3, -1.0, 1.0, "m", "centre of the cube in the world"),
    Row("cube_quat", 4, -1.0, 1.0, _UNIT, "orientation of the cube in the world"),
    Row("target_pos", 3, -1.0, 1.0, "m", "position of the cube in the palm at the start: constant"),
    Row("target_quat", 4, -1.0, 1.0, _UNIT, "target orientation of the cube"),
    Row("difference", 4, -1.0, 1.0, _UNIT, "rotation from the target's orientation to the cube's, w >= 0 at a new target"),
    Row("joint_target", 12, -1.5, 1.5, _UNIT, "targets of the servos, scaled like the joint angles"),
)
OBSERVATION = ObservationTable(
    *(
        replace(row, name=f"earlier_{row.name}", meaning=f"`{row.name}` in the previous control step", past_of=row.name)
        for row in _FRAME
    ),
    *_FRAME,
)


@dataclass(frozen=True)
class CubeWeights(Checked):
    """Weight of every reward term, by the term's name. A cost carries its minus sign here.

    Dropping never pays. The worst case without a drop is -10 pi - 1000 * 0.001 = -32.4; a drop costs 40. Staying near a
    target earns nothing; reaching it earns 40 and a new target. The values come from short trainings: with 1, 20 and -5
    instead of 10, 40 and -40, PPO reached as many targets at first, but dropped the cube in a third of its episodes.
    """

    progress: float = within(10.0, -_HEAVIEST, _HEAVIEST)
    """Weight of the decrease of the angle to the target in a step, rad."""
    success: float = within(40.0, -_HEAVIEST, _HEAVIEST)
    """Weight of reaching a target."""
    drop: float = within(-40.0, -_HEAVIEST, _HEAVIEST)
    """Weight of dropping the cube, which counts once."""
    effort: float = within(-0.001, -_HEAVIEST, _HEAVIEST)
    """Weight of the mean squared action."""


@dataclass(frozen=True)
class CubeInHandConfig(Checked):
    """Config of the task. Units: m, s, rad.

    A curriculum sets `target_angle` below pi, which scales the angle of every target in that proportion. The reward "dense"
    is that of torobo_mujoco; with it, dropping the cube pays, and so does staying near a target without reaching it.
    """

    reward: Literal["progress", "dense"] = "progress"
    """Reward: "progress" for the sum of the weighted terms, "dense" for the negative rotation distance."""
    weights: CubeWeights = field(default_factory=CubeWeights)
    """Weights of the reward terms."""
    action_scale: float = within(0.15, high=np.pi, above=0.0, unit="rad")
    """Change of a servo's target in a control step for an action of 1, rad."""
    soft_limits: float = within(0.9, high=1.0, above=0.0)
    """Fraction of a joint's range, around its middle, that limits the servo's target."""
    success_angle: float = 0.3
    """Angle to the target below which it counts as reached, rad."""
    target_angle: float = np.pi
    """Largest angle of a new target, rad; pi for uniform on SO(3)."""
    drop_height: float = within(0.3, -10.0, 10.0, unit="m")
    """Height below which the cube counts as dropped, m."""
    reach: float = within(0.3, high=10.0, above=0.0, unit="m")
    """Distance from the origin along x or y beyond which the cube counts as dropped, m."""
    control_dt: float = within(0.04, high=1.0, above=0.0, unit="s")
    """Duration of a control step, s."""

    def __post_init__(self):
        super().__post_init__()
        if not 0.0 < self.success_angle < self.target_angle <= np.pi:
            angles = (self.success_angle, self.target_angle)
            raise FieldError("success_angle", f"and target_angle must rise and lie above 0 and up to pi, got {angles} rad")
