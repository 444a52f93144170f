"""Config of Biped-v0: commands, gait clock, action scale, rewards, ends, and the fields of all walking robots."""

from dataclasses import dataclass, field

from envs.biped.variation import VariationConfig
from envs.biped.weights import RewardWeights
from envs.locomotion.commands import CommandSegments
from envs.locomotion.config import FASTEST, WalkerConfig
from envs.locomotion.terrain import TerrainConfig
from utils.fields import span, within

SIM_DT = 0.0025  # s, of the model file


@dataclass(frozen=True)
class BipedConfig(WalkerConfig):
    """Config of the task. Units: m, s, m/s, rad."""

    terrain: TerrainConfig = TerrainConfig(
        levels=(0.0, 0.05, 0.1, 0.15, 0.2),
        length=8.0,
        width=8.0,
        start_length=1.0,
        start_distance=3.5,
        spacing=0.04,
        footprint=(0.3, 0.4),
    )
    """Terrain tiles of the world; at level 0.2 rough ground has 9 mm and slopes have 5 degrees."""
    variation: VariationConfig = field(default_factory=VariationConfig)
    """Randomisation of the robots between episodes, lags, noise and pushes."""
    command_vx: tuple[float, float] = span((-0.4, 1.2), -FASTEST, FASTEST, "m/s")
    """Range of the commanded forward speed, m/s."""
    command_vy: tuple[float, float] = span((-0.4, 0.4), -FASTEST, FASTEST, "m/s")
    """Range of the commanded speed to the left, m/s."""
    command_yaw_rate: tuple[float, float] = span((-0.6, 0.6), -FASTEST, FASTEST, "rad/s")
    """Range of the commanded yaw rate, rad/s."""
    command_segments: CommandSegments = CommandSegments(duration=(3.0, 9.0), stand_share=0.25)
    """Whether, and how often, the command changes within an episode."""
    weights: RewardWeights = field(default_factory=RewardWeights)
    """Weights of the reward terms."""
    clip_reward: bool = True
    """Raise a negative sum of the reward terms to 0 with the further term `clip`, so that no episode pays to end early."""
    action_scale: float = within(2.0, high=5.0, above=0.0, unit="rad")
    """Change of a servo's target from the default pose for an action of 1, rad. On one leg the servo of the hip's roll, of
    40 N m/rad, must hold 50 N m: with 0.5 rad a robot can stand and hardly step."""
    gait_cycle: float = within(0.7, 0.2, 5.0, unit="s")
    """Duration of two steps in the gait clock, s."""
    start_spread: float = within(0.0, 0.0, 0.3, unit="rad")
    """Largest difference of a joint's start angle from the default pose, rad."""
    sim_dt: float = within(SIM_DT, high=0.005, above=0.0, unit="s")
    """Duration of a physics step, s; a control step must be a whole multiple."""
    observe_linvel: bool = False
    """Add the true velocity of the trunk to the observation. No robot measures it: it is a bound for estimators."""
    min_height: float = within(0.35, 0.0, 0.55, unit="m")
    """Height of the trunk's origin over the ground below which an episode ends, m; 0.61 for a standing robot."""
    longest_pause: float = within(0.0, 0.0, 1e4, unit="s")
    """Time without a step after which the episode of a robot that is commanded to walk ends, s; 0 for no limit. Without a
    limit, a training may end at robots that only stand."""
    max_tilt: float = within(1.5, high=3.2, above=0.0, unit="rad")
    """Roll or pitch beyond which an episode ends, rad."""
