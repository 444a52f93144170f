"""Training of a RealAnt that walks to targets: presets and config."""

from dataclasses import dataclass, field
from typing import Annotated

import tyro

from envs.realant.config import RealAntConfig
from envs.received import ARGUMENTS
from training.task_config import LeggedTrainConfig

# 20 control steps a second: the discount 0.98 looks 2.5 s ahead.
_PPO = {"n_steps": 64, "batch_size": 1024, "learning_rate": 6e-4, "final_learning_rate": 5e-5, "gamma": 0.98}
_DEFAULT = {
    "algo": "asymmetric_ppo",
    "total_timesteps": 2_000_000,
    "eval_every": 500_000,
    "episode_steps": 1000,
    "ppo": _PPO,
}
# Half of the end points of a robustness sweep, and a joint that fails in half of the episodes.
_VARIED = {
    "friction": (0.75, 1.25),
    "mass": (0.9, 1.15),
    "servo_strength": (0.8, 1.1),
    "action_delay": 0.5,
    "push_speed": 0.15,
    "joint_failures": {"share": 0.5},
}
PRESETS = {
    "default": _DEFAULT,
    "dr": _DEFAULT | {"env": {"variation": _VARIED}, "variation_warm_up": 400_000, "variation_rise": 600_000},
}


@dataclass(frozen=True)
class RealAntTrainConfig(LeggedTrainConfig):
    """Config of a training of RealAnt-v0; env_kwargs may also contain the noise_spec and the frames of `envs.received`."""

    more_env_kwargs = ARGUMENTS
    env_id: Annotated[str, tyro.conf.arg(aliases=["--env"])] = "RealAnt-v0"
    """Id of the environment to train."""
    preset: str = "default"
    """Named set of values that replaces defaults: default (a nominal robot) or dr (randomised robots, failing joints)."""
    env: RealAntConfig = field(default_factory=RealAntConfig)
    """Config of the task."""
