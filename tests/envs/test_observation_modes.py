"""Every id in every observation mode passes the checkers of Gymnasium and SB3, and an SB3 policy trains on it."""

import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.envs.registration import load_env_creator
from gymnasium.utils.env_checker import check_env
from stable_baselines3 import PPO
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3

import envs  # noqa: F401
from algorithms.vec_env import make_batch_vec_env

IDS = sorted(name for name, spec in gym.registry.items() if str(spec.entry_point).startswith("envs."))
CHALLENGED = {"combined_challenge": "easy", "safety_spec": {"enable": True, "observations": True}} | {
    "multiobj_spec": {"enable": True, "objective": "safety", "observed": True}
}


def modes(env_id):
    """Returns the arguments that change the observation of an id."""
    if env_id.startswith("RWRL"):
        return [{"observation": mode} | more for mode in ("flat", "dict") for more in ({}, CHALLENGED)]
    return [{"observation": "flat"}, {"observation": "goal"}] if env_id.startswith("Shadow") else [{}]


every_mode = pytest.mark.parametrize(("env_id", "changes"), [(env_id, mode) for env_id in IDS for mode in modes(env_id)])


@every_mode
def test_both_checkers_accept_it_and_no_block_is_a_bare_number(env_id, changes):
    spec = gym.spec(env_id)
    env = load_env_creator(spec.entry_point)(**spec.kwargs, **changes)  # without Gymnasium's wrappers
    blocks = env.observation_space.values() if changes.get("observation") in ("dict", "goal") else [env.observation_space]
    assert all(len(block.shape) == 1 for block in blocks)
    with warnings.catch_warnings():
        # dm_control's observations have no bounds, some actions of its quadruped have limits other than 1, and
        # Gymnasium's checker misses a spec and rejects the wrappers of the challenges.
        for known in (
            ".*infinity",
            ".*symmetric and normalized",
            ".*is different from the unwrapped version",
            ".*environment spec",
        ):
            warnings.filterwarnings("ignore", message=known)
        check_env(env, skip_render_check=True)
        check_env_for_sb3(env)


@every_mode
def test_sb3_learns_on_it(env_id, changes):
    env = make_batch_vec_env(f"envs:{env_id}", 2, seed=0, **changes)
    policy = "MultiInputPolicy" if isinstance(env.observation_space, spaces.Dict) else "MlpPolicy"
    model = PPO(policy, env, n_steps=4, batch_size=8, n_epochs=1, policy_kwargs={"net_arch": [8]}, device="cpu")
    before = model.policy.parameters_to_vector()
    model.learn(8)
    after = model.policy.parameters_to_vector()
    assert np.isfinite(after).all() and (after != before).any()
    env.close()
