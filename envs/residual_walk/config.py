"""Config of ResidualWalk-v0: reward weights, gait, and the fields of all walking robots."""

from dataclasses import dataclass, field

from controllers.bezier_gait import GaitParameters
from controllers.bezier_gait_residual import LARGEST_RESIDUAL
from envs.locomotion.config import WalkerConfig
from envs.residual_walk.variation import VariationConfig
from utils.fields import Checked, FieldError, within

_HEAVIEST = 1e6  # largest absolute weight


@dataclass(frozen=True)
class RewardWeights(Checked):
    """Weight of every reward term, by the term's name. A cost has a negative weight.

    The plan has the first eight terms; `heading` and `fall` are added. Without `heading`, policies learn to drift sideways:
    this costs little per second but leads them off their tile within 10 m. Without `fall`, a fall costs only the rewards of
    about the next 1 / (1 - discount) steps, which is little compared with the reward for tracking the speed.
    """

    forward_velocity: float = within(1.5, -_HEAVIEST, _HEAVIEST)
    """Weight of tracking the commanded forward speed, in [0, 1]."""
    lateral_stability: float = within(-1.0, -_HEAVIEST, _HEAVIEST)
    """Weight of the absolute error of the sideways speed, m/s."""
    height: float = within(-2.0, -_HEAVIEST, _HEAVIEST)
    """Weight of the absolute error of the body's height above the ground, m."""
    orientation: float = within(-1.5, -_HEAVIEST, _HEAVIEST)
    """Weight of the squared tilt, rad^2."""
    energy: float = within(-0.02, -_HEAVIEST, _HEAVIEST)
    """Weight of the norm of the action."""
    smoothness: float = within(-0.02, -_HEAVIEST, _HEAVIEST)
    """Weight of the squared change of the action since the last step."""
    contact_pattern: float = within(0.1, -_HEAVIEST, _HEAVIEST)
    """Weight of the contact score: 0.1 for each stance leg on the ground, -0.5 for each swinging leg on the ground."""
    joint_limits: float = within(-1.0, -_HEAVIEST, _HEAVIEST)
    """Weight of the number of joints beyond their soft limits."""
    heading: float = within(0.5, -_HEAVIEST, _HEAVIEST)
    """Weight of keeping the commanded heading, in [0, 1]."""
    fall: float = within(0.0, -_HEAVIEST, _HEAVIEST)
    """Weight of a fall, which counts once, at the end of the episode."""


@dataclass(frozen=True)
class ResidualWalkConfig(WalkerConfig):
    """Config of the task. Units: m, s, m/s, rad."""

    variation: VariationConfig = field(default_factory=VariationConfig)
    """Randomisation of the robots between episodes."""
    gait: GaitParameters = field(default_factory=GaitParameters)
    """Parameters of the trot to which residuals are added."""
    weights: RewardWeights = field(default_factory=RewardWeights)
    """Weights of the reward terms."""
    residual_scale: float = within(0.02, 0.0, LARGEST_RESIDUAL, unit="m")
    """Foot displacement for an action of 1, m."""
    velocity_width: float = within(0.15, high=1e3, above=0.0, unit="m/s")
    """Speed error at which the reward for tracking the speed falls to 0.37, m/s."""
    relative_velocity_width: float = within(0.0, 0.0, 1e3)
    """Addition to velocity_width, as a fraction of the commanded speed."""
    heading_width: float = within(0.2, high=1e3, above=0.0, unit="rad")
    """Heading error at which the reward for keeping the heading falls to 0.37, rad."""
    min_height: float = within(0.03, 0.0, 0.1, unit="m")
    """Height of the body over the ground below which an episode ends, m."""

    def __post_init__(self):
        super().__post_init__()
        if not self.min_height < self.gait.body_height:
            heights = f"{self.min_height} and {self.gait.body_height} m"
            raise FieldError("min_height", f"must be below gait.body_height, got {heights}: every robot would fall at once")
