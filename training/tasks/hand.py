"""A training of a hand that turns a cube: targets that get farther away, judged by how many it reaches."""

from contextlib import closing
from dataclasses import dataclass
from typing import Annotated, ClassVar

import tyro
from stable_baselines3.common.callbacks import BaseCallback

from algorithms.vec_env import BatchVecEnv
from callbacks.target_curriculum_callback import TargetCurriculumCallback
from envs.cube_in_hand.config import CubeInHandConfig
from training.config import EnvTrainConfig
from utils.config import resolved
from utils.fields import within


@dataclass(frozen=True)
class HandTrainConfig(EnvTrainConfig):
    """Everything that decides a training of CubeInHand-v0."""

    SCORE: ClassVar[tuple[str, ...]] = ("successes", "return")

    env_id: Annotated[str, tyro.conf.arg(aliases=["--env"])] = "CubeInHand-v0"
    """What is trained."""
    start_angle: float = within(0.8, above=0)
    """The farthest target at the beginning, rad; pi for no curriculum."""
    rise: float = within(4.0, 0)
    """Targets reached in 1000 steps from which on they get farther away, by 3 % at a time, to pi."""

    @property
    def target_angle(self) -> float:
        """The farthest target of the task, rad, at which the curriculum ends."""
        changes = {name: value for name, value in self.env_kwargs.items() if hasattr(CubeInHandConfig, name)}
        return resolved(CubeInHandConfig(), self.env_kwargs.get("config"), changes).target_angle

    @property
    def idle(self) -> dict[str, str]:
        nearest = self.start_angle < self.target_angle
        return super().idle | ({} if nearest else {"rise": f"--start-angle {self.start_angle:g} is the farthest already"})

    def check_new(self) -> None:
        """Refuses a start_angle too that is beyond the farthest target."""
        super().check_new()
        if self.start_angle > self.target_angle:
            raise ValueError(
                f"start_angle must be at most the target_angle of {self.target_angle:g}, got {self.start_angle:g}"
            )

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
        """Returns what brings the targets from start_angle to the task's own target_angle."""
        return {"curriculum": TargetCurriculumCallback(self.start_angle, self.rise, end=self.target_angle)}
