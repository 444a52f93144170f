"""Training of an A1: presets and config."""

from dataclasses import dataclass, field
from typing import Annotated

import tyro

from envs.a1.config import A1Config
from training.task_config import LeggedTrainConfig

# Physics takes most of the time: 20 physics steps for each of the 20 control steps in a second. Small networks and many
# epochs make use of every step.
_PPO = {
    "num_envs": 64,
    "n_steps": 32,
    "batch_size": 512,
    "n_epochs": 8,
    "learning_rate": 1e-3,
    "final_learning_rate": 1e-4,
    "net_arch": (128, 64),
    "gamma": 0.98,
}
# The source's reward is full from 0.5 m/s on.
_RUN = {"command_vx": (0.8, 0.8), "weights": {"heading": 1.0, "smoothness": -0.05}}
_DEFAULT = {
    "algo": "asymmetric_ppo",
    "total_timesteps": 2_000_000,
    "eval_every": 250_000,
    "eval_episodes": 16,
    "checkpoint_every": 250_000,
    "ppo": _PPO | {"log_std_init": -0.7},
}
PRESETS = {
    "default": _DEFAULT,  # the task of the source, or any other: --env.task-name
    "run": _DEFAULT | {"env": _RUN, "total_timesteps": 1_000_000},
    "reset": _DEFAULT | {"episode_steps": 100, "env": {"task_name": "reset"}, "ppo": _PPO | {"log_std_init": -0.5}},
    # Numbers of DroQ (Hiraoka et al., 2022, arXiv:2110.02034) in walk_in_the_park, as far as SAC has them: it has neither
    # dropout nor layer normalisation in its critics, without which 20 updates for each step are unstable.
    "droq": {
        "algo": "sac",
        "total_timesteps": 100_000,
        "eval_every": 25_000,
        "eval_episodes": 16,
        "checkpoint_every": 25_000,
        "env": _RUN,
        "sac": {
            "num_envs": 4,
            "gradient_steps": 4,
            "learning_starts": 2000,
            "learning_rate": 3e-4,
            "batch_size": 256,
            "net_arch": (256, 256),
            "activation": "relu",
            "ent_coef": "auto_0.1",
        },
    },
}


@dataclass(frozen=True)
class A1TrainConfig(LeggedTrainConfig):
    """Config of a training of A1-v0."""

    env_id: Annotated[str, tyro.conf.arg(aliases=["--env"])] = "A1-v0"
    """Id of the environment to train."""
    env: A1Config = field(default_factory=A1Config)
    """Config of the task."""
