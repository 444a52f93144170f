"""PPO's numbers, and named trainings: what they are, once, for every script."""

from dataclasses import dataclass
from typing import Literal

from utils.config import nearest_name

WALKS = ("ResidualWalk-v0", "AdaptiveWalk-v0")  # the ids of a robot that walks over terrain


@dataclass(frozen=True)
class PpoConfig:
    """Arguments of Stable-Baselines3's PPO, its network and its normalisation.

    `num_envs` simulations take `n_steps` each between two updates. `net_arch` are the widths of the hidden layers of
    actor and critic alike; `log_std_init` is the logarithm of the first standard deviation of an action in [-1, 1].
    The learning rate goes in a straight line from `learning_rate` to `final_learning_rate`, or stays if that is None.
    """

    num_envs: int = 64
    n_steps: int = 128
    batch_size: int = 2048
    n_epochs: int = 5
    learning_rate: float = 3e-4
    final_learning_rate: float | None = None
    gamma: float = 0.99
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    ent_coef: float = 0.0
    vf_coef: float = 0.5
    max_grad_norm: float = 0.5
    target_kl: float | None = 0.03
    net_arch: tuple[int, ...] = (256, 128)
    activation: Literal["relu", "elu", "tanh"] = "elu"
    log_std_init: float = -1.0
    clip_obs: float = 10.0


@dataclass(frozen=True)
class SacConfig:
    """Arguments of Stable-Baselines3's SAC, its network and its normalisation.

    After each step of `num_envs` simulations come `gradient_steps` updates; the first `learning_starts` steps are random.
    """

    num_envs: int = 16
    buffer_size: int = 300_000
    learning_starts: int = 10_000
    batch_size: int = 256
    learning_rate: float = 3e-4
    tau: float = 0.005
    gamma: float = 0.99
    gradient_steps: int = 8
    ent_coef: str = "auto"
    net_arch: tuple[int, ...] = (256, 128)
    activation: Literal["relu", "elu", "tanh"] = "elu"
    clip_obs: float = 10.0


# Feet swing more slowly and higher than in the gait alone, whose cycle leaves its servos no time to lift a foot by 40 mm.
_WALK = {
    "residual_scale": 0.04,
    "gait": {"step_height": 0.05, "slow_cycle": 0.36, "fast_cycle": 0.32, "duty_factor": 0.5},
    "velocity_width": 0.03,
    "relative_velocity_width": 0.4,
    "weights": {"lateral_stability": -2.5, "orientation": -3.0, "smoothness": -0.04, "fall": -500.0},
    "command_vx": (0.15, 0.5),  # slower than asked for: the slowest commands are the hardest on rough ground
    "terrain": {"levels": (0.0, 0.25, 0.5, 0.65, 0.75, 0.85, 0.95, 1.0)},
}
_DEFAULT = {
    "terrain": "mixed",
    "vary": True,
    "env": _WALK,
    "eval_every": 2_000_000,
    "episode_steps": 2000,  # in 10 s the slowest robots hardly come to walk down what they climb
    "ppo": {"log_std_init": -1.6, "final_learning_rate": 5e-5},
}

# The numbers of the plan this project began with.
_PLAN = {
    "num_envs": 4,
    "n_steps": 2048,
    "batch_size": 64,
    "n_epochs": 10,
    "ent_coef": 0.01,
    "target_kl": None,
    "net_arch": (256, 256, 128),
    "activation": "relu",
    "log_std_init": 0.0,
}

# What each changes in the config of a walk's training, whose own defaults are large batches of many simulations and few
# epochs: what two cores do fastest.
_WALKS = {
    "default": _DEFAULT | {"total_timesteps": 9_000_000},  # under half an hour
    "long": _DEFAULT | {"total_timesteps": 20_000_000},  # about an hour
    "rough": {},  # rough ground only: a quarter of an hour
    "plan": {"total_timesteps": 5_000_000, "ppo": _PLAN},
}
ANY = {"default": {}, "plan": {"ppo": _PLAN}}

# An update after every step and a small network: what learns fastest on one core. PPO wants many times the steps.
_FREQUENT_SAC = {
    "algo": "sac",
    "total_timesteps": 100_000,
    "eval_every": 20_000,
    "checkpoint_every": 50_000,
    "sac": {
        "num_envs": 4,
        "gradient_steps": 4,
        "learning_starts": 2000,
        "learning_rate": 1e-3,
        "ent_coef": "auto_0.1",
        "net_arch": (128, 128),
        "activation": "relu",
    },
}
_CUBE = {
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

# Named trainings by environment, or by what the ids of several begin with; those not named have ANY.
PRESETS = dict.fromkeys(WALKS, _WALKS) | {
    "RWRL": {"default": _FREQUENT_SAC},
    "ShadowHand": {"default": _FREQUENT_SAC},
    "CubeInHand": {"default": _CUBE},
}


def preset(name: str, env_id: str) -> dict:
    """Returns what the preset of that name changes in the config of a training of that environment.

    Raises:
        ValueError: there is none; the nearest is named.
    """
    own = (presets for beginning, presets in PRESETS.items() if env_id.startswith(beginning))
    known = ANY | next(own, {})
    if name not in known:
        raise ValueError(f"no preset of {env_id} is called {name!r}{nearest_name(name, known)}")
    return known[name]
