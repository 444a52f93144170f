"""SB3's learners with the numbers of a training's config."""

from gymnasium.spaces import Dict
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env import VecNormalize

from run_folder.policy import ACTIVATIONS
from training.config import TrainConfig
from training.goals import replay_arguments


def make_model(config: TrainConfig, env: VecNormalize) -> BaseAlgorithm:
    """Returns SB3's PPO or SAC with the config's numbers."""
    numbers = config.learner
    policy = {"net_arch": list(numbers.net_arch), "activation_fn": ACTIVATIONS[numbers.activation]}
    # A GPU is slower here: the network is small and the simulations are on the CPU.
    shared = {"env": env, "seed": config.seed, "device": "cpu"}
    kind = "MultiInputPolicy" if isinstance(env.observation_space, Dict) else "MlpPolicy"
    if config.algo == "sac":
        return SAC(kind, policy_kwargs=policy, **_named(numbers, SAC_NUMBERS), **replay_arguments(config), **shared)
    last = numbers.learning_rate if numbers.final_learning_rate is None else numbers.final_learning_rate
    rate = LinearSchedule(numbers.learning_rate, last, end_fraction=1.0)
    policy["log_std_init"] = numbers.log_std_init
    return PPO(kind, learning_rate=rate, policy_kwargs=policy, **_named(numbers, PPO_NUMBERS), **shared)


def _named(numbers, names):
    return {name: getattr(numbers, name) for name in names}


PPO_NUMBERS = ("n_steps", "batch_size", "n_epochs", "gamma", "gae_lambda", "clip_range")
PPO_NUMBERS += ("ent_coef", "vf_coef", "max_grad_norm", "target_kl")
SAC_NUMBERS = ("learning_rate", "buffer_size", "learning_starts", "batch_size", "tau", "gamma", "gradient_steps", "ent_coef")
