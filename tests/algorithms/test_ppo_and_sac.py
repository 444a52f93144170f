"""PPO and SAC in named steps train as Stable-Baselines3's classes do: all weights, numbers and logs are equal."""

from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3
import torch
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from algorithms.ppo import PPO, Minibatch, Update
from algorithms.sac import SAC

NET = {"net_arch": [16, 8]}
PPO_CONFIGS = {
    "box, stopped by the KL divergence": ("Pendulum-v1", {"target_kl": 0.01, "ent_coef": 0.01, "learning_rate": 3e-3}),
    "discrete, values clipped": (
        "CartPole-v1",
        {"clip_range_vf": 0.01, "normalize_advantage": False, "learning_rate": 3e-3},
    ),
    "gSDE": ("Pendulum-v1", {"use_sde": True, "sde_sample_freq": 4, "target_kl": 0.5, "clip_range": 0.1}),
    "squashed gSDE, no closed entropy, odd minibatches": (
        "Pendulum-v1",
        {"use_sde": True, "policy_kwargs": NET | {"squash_output": True}, "batch_size": 21, "ent_coef": 0.05},
    ),
    "dictionary of goals": ("Goals", {"ent_coef": 0.0, "max_grad_norm": 0.05}),
}
SAC_CONFIGS = {
    "entropy learned": ({"ent_coef": "auto_0.3", "gradient_steps": 3}),
    "entropy fixed, targets seldom": ({"ent_coef": 0.1, "target_update_interval": 2, "gradient_steps": 3}),
    "gSDE, three-step returns": ({"use_sde": True, "n_steps": 3, "gradient_steps": -1, "tau": 0.2}),
    "one critic, target entropy given": ({"policy_kwargs": NET | {"n_critics": 1}, "target_entropy": -0.5}),
}


class Goals(gym.ObservationWrapper):
    """Pendulum with its observation in two parts."""

    def __init__(self):
        super().__init__(gym.make("Pendulum-v1", max_episode_steps=40))
        low, high = self.env.observation_space.low, self.env.observation_space.high
        self.observation_space = gym.spaces.Dict(
            {name: gym.spaces.Box(low[part], high[part]) for name, part in (("a", slice(0, 2)), ("b", slice(2, 3)))}
        )

    def observation(self, observation):
        return {"a": observation[:2], "b": observation[2:]}


class Records(Logger):
    """Keeps every number that is logged."""

    def __init__(self):
        super().__init__(None, [])
        self.dumped = []

    def dump(self, step=0):
        added = ("time/", "train/means_outside")
        lines = {name: value for name, value in self.name_to_value.items() if not name.startswith(added)}
        self.dumped.append((step, lines))
        super().dump(step)


def trained(kind, env_id, steps, numbers):
    """Returns a model after that many steps, and what it logged."""
    made = (lambda: Goals()) if env_id == "Goals" else (lambda: gym.make(env_id, max_episode_steps=40))
    policy = "MultiInputPolicy" if env_id == "Goals" else "MlpPolicy"
    env = VecNormalize(DummyVecEnv([made, made]))
    model = kind(policy, env, seed=3, device="cpu", **({"policy_kwargs": dict(NET)} | numbers))  # SB3 writes into it
    model.set_logger(records := Records())
    model.learn(steps, log_interval=1)
    env.close()
    return model, records.dumped


def assert_equal(ours, stock):
    """Compares every parameter, every state of an optimiser, the counters and the logs, exactly."""
    (model, logged), (other, wanted) = ours, stock
    assert logged == wanted and len(logged) > 2 and any("train/n_updates" in line for _, line in logged)
    assert model._n_updates == other._n_updates > 0
    given, expected = (flat(each.get_parameters()) for each in (model, other))
    assert given.keys() == expected.keys()
    assert all(np.array_equal(given[name], expected[name]) for name in expected)


def flat(tree, name=""):
    """Returns nested dicts and lists as one dict of arrays."""
    if isinstance(tree, (dict, list, tuple)):
        items = tree.items() if isinstance(tree, dict) else enumerate(tree)
        return {key: value for inner, part in items for key, value in flat(part, f"{name}/{inner}").items()}
    return {name: tree.detach().numpy() if isinstance(tree, torch.Tensor) else np.array(tree)}


@pytest.mark.filterwarnings("ignore:You have specified a mini-batch size")
@pytest.mark.parametrize("name", PPO_CONFIGS)
def test_ppo_equals_the_one_of_sb3_weight_for_weight(name):
    env_id, numbers = PPO_CONFIGS[name]
    numbers = {"n_steps": 32, "batch_size": 16, "n_epochs": 3} | numbers
    assert_equal(*(trained(kind, env_id, 320, numbers) for kind in (PPO, stable_baselines3.PPO)))


def test_the_share_of_mean_actions_outside_of_the_action_space_is_logged():
    env = VecNormalize(DummyVecEnv([lambda: gym.make("Pendulum-v1")] * 2))
    model = PPO("MlpPolicy", env, n_steps=32, batch_size=16, learning_rate=1e-9, seed=3)
    model.policy.action_net.weight.data.zero_()
    for bias, share in ((1.99, 0.0), (-2.01, 1.0)):  # torques lie in [-2, 2] N m
        model.policy.action_net.bias.data[:] = bias
        model.set_logger(records := Logger(None, []))
        model.learn(64, log_interval=None, reset_num_timesteps=False)
        assert records.name_to_value["train/means_outside"] == share
    env.close()


@pytest.mark.parametrize("name", SAC_CONFIGS)
def test_sac_equals_the_one_of_sb3_weight_for_weight(name):
    numbers = {"learning_starts": 60, "batch_size": 16, "buffer_size": 1000} | SAC_CONFIGS[name]
    made = (trained(kind, "Pendulum-v1", 320, numbers) for kind in (SAC, stable_baselines3.SAC))
    assert_equal(*made)


@pytest.mark.parametrize(("share", "stops"), [(0.999, False), (1.001, True)])
def test_an_update_stops_above_one_and_a_half_times_the_target_kl(share, stops):
    model, ratio = PPO.__new__(PPO), np.array([1.1, 0.8])  # new over old probability of two actions
    model.verbose, model.target_kl = 0, np.mean(ratio - 1 - np.log(ratio)) / 1.5 / share
    old = SimpleNamespace(old_log_prob=torch.zeros(2))
    batch = Minibatch(old, torch.zeros(2), torch.zeros(2), torch.tensor(np.log(ratio)), None)
    assert model._should_stop(batch, 0, Update(0.2, None)) == stops
