"""PPO's numbers, and named trainings: what they are, once, for every script."""

import math
import re
from dataclasses import dataclass
from typing import Literal

from utils.config import nearest_name
from utils.fields import Checked, FieldError, checked, within

WIDEST, DEEPEST = 8192, 16  # layers of a network

WALKS = ("ResidualWalk-v0", "AdaptiveWalk-v0")  # the ids of a robot that walks over terrain


def layers(default: tuple[int, ...]):
    """Returns a field for the widths of hidden layers, as many and as wide as a saved policy may have; none is linear."""

    def check(widths):
        return len(widths) <= DEEPEST and all(1 <= width <= WIDEST for width in widths)

    return checked(default, check, f"be up to {DEEPEST} widths from 1 to {WIDEST}")


@dataclass(frozen=True)
class PpoConfig(Checked):
    """Arguments of Stable-Baselines3's PPO, its network and its normalisation."""

    num_envs: int = within(64, 1)
    """Simulations at once."""
    n_steps: int = within(128, 1)
    """Control steps of each simulation between two updates."""
    batch_size: int = within(2048, 2)
    """Control steps in a minibatch."""
    n_epochs: int = within(5, 1)
    """Passes over a rollout."""
    learning_rate: float = within(3e-4, above=0)
    """Of the first update."""
    final_learning_rate: float | None = within(None, 0)
    """Of the last update, reached in a straight line; learning_rate throughout if None."""
    gamma: float = within(0.99, 0, 1)
    """Discount per control step."""
    gae_lambda: float = within(0.95, 0, 1)
    """Lambda of the generalised advantage estimate."""
    clip_range: float = within(0.2, above=0)
    """Clipping of the ratio of probabilities."""
    ent_coef: float = within(0.0, 0)
    """Weight of the entropy in the loss."""
    vf_coef: float = within(0.5, 0)
    """Weight of the value loss."""
    max_grad_norm: float = within(0.5, above=0)
    """Largest norm of a gradient."""
    target_kl: float | None = within(0.03, above=0)
    """KL divergence at which an update stops; no limit if None."""
    net_arch: tuple[int, ...] = layers((256, 128))
    """Widths of the hidden layers of actor and critic."""
    activation: Literal["relu", "elu", "tanh"] = "elu"
    """Activation function between layers."""
    log_std_init: float = within(-1.0, -20, 10)
    """Logarithm of the first standard deviation of an action in [-1, 1]."""
    clip_obs: float = within(10.0, above=0)
    """Clipping of normalised observations, standard deviations."""

    @property
    def memory(self) -> int:
        """Rows of its rollout buffer: an observation, an action and a few numbers each."""
        return self.num_envs * self.n_steps

    def check(self) -> None:
        """Raises FieldError if numbers contradict each other."""
        if self.batch_size > self.num_envs * self.n_steps:
            rollout = f"{self.num_envs} x {self.n_steps} = {self.num_envs * self.n_steps}"
            raise FieldError("ppo.batch_size", f"must be at most num_envs x n_steps, {rollout}, got {self.batch_size}")


@dataclass(frozen=True)
class SacConfig(Checked):
    """Arguments of Stable-Baselines3's SAC, its network and its normalisation."""

    num_envs: int = within(16, 1)
    """Simulations at once."""
    buffer_size: int = within(300_000, 1)
    """Control steps that the replay buffer holds."""
    learning_starts: int = within(10_000, 0)
    """Control steps of random actions at the start."""
    batch_size: int = within(256, 1)
    """Control steps in a minibatch."""
    learning_rate: float = within(3e-4, above=0)
    """Of actor, critics and entropy coefficient."""
    tau: float = within(0.005, above=0, high=1)
    """Share by which target critics follow, per update."""
    gamma: float = within(0.99, 0, 1)
    """Discount per control step."""
    gradient_steps: int = checked(8, lambda steps: steps == -1 or steps >= 1, "be at least 1, or -1 for num_envs")
    """Updates after each step of all simulations; -1 for as many as simulations."""
    ent_coef: str = "auto"
    """Entropy coefficient: a number, or auto to learn it."""
    net_arch: tuple[int, ...] = layers((256, 128))
    """Widths of the hidden layers of actor and critics."""
    activation: Literal["relu", "elu", "tanh"] = "elu"
    """Activation function between layers."""
    clip_obs: float = within(10.0, above=0)
    """Clipping of normalised observations, standard deviations."""

    def __post_init__(self):
        super().__post_init__()
        if not _is_coefficient(self.ent_coef):
            words = "auto, auto_0.1 (a first value above 0) or a number from 0 on"
            raise FieldError("ent_coef", f"must be {words}, got {self.ent_coef!r}")

    @property
    def memory(self) -> int:
        """Rows of its replay buffer: two observations, an action and a few numbers each."""
        return self.buffer_size

    def check(self) -> None:
        """Raises FieldError if numbers contradict each other."""
        if self.buffer_size < self.num_envs:
            raise FieldError("sac.buffer_size", f"must be at least num_envs, {self.num_envs}, got {self.buffer_size}")


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


def _is_coefficient(text):
    """Tells whether SB3 reads this as an entropy coefficient: a number, or auto with a first value above 0."""
    start, number = re.fullmatch(r"(auto_?)?(.*)", text).groups()
    if start == "auto":
        return not number
    try:
        return math.isfinite(float(number)) and (float(number) > 0 if start else float(number) >= 0)
    except ValueError:
        return False
