"""A training of a hand that turns a cube: targets that get farther away, judged by how many it reaches."""

from contextlib import closing
from dataclasses import dataclass
from typing import Annotated, ClassVar

import tyro
from stable_baselines3.common.callbacks import BaseCallback

from callbacks.target_curriculum_callback import TargetCurriculumCallback
from training.config import EnvTrainConfig
from utils.fields import within
from utils.vec_env import BatchVecEnv


@dataclass(frozen=True)
class HandTrainConfig(EnvTrainConfig):
    """Everything that decides a training of CubeInHand-v0."""

    SCORE: ClassVar[tuple[str, ...]] = ("successes", "return")

    env_id: Annotated[str, tyro.conf.arg(aliases=["--env"])] = "CubeInHand-v0"
    """What is trained."""
    start_angle: float = within(0.8, above=0)
    """The farthest target at the beginning, rad; pi for no curriculum."""
    rise: float = within(4.0, above=0)
    """Targets reached in 1000 steps from which on they get farther away, by 3 % at a time, to pi."""

    def check(self) -> None:
        """Refuses a start_angle too, at which targets would be reached already or which is beyond pi."""
        super().check()
        with closing(self.make_evaluation_env(1, 0)) as env:
            try:
                env.unwrapped.set_target_angle(self.start_angle)
            except ValueError as error:
                raise ValueError(f"start_angle {self.start_angle}: {error}") from error

    def make_env(self) -> BatchVecEnv:
        """Returns the simulations to train on, whose first targets are as near as the curriculum begins with."""
        env = super().make_env()
        env.env_method("set_target_angle", self.start_angle)
        return env

    def own_callbacks(self) -> dict[str, BaseCallback]:
        """Returns what brings the targets from start_angle to pi."""
        return {"curriculum": TargetCurriculumCallback(self.start_angle, self.rise)}
