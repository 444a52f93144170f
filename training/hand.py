"""A training of a hand that turns a cube: targets that get farther away, judged by how many it reaches."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import tyro
from stable_baselines3.common.callbacks import BaseCallback

from callbacks.target_curriculum_callback import TargetCurriculumCallback
from training.config import EnvTrainConfig


@dataclass(frozen=True)
class HandTrainConfig(EnvTrainConfig):
    """Everything that decides a training of CubeInHand-v0."""

    SCORE: ClassVar[tuple[str, ...]] = ("successes", "return")

    env_id: Annotated[str, tyro.conf.arg(aliases=["--env"])] = "CubeInHand-v0"
    """What is trained."""
    start_angle: float = 0.8
    """The farthest target at the beginning, rad; pi for no curriculum."""
    rise: float = 4.0
    """Targets reached in 1000 steps from which on they get farther away, by 3 % at a time, to pi."""

    def __post_init__(self):
        super().__post_init__()
        if not 0.3 < self.start_angle <= np.pi:
            raise ValueError(
                f"start_angle must lie above 0.3, where targets are reached, and up to pi, got {self.start_angle}"
            )

    def own_callbacks(self) -> dict[str, BaseCallback]:
        """Returns what brings the targets from start_angle to pi."""
        return {"curriculum": TargetCurriculumCallback(self.start_angle, self.rise)}
