"""What a caller may change about ResidualWalk-v0: its frozen config, with every default."""

from dataclasses import dataclass, field

import numpy as np

from controllers.bezier_gait import GaitParameters
from controllers.bezier_gait_residual import LARGEST_RESIDUAL
from envs.walk_variation import VariationConfig
from utils.fields import Checked, FieldError, span, within
from utils.terrain import TerrainConfig

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
    lateral_stability: float = within(-1.0, -_HEAVIEST, _HEAVIEST)
    height: float = within(-2.0, -_HEAVIEST, _HEAVIEST)
    orientation: float = within(-1.5, -_HEAVIEST, _HEAVIEST)
    energy: float = within(-0.02, -_HEAVIEST, _HEAVIEST)
    smoothness: float = within(-0.02, -_HEAVIEST, _HEAVIEST)
    contact_pattern: float = within(0.1, -_HEAVIEST, _HEAVIEST)
    joint_limits: float = within(-1.0, -_HEAVIEST, _HEAVIEST)
    heading: float = within(0.5, -_HEAVIEST, _HEAVIEST)
    fall: float = within(0.0, -_HEAVIEST, _HEAVIEST)


@dataclass(frozen=True)
class ResidualWalkConfig(Checked):
    """What a caller may change about the task. m, s, m/s, rad.

    `command_vx`, `command_vy` and `command_yaw_rate` are the ranges an episode's command is drawn from, in the frame of
    the commanded heading. `terrain_scale` is the highest terrain level that a reset draws. `variation` says how far
    robots differ from the nominal one. The reward for speed falls to 0.37 at an error of `velocity_width` m/s plus
    `relative_velocity_width` times the commanded speed.
    """

    terrain: TerrainConfig = field(default_factory=TerrainConfig)
    terrain_scale: float = within(1.0, 0.0, 1.0, allowed="lie in [0, 1]")
    gait: GaitParameters = field(default_factory=GaitParameters)
    weights: RewardWeights = field(default_factory=RewardWeights)
    variation: VariationConfig = field(default_factory=VariationConfig)
    command_vx: tuple[float, float] = span((0.2, 0.5), -FASTEST, FASTEST, "m/s")
    command_vy: tuple[float, float] = span((0.0, 0.0), -FASTEST, FASTEST, "m/s")
    command_yaw_rate: tuple[float, float] = span((0.0, 0.0), -FASTEST, FASTEST, "rad/s")
    residual_scale: float = within(0.02, 0.0, LARGEST_RESIDUAL, unit="m")
    control_dt: float = within(0.01, high=0.1, above=0.0, unit="s")
    velocity_width: float = within(0.15, high=1e3, above=0.0, unit="m/s")
    relative_velocity_width: float = within(0.0, 0.0, 1e3)
    heading_width: float = within(0.2, high=1e3, above=0.0, unit="rad")
    min_height: float = within(0.03, 0.0, 0.1, unit="m")
    max_tilt: float = within(np.pi / 3, high=np.pi, above=0.0, unit="rad")

    def __post_init__(self):
        super().__post_init__()
        if not self.min_height < self.gait.body_height:
            heights = f"{self.min_height} and {self.gait.body_height} m"
            raise FieldError("min_height", f"must be below gait.body_height, got {heights}: every robot would fall at once")
