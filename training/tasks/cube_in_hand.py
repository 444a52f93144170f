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
    """Config of a training of CubeInHand-v0."""

    env_id: Annotated[str, tyro.conf.arg(aliases=["--env"])] = "CubeInHand-v0"
    """Id of the environment to train."""
    start_angle: float = within(0.8, above=0)
    """Largest angle to a target at the start of the training, rad; pi turns the curriculum off."""
    rise: float = within(4.0, 0)
    """Targets reached per 1000 steps from which the largest angle grows, by 3 % at a time, up to pi."""

    @property
    def target_angle(self) -> float:
        """The largest angle to a target in the task, rad; the curriculum ends there."""
        changes = {name: value for name, value in self.env_kwargs.items() if hasattr(CubeInHandConfig, name)}
        return resolved(CubeInHandConfig(), self.env_kwargs.get("config"), changes).target_angle

    @property
    def idle(self) -> dict[str, str]:
        if self.start_angle < self.target_angle:
            return super().idle
        return super().idle | {"rise": f"--start-angle {self.start_angle:g} is the largest angle already"}

    def check_new(self) -> None:
        """Checks as the base class does, and that start_angle is at most the target_angle of the task."""
        super().check_new()
        if self.start_angle > self.target_angle:
            raise ValueError(
                f"start_angle must be at most the target_angle of {self.target_angle:g}, got {self.start_angle:g}"
            )

    def check(self) -> None:
        """Checks as the base class does, and that targets at start_angle are possible and not reached at the start."""
        super().check()
        with closing(self.make_evaluation_env(1, 0)) as env:
            try:
                env.unwrapped.set_target_angle(self.start_angle)
            except ValueError as error:
                raise ValueError(f"start_angle {self.start_angle}: {error}") from error

    def make_env(self) -> BatchVecEnv:
        """Returns the simulations to train on; their first targets are at most start_angle away."""
        env = super().make_env()
        env.env_method("set_target_angle", self.start_angle)
        return env


def curriculum(config: CubeTrainConfig) -> TargetCurriculumCallback:
    """Returns the callback that raises the largest angle to a target from start_angle to the target_angle of the task."""
    return TargetCurriculumCallback(config.start_angle, config.rise, end=config.target_angle)
