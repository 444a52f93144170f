"""Config that robots on legs share: terrain, commands, randomisation, control rate and termination."""

from dataclasses import dataclass, field

import numpy as np

from envs.locomotion.commands import CommandSegments
from envs.locomotion.randomisation import RandomisationConfig
from envs.locomotion.terrain import TerrainConfig
from utils.fields import Checked, span, within

FASTEST = 2.0  # m/s and rad/s: largest command


@dataclass(frozen=True)
class LeggedConfig(Checked):
    """Base of a robot's config; a robot's class redefines the fields that need another default. Units: m, s, rad."""

    terrain: TerrainConfig = field(default_factory=TerrainConfig)
    """Terrain tiles of the world."""
    terrain_scale: float = within(1.0, 0.0, 1.0, allowed="lie in [0, 1]")
    """Highest terrain level that a reset draws, 0 to 1."""
    variation: RandomisationConfig = field(default_factory=RandomisationConfig)
    """Randomisation of the robots between episodes."""
    control_dt: float = within(0.01, high=0.1, above=0.0, unit="s")
    """Duration of a control step, s."""
    min_height: float = within(0.03, 0.0, 2.0, unit="m")
    """Height of the body over the ground below which an episode ends, m."""


@dataclass(frozen=True)
class WalkerConfig(LeggedConfig):
    """Base of the config of a robot that follows a commanded velocity. Units: m, s, rad."""

    command_vx: tuple[float, float] = span((0.2, 0.5), -FASTEST, FASTEST, "m/s")
    """Range of the commanded forward speed, m/s, along the commanded heading."""
    command_vy: tuple[float, float] = span((0.0, 0.0), -FASTEST, FASTEST, "m/s")
    """Range of the commanded speed to the left, m/s."""
    command_yaw_rate: tuple[float, float] = span((0.0, 0.0), -FASTEST, FASTEST, "rad/s")
    """Range of the commanded yaw rate, rad/s."""
    command_segments: CommandSegments = field(default_factory=CommandSegments)
    """Whether, and how often, the command changes within an episode."""
    max_tilt: float = within(np.pi / 3, high=np.pi, above=0.0, unit="rad")
    """Roll or pitch beyond which an episode ends, rad."""
