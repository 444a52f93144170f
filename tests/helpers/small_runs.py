"""Runs of barely trained policies, one for each kind of learner."""

import torch
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.vec_env import VecNormalize

from algorithms.vec_env import make_batch_vec_env
from envs.residual_walk.config import ResidualWalkConfig
from run_folder.runs import make_run, save_last


class OwnPPO(PPO):
    """A subclass of an SB3 algorithm, as a user may write it."""


LEARNERS = {
    "ppo": (PPO, {"n_steps": 8, "batch_size": 32, "policy_kwargs": {"net_arch": [8], "activation_fn": torch.nn.ELU}}),
    "own": (OwnPPO, {"n_steps": 8, "batch_size": 32, "policy_kwargs": {"net_arch": {"pi": [8, 7], "vf": [6]}}}),
    "sac": (SAC, {"learning_starts": 8, "policy_kwargs": {"net_arch": [8]}}),
}


def trained(name, folder):
    env = VecNormalize(make_batch_vec_env("envs:ResidualWalk-v0", 4, seed=0), clip_obs=3.0)
    kind, numbers = LEARNERS[name]
    model = kind("MlpPolicy", env, seed=0, device="cpu", **numbers)
    model.learn(64)
    run = make_run(folder, ResidualWalkConfig(), [], "ResidualWalk-v0", {"config": ResidualWalkConfig(residual_scale=0.03)})
    save_last(run, model, {"steps": 64})
    return run, model, env
