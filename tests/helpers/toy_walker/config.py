"""Config of ToyWalker-v0: parameters, reward weights, and what all walking robots share."""

from dataclasses import dataclass, field

from envs.locomotion.config import WalkerConfig
from envs.locomotion.randomisation import Parameter, RandomisationConfig, range_fields
from envs.locomotion.terrain import TerrainConfig
from utils.fields import Checked, span, within
from utils.perturbation import Perturbable
from utils.variation import Scale, scaled_mass

JOINTS = tuple(f"{leg}_{joint}" for leg in ("FL", "FR", "RL", "RR") for joint in ("tilt", "hip", "knee"))

PARAMETERS = {
    "mass": Parameter(
        scaled_mass("torso"), Perturbable(1.0, 0.5, 2.0, 0.1, 0.1, 10.0), (0.2, 5.0), "Scale of the torso's mass."
    ),
    "friction": Parameter(
        (Scale("geom_friction", columns=(0,)),),
        Perturbable(1.0, 0.3, 2.0, 0.1, 0.01, 10.0),
        (0.05, 5.0),
        "Scale of the sliding friction of all contacts.",
    ),
    "joint_damping": Parameter(
        (Scale("dof_damping", JOINTS, each=True),),
        Perturbable(1.0, 0.5, 2.0, 0.1, 0.0, 20.0),
        (0.1, 5.0),
        "Scale of the damping, drawn for each joint.",
    ),
    "latency": Parameter((), Perturbable(0.0, 0.0, 2.0, 0.5, 0.0, 3.0, whole=True)),
}


@dataclass(frozen=True)
class VariationConfig(RandomisationConfig, range_fields(PARAMETERS)):
    """Ranges (low, high) from which each episode draws what a robot is like."""


@dataclass(frozen=True)
class RewardWeights(Checked):
    """Weight of every reward term, by the term's name."""

    forward_velocity: float = within(1.0, -1e6, 1e6)
    """Weight of tracking the commanded forward speed, in [0, 1]."""
    lateral_stability: float = within(-0.5, -1e6, 1e6)
    """Weight of the sideways speed off the command, m/s."""
    orientation: float = within(-1.0, -1e6, 1e6)
    """Weight of the squared tilt, rad^2."""
    smoothness: float = within(-0.01, -1e6, 1e6)
    """Weight of the squared change of the action."""
    fall: float = within(-10.0, -1e6, 1e6)
    """Weight of a fall, counted once."""


@dataclass(frozen=True)
class ToyWalkerConfig(WalkerConfig):
    """The task. m, s, m/s, rad."""

    terrain: TerrainConfig = TerrainConfig(size=3.0, spacing=0.06, footprint=(0.48, 0.36))
    """The tiles of the world, for a robot of 0.5 m."""
    variation: VariationConfig = field(default_factory=VariationConfig)
    """How far robots differ from the nominal one."""
    command_yaw_rate: tuple[float, float] = span((-0.3, 0.3), -2.0, 2.0, "rad/s")
    """Range of the commanded yaw rate, rad/s."""
    weights: RewardWeights = field(default_factory=RewardWeights)
    """Weights of the reward terms."""
    control_dt: float = within(0.02, high=0.1, above=0.0, unit="s")
    """Duration of a control step, s."""
    min_height: float = within(0.15, 0.0, 0.3, unit="m")
    """Height of the body over the ground below which an episode ends, m."""
    action_scale: float = within(0.4, 0.0, 1.5, unit="rad")
    """Change of a servo's target for an action of 1, rad."""
