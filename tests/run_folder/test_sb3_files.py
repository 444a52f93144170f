"""A policy that SB3 trained becomes a run with the same actions, on the same environment and arguments."""

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.torch_layers import FlattenExtractor
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize
from stable_baselines3.her import HerReplayBuffer

import play_residual_policy
from run_folder import sb3_files
from run_folder.runs import load_run
from tests.helpers.foreign_package import unregistered_afterwards
from tests.helpers.goal_envs import register
from training.command_line import config_of_run
from utils.files import write_arrays

KINDS = {
    "cartpole": (PPO, "CartPole-v1", {}, True),
    "cartpole, not normalised": (PPO, "CartPole-v1", {"sutton_barto_reward": True}, False),
    "pendulum": (PPO, "Pendulum-v1", {"g": 5.0}, True),
    "pendulum, not normalised": (SAC, "Pendulum-v1", {"g": 5.0}, False),
}


HINDSIGHT = {"replay_buffer_class": HerReplayBuffer}


def trained(kind, id, kwargs, normalised, folder, policy="MlpPolicy", **numbers):
    """Returns a learner made with SB3 alone and its VecNormalize, if any, in files as SB3's guide saves them."""
    env = DummyVecEnv([lambda: gym.make(id, **kwargs)])
    env = VecNormalize(env, clip_obs=3.0) if normalised else env
    numbers |= {"n_steps": 64, "batch_size": 64} if kind is PPO else {"learning_starts": 32, "buffer_size": 128}
    model = kind(policy, env, seed=0, device="cpu", **numbers)
    model.learn(128)
    model.save(folder / "model.zip")
    if normalised:
        env.save(str(folder / "vecnormalize.pkl"))
    return model, env


def imported(folder, *arguments):
    return sb3_files.main([str(folder / "model.zip"), str(folder / "run"), "--trust-pickle", *arguments])


@pytest.mark.parametrize("name", KINDS)
def test_an_imported_policy_acts_and_is_played_as_sb3s_own(name, tmp_path):
    kind, id, kwargs, normalised = KINDS[name]
    model, env = trained(kind, id, kwargs, normalised, tmp_path)
    assert imported(tmp_path, "--algo", kind.__name__.lower(), "--env-id", id, "--env-kwargs", str(kwargs)) == 0
    run = load_run(tmp_path / "run")
    rows = np.random.default_rng(0).normal(0, 3, (200, *env.observation_space.shape)).astype(np.float32)
    wanted, _ = model.predict(env.normalize_obs(rows) if normalised else rows, deterministic=True)
    np.testing.assert_array_equal(run.act(rows), wanted)
    assert (run.env_id, run.env_kwargs) == (id, kwargs)
    assert config_of_run(tmp_path / "run", 1).env_arguments == kwargs
    assert play_residual_policy.main(f"--model {tmp_path / 'run'} --episodes 1 --no-render".split()) == 0


def test_a_config_beside_it_names_the_arguments_of_the_environment(tmp_path):
    trained(PPO, "Pendulum-v1", {}, True, tmp_path)
    config = "config: {env_id: Pendulum-v1, env_kwargs: {g: 2.0}, episode_steps: 50, run_dir: old}"
    (tmp_path / "config.yaml").write_text(config)
    assert imported(tmp_path) == 0
    assert load_run(tmp_path / "run").env_kwargs == {"g": 2.0, "max_episode_steps": 50}


DAMAGES = [
    ("config: null", "config.yaml: config must be a mapping, got None"),
    ("config: {env_id: Pendulum-v1, env_kwargs: null}", "env_kwargs must be dict, got None"),
    ("config: {env_id: null}", "env_id must be str, got None"),
]


@pytest.mark.parametrize(("content", "words"), DAMAGES)
def test_a_damaged_config_beside_it_is_refused_in_one_sentence(tmp_path, capsys, content, words):
    trained(PPO, "Pendulum-v1", {}, True, tmp_path)
    (tmp_path / "config.yaml").write_text(content)
    assert imported(tmp_path) == 2 and not (tmp_path / "run").exists()
    message = capsys.readouterr().err
    assert words in message and len(message.splitlines()) == 1


