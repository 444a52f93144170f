"""Config of A1-v0: its tasks, reward weights, and the fields of all robots that follow a velocity."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from envs.a1.variation import DEFAULT_VARIATION, DR_VARIATION, VariationConfig
from envs.locomotion.commands import CommandSegments
from envs.locomotion.config import FASTEST, WalkerConfig
from envs.locomotion.terrain import TerrainConfig
from utils.fields import Checked, FieldError, span, within

_HEAVIEST = 1e6  # largest absolute weight
OFFSET, WIDEST = (0.2, 0.4, 0.4), (np.pi, np.pi, np.pi)  # rad: hip, thigh, calf; WIDEST covers the joints' ranges


@dataclass(frozen=True)
class RunWeights(Checked):
    """Weight of every reward term of locomotion, by the term's name; those other than 0 are walk_in_the_park's."""

    forward_velocity: float = within(10.0, -_HEAVIEST, _HEAVIEST)
    """Weight of a speed ahead between the commanded one and twice that, in [0, 1]; 0.5 at rest."""
    yaw_rate: float = within(-1.0, -_HEAVIEST, _HEAVIEST)
    """Weight of the error of the yaw rate, rad/s."""
    heading: float = within(0.0, -_HEAVIEST, _HEAVIEST)
    """Weight of keeping the commanded heading, in [0, 1]."""
    smoothness: float = within(0.0, -_HEAVIEST, _HEAVIEST)
    """Weight of the squared change of the action."""
    fall: float = within(0.0, -_HEAVIEST, _HEAVIEST)
    """Weight of a fall, which counts once, at the end of the episode."""


@dataclass(frozen=True)
class StandWeights(Checked):
    """Weight of every reward term of the tasks reset and stand, by the term's name."""

    upright: float = within(2.0, -_HEAVIEST, _HEAVIEST)
    """Weight of an upright trunk, in [0, 1]."""
    height: float = within(4.0, -_HEAVIEST, _HEAVIEST)
    """Weight of the trunk's height above the ground, in [0, 1]; 0 unless it is upright."""
    pose: float = within(4.0, -_HEAVIEST, _HEAVIEST)
    """Weight of joint angles near the keyframe's, in [0, 1]."""
    smoothness: float = within(-0.02, -_HEAVIEST, _HEAVIEST)
    """Weight of the squared change of the action."""


@dataclass(frozen=True)
class A1Config(WalkerConfig):
    """Config of the task. Units: m, s, m/s, rad."""

    task_name: Literal["locomotion", "reset", "stand", "locomotion-dr", "reset-dr", "stand-dr"] = "locomotion"
    """Task: run ahead, get up from a random fallen pose, or stand. With -dr, `variation` is DR_VARIATION."""
    terrain: TerrainConfig = TerrainConfig(size=5.0, length=30.0, width=10.0, spacing=0.1, footprint=(0.5, 0.3))
    """Terrain tiles of the world. Rough ground at level 0.11 has the bumps of walk_in_the_park, 25 mm high and 0.2 m wide."""
    variation: VariationConfig = DEFAULT_VARIATION
    """Randomisation of the robots between episodes; by default the ground's friction of walk_in_the_park."""
    weights: RunWeights = RunWeights()
    """Weights of the reward terms of locomotion."""
    stand_weights: StandWeights = StandWeights()
    """Weights of the reward terms of reset and stand."""
    command_vx: tuple[float, float] = span((0.5, 0.5), -FASTEST, FASTEST, "m/s")
    """Range of the commanded speed c, m/s: speeds from c to 2 c get the full reward. The source has 0.5."""
    observe_command: bool = False
    """Append the command to the observation. Needed where commands differ: the source's observation has none."""
    offset: tuple[float, float, float] | None = None
    """Largest distance of a target from the keyframe's hip, thigh and calf angle, rad, within the joints' ranges. None: 0.2,
    0.4, 0.4, and the whole ranges in the task reset."""
    low_pass: float | None = within(None, above=0.0, unit="Hz")
    """Cut-off frequency of a Butterworth filter of the targets, Hz; walk_in_the_park has 4 on the robot. None: no filter."""
    control_dt: float = within(0.05, high=0.1, above=0.0, unit="s")
    """Duration of a control step, s."""
    min_height: float = within(0.0, 0.0, 0.3, unit="m")
    """Height of the trunk over the ground below which an episode ends, m."""
    max_tilt: float = within(np.pi / 6, high=np.pi, above=0.0, unit="rad")
    """Roll or pitch beyond which an episode ends, rad."""

    def __post_init__(self):
        super().__post_init__()
        name, suffix, _ = self.task_name.partition("-")
        if suffix and self.variation != DEFAULT_VARIATION:
            raise FieldError("task_name", f"must be {name}, without -dr, because variation is set")
        object.__setattr__(self, "task_name", name)
        object.__setattr__(self, "variation", DR_VARIATION if suffix else self.variation)
        self._fix_fields()
        if self.low_pass is not None and not self.low_pass < 0.5 / self.control_dt:
            raise FieldError("low_pass", f"must be below half the control rate, {0.5 / self.control_dt:g} Hz")
        if self.offset is not None and min(self.offset) <= 0.0:
            raise FieldError("offset", f"must be three numbers above 0 rad, got {self.offset}")

    @property
    def runs(self) -> bool:
        """Whether the task is locomotion."""
        return self.task_name == "locomotion"

    @property
    def starts_fallen(self) -> bool:
        """Whether the task is reset."""
        return self.task_name == "reset"

    def _fix_fields(self):
        """Sets the fields that the task decides; raises FieldError if one of them was given."""
        for name, value in _FIXED[self.task_name].items():
            default = getattr(A1Config, name, CommandSegments())
            if getattr(self, name) not in (value, default):
                raise FieldError(name, f"has no effect in the task {self.task_name}")
            object.__setattr__(self, name, value)


_STILL = {"command_vx": (0.0, 0.0), "command_vy": (0.0, 0.0), "command_yaw_rate": (0.0, 0.0)}
_STILL |= {"command_segments": CommandSegments(), "observe_command": False, "weights": RunWeights()}
_FIXED = {
    "locomotion": {"command_vy": (0.0, 0.0), "stand_weights": StandWeights()},
    "stand": _STILL,
    "reset": _STILL | {"max_tilt": np.pi, "min_height": 0.0},
}
