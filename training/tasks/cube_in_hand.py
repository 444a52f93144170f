"""Training of a hand that turns a cube: presets, config, and the curriculum that moves targets farther away."""

from contextlib import closing
from dataclasses import dataclass
from typing import Annotated

import tyro

from algorithms.vec_env import BatchVecEnv
from callbacks.target_curriculum_callback import TargetCurriculumCallback
from envs.cube_in_hand.config import CubeInHandConfig
from training.config import EnvTrainConfig
from utils.config import resolved
from utils.fields import within

PRESETS = {
    "default": {
        "total_timesteps": 36_000_000,  # an hour and a half on one core
        "eval_every": 2_000_000,
        "eval_episodes": 64,
        "checkpoint_every": 1_000_000,
        "ppo": {
            "num_envs": 128,
            "n_steps": 32,
            "batch_size": 1024,
            "n_epochs": 4,
            "final_learning_rate": 1e-4,
            "target_kl": 0.02,
            "log_std_init": -0.3,
        },
    }
}


@dataclass(frozen=True)
class CubeTrainConfig(EnvTrainConfig):
    """Everything that decides a training of CubeInHand-v0."""

    env_id: Annotated[str, tyro.conf.arg(aliases=["--env"])] = "CubeInHand-v0"
    """What is trained."""
    start_angle: float = within(0.8, above=0)
    """Farthest target at the start of the training, rad; pi for no curriculum."""
    rise: float = within(4.0, 0)
    """Success rate, targets reached in 1000 steps, above which targets move farther away, by 3 % at a time, up to pi."""

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
        """Checks as the base class does, and that start_angle is not beyond the farthest target."""
        super().check_new()
        if self.start_angle > self.target_angle:
            raise ValueError(
                f"start_angle must be at most the target_angle of {self.target_angle:g}, got {self.start_angle:g}"
            )

    def check(self) -> None:
        """Checks as the base class does, and that targets at start_angle are possible and not reached from the start."""
        super().check()
        with closing(self.make_evaluation_env(1, 0)) as env:
            try:
                env.unwrapped.set_target_angle(self.start_angle)
            except ValueError as error:
                raise ValueError(f"start_angle {self.start_angle}: {error}") from error

    def make_env(self) -> BatchVecEnv:
        """Returns the simulations to train on, whose first targets are at most start_angle away."""
        env = super().make_env()
        env.env_method("set_target_angle", self.start_angle)
        return env


def curriculum(config: CubeTrainConfig) -> TargetCurriculumCallback:
    """Returns the callback that moves the farthest target from start_angle to the task's own target_angle."""
    return TargetCurriculumCallback(config.start_angle, config.rise, end=config.target_angle)
