"""What a caller may change about ResidualWalk-v0: its frozen config, with every default."""

from dataclasses import dataclass, field

import numpy as np

from controllers.bezier_gait import GaitParameters
from controllers.bezier_gait_residual import LARGEST_RESIDUAL
from envs.locomotion.terrain import TerrainConfig
from envs.residual_walk.variation import VariationConfig
from utils.fields import Checked, FieldError, span, within

FASTEST = 2.0  # m/s and rad/s: what the observation of a command can show
_HEAVIEST = 1e6  # of a weight, either way


@dataclass(frozen=True)
class RewardWeights(Checked):
    """Weight of every reward term, by the term's name. A cost carries its minus sign here.

    The first eight are the plan's. `heading` is added: without it policies learn to walk askew, which costs little in any
    second and leads them off their tile within 10 m. So is `fall`, once, at the end, 0 unless asked for: without it a
    fall costs only the rewards of about the next 1 / (1 - discount) steps, little beside what tracking the speed earns.
    """

    forward_velocity: float = within(1.5, -_HEAVIEST, _HEAVIEST)
    """Of tracking the commanded forward speed, in [0, 1]."""
    lateral_stability: float = within(-1.0, -_HEAVIEST, _HEAVIEST)
    """Of the sideways speed off the command, m/s."""
    height: float = within(-2.0, -_HEAVIEST, _HEAVIEST)
    """Of the error of the body's height over the ground, m."""
    orientation: float = within(-1.5, -_HEAVIEST, _HEAVIEST)
    """Of the squared tilt, rad^2."""
    energy: float = within(-0.02, -_HEAVIEST, _HEAVIEST)
    """Of the length of the action."""
    smoothness: float = within(-0.02, -_HEAVIEST, _HEAVIEST)
    """Of the squared change of the action from step to step."""
    contact_pattern: float = within(0.1, -_HEAVIEST, _HEAVIEST)
    """Of standing legs on the ground (0.1 each) and swinging legs on it (-0.5 each)."""
    joint_limits: float = within(-1.0, -_HEAVIEST, _HEAVIEST)
    """Of the number of joints beyond their soft limits."""
    heading: float = within(0.5, -_HEAVIEST, _HEAVIEST)
    """Of keeping the commanded heading, in [0, 1]."""
    fall: float = within(0.0, -_HEAVIEST, _HEAVIEST)
    """Of a fall, once, at the end of the episode."""


@dataclass(frozen=True)
class ResidualWalkConfig(Checked):
    """What a caller may change about the task. m, s, m/s, rad."""

    terrain: TerrainConfig = field(default_factory=TerrainConfig)
    """The tiles of the world."""
    terrain_scale: float = within(1.0, 0.0, 1.0, allowed="lie in [0, 1]")
    """Hardest terrain level that a reset draws, 0 to 1."""
    gait: GaitParameters = field(default_factory=GaitParameters)
    """The trot that residuals are added to."""
    weights: RewardWeights = field(default_factory=RewardWeights)
    """Weights of the reward terms."""
    variation: VariationConfig = field(default_factory=VariationConfig)
    """How far robots differ from the nominal one."""
    command_vx: tuple[float, float] = span((0.2, 0.5), -FASTEST, FASTEST, "m/s")
    """Range of the commanded forward speed, m/s, along the commanded heading."""
    command_vy: tuple[float, float] = span((0.0, 0.0), -FASTEST, FASTEST, "m/s")
    """Range of the commanded speed to the left, m/s."""
    command_yaw_rate: tuple[float, float] = span((0.0, 0.0), -FASTEST, FASTEST, "rad/s")
    """Range of the commanded yaw rate, rad/s."""
    residual_scale: float = within(0.02, 0.0, LARGEST_RESIDUAL, unit="m")
    """How far an action of 1 moves a foot, m."""
    control_dt: float = within(0.01, high=0.1, above=0.0, unit="s")
    """Duration of a control step, s."""
    velocity_width: float = within(0.15, high=1e3, above=0.0, unit="m/s")
    """Error of the speed at which its reward falls to 0.37, m/s."""
    relative_velocity_width: float = within(0.0, 0.0, 1e3)
    """Added to velocity_width, as a share of the commanded speed."""
    heading_width: float = within(0.2, high=1e3, above=0.0, unit="rad")
    """Error of the heading at which its reward falls to 0.37, rad."""
    min_height: float = within(0.03, 0.0, 0.1, unit="m")
    """Height of the body over the ground below which an episode ends, m."""
    max_tilt: float = within(np.pi / 3, high=np.pi, above=0.0, unit="rad")
    """Roll or pitch beyond which an episode ends, rad."""

    def __post_init__(self):
        super().__post_init__()
        if not self.min_height < self.gait.body_height:
            heights = f"{self.min_height} and {self.gait.body_height} m"
            raise FieldError("min_height", f"must be below gait.body_height, got {heights}: every robot would fall at once")
