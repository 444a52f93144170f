"""What a caller may change about ResidualWalk-v0: its frozen config, with every default."""

from dataclasses import dataclass, field

import numpy as np

from controllers.bezier_gait import GaitParameters
from envs.walk_variation import VariationConfig
from utils.terrain import TerrainConfig, check_level


@dataclass(frozen=True)
class RewardWeights:
    """Weight of every reward term, by the term's name. A cost carries its minus sign here.

    The first eight are the plan's. `heading` is added: without it policies learn to walk askew, which costs little in any
    second and leads them off their tile within 10 m. So is `fall`, once, at the end, 0 unless asked for: without it a
    fall costs only the rewards of about the next 1 / (1 - discount) steps, little beside what tracking the speed earns.
    """

    forward_velocity: float = 1.5
    lateral_stability: float = -1.0
    height: float = -2.0
    orientation: float = -1.5
    energy: float = -0.02
    smoothness: float = -0.02
    contact_pattern: float = 0.1
    joint_limits: float = -1.0
    heading: float = 0.5
    fall: float = 0.0


@dataclass(frozen=True)
class ResidualWalkConfig:
    """What a caller may change about the task. m, s, m/s, rad.

    `command_vx`, `command_vy` and `command_yaw_rate` are the ranges an episode's command is drawn from, in the frame of
    the commanded heading. `terrain_scale` is the highest terrain level that a reset draws. `variation` says how far
    robots differ from the nominal one. The reward for speed falls to 0.37 at an error of `velocity_width` m/s plus
    `relative_velocity_width` times the commanded speed.
    """

    terrain: TerrainConfig = field(default_factory=TerrainConfig)
    terrain_scale: float = 1.0
    gait: GaitParameters = field(default_factory=GaitParameters)
    weights: RewardWeights = field(default_factory=RewardWeights)
    variation: VariationConfig = field(default_factory=VariationConfig)
    command_vx: tuple[float, float] = (0.2, 0.5)
    command_vy: tuple[float, float] = (0.0, 0.0)
    command_yaw_rate: tuple[float, float] = (0.0, 0.0)
    residual_scale: float = 0.02
    control_dt: float = 0.01
    velocity_width: float = 0.15
    relative_velocity_width: float = 0.0
    heading_width: float = 0.2
    min_height: float = 0.03
    max_tilt: float = np.pi / 3

    def __post_init__(self):
        check_level(self.terrain_scale)
        for name in ("command_vx", "command_vy", "command_yaw_rate"):
            low, high = getattr(self, name)
            if not (np.isfinite([low, high]).all() and low <= high):
                raise ValueError(f"{name} must be a finite range (low, high) with low <= high, got {(low, high)}")
        if not (self.velocity_width > 0.0 and self.relative_velocity_width >= 0.0):
            widths = (self.velocity_width, self.relative_velocity_width)
            raise ValueError(f"velocity_width must be above 0 and relative_velocity_width at least 0, got {widths}")
        if not 0.0 <= self.residual_scale <= 0.1:
            raise ValueError(f"residual_scale must lie in 0 to 0.1 m, got {self.residual_scale} m")
