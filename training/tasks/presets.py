"""Named trainings: what each changes in the config of a training."""

from utils.config import nearest_name

WALKS = ("ResidualWalk-v0", "AdaptiveWalk-v0")  # the ids of a robot that walks over terrain

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
