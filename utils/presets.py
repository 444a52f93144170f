"""Named sets of PPO's numbers: what they are, once, for every script."""

from dataclasses import dataclass
from typing import Literal

from utils.config import nearest_name


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


PRESETS = {
    # Large batches of many simulations, few epochs: what two cores do fastest.
    "default": PpoConfig(),
    # The numbers of the plan this project began with.
    "plan": PpoConfig(
        num_envs=4,
        n_steps=2048,
        batch_size=64,
        n_epochs=10,
        ent_coef=0.01,
        target_kl=None,
        net_arch=(256, 256, 128),
        activation="relu",
        log_std_init=0.0,
    ),
}


def preset(name: str) -> PpoConfig:
    """Returns the preset of that name.

    Raises:
        ValueError: there is none; the nearest is named.
    """
    if name not in PRESETS:
        raise ValueError(f"no preset is called {name!r}{nearest_name(name, PRESETS)}")
    return PRESETS[name]
