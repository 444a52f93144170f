"""Config of A1-v0: its tasks, reward weights, and the fields of all robots that follow a velocity."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from envs.a1.variation import DEFAULT_VARIATION, DR_VARIATION, VariationConfig
from envs.locomotion.commands import CommandSegments
from envs.locomotion.config import FASTEST, WalkerConfig
from envs.locomotion.postures import StandWeights
from envs.locomotion.running import RunWeights
from envs.locomotion.terrain import FLAT, TerrainConfig
from utils.fields import FieldError, fix_fields, span, within


@dataclass(frozen=True)
class A1Config(WalkerConfig):
    """Config of the task. Units: m, s, m/s, rad."""

    task_name: Literal["locomotion", "reset", "stand", "locomotion-dr", "reset-dr", "stand-dr"] = "locomotion"
    """Task: run ahead, get up from a random fallen pose, or stand. With -dr, `variation` is DR_VARIATION."""
    terrain: TerrainConfig = TerrainConfig(size=5.0, length=30.0, width=10.0, spacing=0.1, footprint=(0.5, 0.3))
    """Terrain tiles of the world. Rough ground at level 0.11 has the bumps of walk_in_the_park, 25 mm high, 0.2 m wide."""
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
    low_pass: float | None = within(None, 0.01, unit="Hz")
    """Cut-off frequency of a Butterworth filter of the targets, Hz; walk_in_the_park has 4 on the robot. None: no filter."""
    start_spread: float = within(0.05, 0.0, 0.3, unit="rad")
    """Largest difference of a joint's start angle from the keyframe's, rad; with 0 symmetric policies cannot trot."""
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
        fix_fields(self, _FIXED[name], f"in the task {name}")
        if self.low_pass is not None and not self.low_pass < 0.5 / self.control_dt:
            raise FieldError("low_pass", f"must be below half the control rate, {0.5 / self.control_dt:g} Hz")
        if self.starts_fallen and self.terrain.kinds != FLAT:
            raise FieldError("terrain.kinds", f"must be flat in the task reset, got {', '.join(self.terrain.kinds)}")
        if self.offset is not None and min(self.offset) <= 0.0:
            raise FieldError("offset", f"must be three numbers above 0 rad, got {self.offset}")

    @property
    def reach(self) -> tuple[float, float, float]:
        """The `offset` in use."""
        return self.offset or ((2 * np.pi,) * 3 if self.starts_fallen else (0.2, 0.4, 0.4))

    @property
    def runs(self) -> bool:
        """Whether the task is locomotion."""
        return self.task_name == "locomotion"

    @property
    def starts_fallen(self) -> bool:
        """Whether the task is reset."""
        return self.task_name == "reset"


_STILL = {"command_vx": (0.0, 0.0), "command_vy": (0.0, 0.0), "command_yaw_rate": (0.0, 0.0)}
_STILL |= {"weights": RunWeights(), "command_segments": CommandSegments(), "observe_command": False}
_FIXED = {
    "locomotion": {"command_vy": (0.0, 0.0), "stand_weights": StandWeights()},
    "stand": _STILL,
    "reset": _STILL | {"max_tilt": np.pi, "min_height": 0.0, "start_spread": 0.05},
}