@pytest.mark.parametrize("missing", ["mean", "clip", "eps"])
def test_statistics_of_a_run_beside_it_that_lack_a_number_are_refused_in_one_sentence(tmp_path, capsys, missing):
    trained(PPO, "Pendulum-v1", {}, False, tmp_path)
    numbers = {"mean": np.zeros(3), "var": np.ones(3), "count": 9.0, "clip": 10.0, "eps": 1e-8}
    write_arrays(tmp_path / "normalizer.npz", {name: np.array(value) for name, value in numbers.items() if name != missing})
    assert imported(tmp_path, "--env-id", "Pendulum-v1") == 2 and not (tmp_path / "run").exists()
    assert capsys.readouterr().err == f"sb3_files: cannot read {tmp_path / 'normalizer.npz'}: there is no '{missing}'\n"


@pytest.fixture
def goal_envs():
    with unregistered_afterwards():
        register()
        yield


@pytest.mark.parametrize(("kind", "normalised", "numbers"), [(PPO, True, {}), (PPO, False, {}), (SAC, False, HINDSIGHT)])
def test_an_imported_policy_of_dictionary_observations_acts_as_sb3s_own(kind, normalised, numbers, goal_envs, tmp_path):
    model, env = trained(kind, "Point-v0", {}, normalised, tmp_path, "MultiInputPolicy", **numbers)
    assert imported(tmp_path, "--algo", kind.__name__.lower(), "--env-id", "Point-v0") == 0
    run, draws = load_run(tmp_path / "run"), np.random.default_rng(0)
    rows = {name: draws.normal(0, 3, (200, 2)).astype(np.float32) for name in env.observation_space.spaces}
    wanted, _ = model.predict(env.normalize_obs(rows) if normalised else rows, deterministic=True)
    np.testing.assert_array_equal(run.act(rows), wanted)
    assert play_residual_policy.main(f"--model {tmp_path / 'run'} --episodes 1 --no-render".split()) == 0


@pytest.mark.parametrize(
    ("keys", "arguments", "sentence"),
    [
        (["observation"], ["--env-id", "Point-v0"], "does not normalise achieved_goal, desired_goal (norm_obs_keys)"),
        (None, ["--env-id", "Point-v0", "--env-kwargs", "{dimensions: 3}"], "the policy has observations Dict("),
        (None, ["--env-id", "ShadowHandPen-v0", "--env-kwargs", "{observation: goal}"], "the policy has observations Dict("),
        (None, ["--env-id", "Pendulum-v1"], "Pendulum-v1 has Box("),
    ],
)
def test_a_policy_of_dictionary_observations_that_does_not_fit_is_refused(
    keys, arguments, sentence, goal_envs, tmp_path, capsys
):
    _, env = trained(PPO, "Point-v0", {}, True, tmp_path, "MultiInputPolicy")
    if keys:
        VecNormalize(env.venv, norm_obs_keys=keys).save(str(tmp_path / "vecnormalize.pkl"))
    assert imported(tmp_path, *arguments) == 2
    assert sentence in capsys.readouterr().err and not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--env-id", "Pendulum-v1"], "the policy has observations"),
        (["--env-id", "Acrobot-v1"], "the policy has observations"),
        ([], "the policy has observations"),
        (["--env-id", "CartPole-v1", "--env-kwargs", "{gravity: 2}"], "CartPole-v1 refuses {'gravity': 2}"),
        (["--env-id", "CartPole-v9"], "no environment is called 'CartPole-v9'"),
        (["--env-id", "CartPole-v1", "--algo", "sac"], "cannot read"),
        (["--env-id", "CartPole-v1", "--vecnormalize", "nowhere.pkl"], "cannot read nowhere.pkl"),
    ],
)
def test_a_policy_that_does_not_fit_is_refused_before_there_is_a_folder(arguments, sentence, tmp_path, capsys):
    trained(PPO, "CartPole-v1", {}, True, tmp_path)
    assert imported(tmp_path, *arguments) == 2
    assert sentence in capsys.readouterr().err and not (tmp_path / "run").exists()


class Doubled(FlattenExtractor):
    """A part of a policy without weights, which a run does not store."""

    def forward(self, observations):
        return 2.0 * super().forward(observations)


@pytest.mark.parametrize(("kind", "algo"), [(PPO, "ppo"), (SAC, "sac")])
def test_a_policy_that_would_act_differently_as_a_run_is_refused_and_leaves_nothing(kind, algo, tmp_path, capsys):
    trained(kind, "Pendulum-v1", {}, False, tmp_path, policy_kwargs={"features_extractor_class": Doubled})
    assert imported(tmp_path, "--algo", algo, "--env-id", "Pendulum-v1") == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "it would act differently" in error and not (tmp_path / "run").exists()
