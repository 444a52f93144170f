"""Config of RealAnt-v0: reward weights, targets, and the fields of all robots on legs."""

from dataclasses import dataclass, field

import numpy as np

from envs.locomotion.config import LeggedConfig
from envs.locomotion.terrain import TerrainConfig
from envs.realant.scene import JOINTS
from envs.realant.variation import VariationConfig
from utils.fields import Checked, FieldError, span, within

_HEAVIEST = 1e6  # largest absolute weight
FARTHEST = 20.0  # m, largest distance of a target
# Fields that the legacy reward replaces by the values of the code that the document describes.
LEGACY = {"speed_threshold": 0.5, "height_window": (0.15, 0.35)}


@dataclass(frozen=True)
class RewardWeights(Checked):
    """Weight of every reward term, by the term's name; the values of the document. A cost has a negative weight."""

    progress: float = within(100.0, -_HEAVIEST, _HEAVIEST)
    """Weight of the decrease of the distance to the current target, m."""
    speed_bonus: float = within(10.0, -_HEAVIEST, _HEAVIEST)
    """Weight of the speed towards the target, m/s, where it exceeds speed_threshold."""
    distance: float = within(-0.1, -_HEAVIEST, _HEAVIEST)
    """Weight of the distance to the target, m."""
    height: float = within(1.0, -_HEAVIEST, _HEAVIEST)
    """Weight of a height of the torso within height_window."""
    success: float = within(100.0, -_HEAVIEST, _HEAVIEST)
    """Weight of reaching the target."""
    control: float = within(-0.01, -_HEAVIEST, _HEAVIEST)
    """Weight of the squared norm of the action."""
    fall: float = within(-10.0, -_HEAVIEST, _HEAVIEST)
    """Weight of a fall, which counts once, at the end of the episode."""


@dataclass(frozen=True)
class RealAntConfig(LeggedConfig):
    """Config of the task. Units: m, s, m/s, rad.

    `legacy_reward` uses the document's speed threshold of 0.5 m/s, which a simple gait does not reach, and its height window
    of 0.15 to 0.35 m, which this robot hardly reaches: it stands 0.09 to 0.153 m high.
    """

    terrain: TerrainConfig = TerrainConfig(size=1.5, length=25.0, width=12.0, spacing=0.05, footprint=(0.3, 0.3))
    """Terrain tiles of the world, for a robot of 0.4 m."""
    variation: VariationConfig = field(default_factory=VariationConfig)
    """Randomisation of the robots between episodes, and joint failures."""
    weights: RewardWeights = field(default_factory=RewardWeights)
    """Weights of the reward terms."""
    target_distance: tuple[float, float] = span((5.0, 5.0), 0.1, FARTHEST, "m")
    """Range of a target's distance from the robot, m."""
    target_direction: tuple[float, float] = span((0.0, 0.0), -np.pi, np.pi, "rad")
    """Range of a target's direction from the robot's heading, rad; positive to the left."""
    target_radius: float = within(0.5, high=FARTHEST, above=0.0, unit="m")
    """Distance within which a target is reached, m."""
    speed_threshold: float = within(0.2, 0.0, 10.0, unit="m/s")
    """Speed towards the target above which the speed bonus is paid, m/s."""
    height_window: tuple[float, float] = span((0.09, 0.16), 0.0, 1.0, "m")
    """Heights of the torso above the ground that are rewarded, m."""
    legacy_reward: bool = False
    """Use the document's reward with its flaw: after a success, progress is measured from the distance to the old target."""
    start_spread: float = within(0.1, 0.0, 0.3, unit="rad")
    """Largest difference of a joint's start angle from the keyframe's, rad."""
    control_dt: float = within(0.05, high=0.1, above=0.0, unit="s")
    """Duration of a control step, s."""
    min_height: float = within(0.075, 0.0, 0.09, unit="m")
    """Height of the torso over the ground below which an episode ends, m."""
    min_up: float = within(0.3, -1.0, 0.99)
    """Vertical component of the torso's up-vector below which an episode ends; 1 for an upright torso."""

    def __post_init__(self):
        super().__post_init__()
        if not self.target_radius < self.target_distance[0]:
            words = f"must be below the smallest target_distance, {self.target_distance[0]} m, got {self.target_radius} m"
            raise FieldError("target_radius", words)
        for name in LEGACY if self.legacy_reward else ():
            if getattr(self, name) != getattr(type(self), name):
                raise FieldError(name, "has no effect with legacy_reward, which uses the document's value")
        if self.variation.joint_failures.joints[1] > len(JOINTS):
            words = f"must be at most {len(JOINTS)}, the number of joints, got {self.variation.joint_failures.joints}"
            raise FieldError("variation.joint_failures.joints", words)
