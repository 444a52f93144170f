"""A policy that learned with privileged observations is saved as an ordinary one that does without them."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.envs.registration import EnvSpec
from stable_baselines3 import PPO
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.vec_env import VecNormalize

import train
from algorithms.asymmetric_policy import AsymmetricPolicy
from algorithms.vec_env import make_batch_vec_env
from envs.toy_env import ToyVectorEnv
from run_folder.policy import deployable, read_policy, write_policy
from run_folder.records import make_run, read_env
from tests.helpers.foreign_package import SMALL

ID, N, LAYERS = "envs:ResidualWalk-v0", 4, {"pi": [16, 8], "vf": [16]}


def trained(policy, **settings):
    env = VecNormalize(make_batch_vec_env(ID, N, seed=0, privileged=True))
    settings = {"net_arch": LAYERS, "activation_fn": torch.nn.ELU, **settings}
    model = PPO(policy, env, n_steps=16, batch_size=32, n_epochs=2, policy_kwargs=settings, seed=0)
    return model.learn(2 * 16 * N), env


@pytest.fixture(scope="module")
def asymmetric():
    groups = make_batch_vec_env(ID, 1, privileged=True).observation_groups
    return trained(AsymmetricPolicy, actor_slice=groups["policy"])


def test_a_saved_policy_acts_on_the_plain_environment_as_the_actor_did(asymmetric, tmp_path):
    model, env = asymmetric
    write_policy(tmp_path / "policy", model, env)
    policy, normalizer = read_policy(tmp_path / "policy")
    assert type(policy) is ActorCriticPolicy
    plain, rich = (gym.make_vec(ID, N, **changes) for changes in ({}, {"privileged": True}))
    seen, known = plain.reset(seed=9)[0], rich.reset(seed=9)[0]
    for _ in range(5):
        acted = policy.predict(normalizer(seen), deterministic=True)[0]
        wanted = model.predict(env.normalize_obs(known), deterministic=True)[0]
        np.testing.assert_allclose(acted, wanted, atol=1e-6)
        seen, known = plain.step(acted)[0], rich.step(acted)[0]
    assert np.ptp(acted) > 0.01


def test_cutting_a_policy_draws_no_random_numbers_and_leaves_the_training_as_it_was(asymmetric):
    model, env = asymmetric
    before, weights = torch.get_rng_state(), [tensor.clone() for tensor in model.policy.state_dict().values()]
    policy, normalizer = deployable(model, env)
    assert torch.equal(before, torch.get_rng_state()) and normalizer.mean.shape == policy.observation_space.shape
    assert all(map(torch.equal, weights, model.policy.state_dict().values()))
    assert (policy.predict_values(torch.ones(1, *policy.observation_space.shape)) == 0).all()


def test_a_policy_that_reads_privileged_observations_is_not_saved(tmp_path):
    model, env = trained("MlpPolicy")
    with pytest.raises(ValueError, match=r"^the ActorCriticPolicy reads privileged observations, which no robot has: leave"):
        write_policy(tmp_path / "policy", model, env)
    assert not (tmp_path / "policy").exists()


class KnowingToys(ToyVectorEnv):
    """Declares that a policy may use only the first coordinate."""

    observation_groups = {"policy": slice(0, 1), "critic": slice(0, 2)}  # noqa: RUF012


def test_such_a_training_is_refused_before_there_is_a_folder(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(gym.registry, "Knowing-v0", EnvSpec("Knowing-v0", vector_entry_point=KnowingToys))
    assert train.main([*SMALL, "--env", "Knowing-v0", "--run-dir", str(tmp_path / "run")]) == 2
    assert "reads privileged observations" in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_the_environment_of_a_run_is_recorded_without_privileged_observations(tmp_path):
    run = make_run(tmp_path / "run", {}, [], "ResidualWalk-v0", {"privileged": True, "residual_scale": 0.01})
    assert read_env(run) == ("ResidualWalk-v0", {"residual_scale": 0.01})
