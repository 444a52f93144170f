"""A run folder returns the saved policy, never a policy without its statistics, and one sentence if it cannot."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecNormalize

from algorithms.vec_env import make_batch_vec_env
from envs.residual_walk.config import ResidualWalkConfig
from run_folder.policy import POLICY_FILES, hashes, normalizing
from run_folder.runs import load_policy, load_run, locked, save_best, save_last
from tests.helpers.small_runs import LEARNERS, trained
from utils.files import read_arrays, write_arrays


@pytest.fixture(scope="module", params=LEARNERS)
def saved(request, tmp_path_factory):
    return trained(request.param, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def ppo(tmp_path_factory):
    return trained("ppo", tmp_path_factory.mktemp("ppo"))


@pytest.fixture
def run(ppo, tmp_path):
    """Returns a copy of a run that a test may damage."""
    return shutil.copytree(ppo[0], tmp_path / "copy")


ROWS = np.random.default_rng(0).normal(0, 3, (100, 98)).astype(np.float32)


def test_a_loaded_policy_acts_as_the_saved_one_to_the_bit(saved):
    folder, model, env = saved
    wanted, _ = model.predict(env.normalize_obs(ROWS), deterministic=True)
    np.testing.assert_array_equal(load_run(folder).act(ROWS), wanted)
    np.testing.assert_array_equal(load_policy(folder)(ROWS), wanted)


@pytest.mark.parametrize("place", [(0, 97), (41, 3)])
def test_a_value_that_is_nan_is_refused_in_one_sentence(saved, place):
    """SAC's policy would give actions of NaN, and PPO's an error of torch."""
    rows = ROWS.copy()
    rows[5, 5] = np.inf  # is clipped
    rows[place] = np.nan
    words = f"^value {place[1]} of observation {place[0]} is NaN: the policy has no action for it$"
    with pytest.raises(ValueError, match=words):
        load_run(saved[0]).act(rows)
    single = ROWS[0].copy()
    single[7] = np.nan
    with pytest.raises(ValueError, match="value 7 of observation 0 is NaN"):
        load_policy(saved[0])(single)


def test_the_normaliser_is_vecnormalizes_own_to_the_bit_and_does_not_follow_it(saved):
    _, _, env = saved
    frozen = normalizing(env)
    wanted = env.normalize_obs(ROWS)
    np.testing.assert_array_equal(frozen(ROWS), wanted)
    env.obs_rms.mean = env.obs_rms.mean + 1.0
    np.testing.assert_array_equal(frozen(ROWS), wanted)
    env.obs_rms.mean = env.obs_rms.mean - 1.0


def test_a_run_makes_the_environment_it_was_trained_on(run):
    env = load_run(run).make_env(2, max_episode_steps=7)
    assert env.num_envs == 2 and env.unwrapped.config == ResidualWalkConfig(residual_scale=0.03)
    env.close()


def test_loading_leaves_global_randomness_alone_and_the_cores_to_the_physics(run):
    torch.set_num_threads(2)
    before, numpys = torch.get_rng_state(), np.random.get_state()[1].copy()
    load_run(run)
    assert torch.equal(torch.get_rng_state(), before) and torch.get_num_threads() == 1
    np.testing.assert_array_equal(np.random.get_state()[1], numpys)


def test_the_best_policy_is_loaded_with_the_runs_environment(ppo, run):
    save_best(run, ppo[1])
    np.testing.assert_array_equal(load_run(run / "best").act(ROWS), load_run(run).act(ROWS))
    assert load_run(run / "best").env_kwargs == load_run(run).env_kwargs


def test_a_folder_is_one_trainings_at_a_time(run):
    with locked(run), pytest.raises(ValueError, match="in use by another training"), locked(run):
        pass
    with locked(run):
        pass


def rewritten(name, change):
    """Returns a function that changes a policy's file and corrects its hashes, as an attacker would."""

    def damage(run):
        change(run / name)
        architecture = json.loads((run / "policy.json").read_text())
        (run / "policy.json").write_text(json.dumps(architecture | {"sha256": hashes(run)}))

    return damage


def with_json(**changes):
    def damage(run):
        (run / "policy.json").write_text(json.dumps(json.loads((run / "policy.json").read_text()) | changes))

    return damage


def with_tensors(change):
    return rewritten("policy.safetensors", lambda path: save_file(change(load_file(path)), path))


def with_numbers(**changes):
    return rewritten("normalizer.npz", lambda path: write_arrays(path, read_arrays(path) | changes))


def wider(tensors):
    return {name: torch.zeros(9, 98) if name == "mlp_extractor.policy_net.0.weight" else t for name, t in tensors.items()}


def not_finite(tensors):
    return {name: tensor * torch.nan if name == "log_std" else tensor for name, tensor in tensors.items()}


DAMAGE = {
    "weights cut off": (
        lambda run: (run / "policy.safetensors").write_bytes(b"\x08"),
        "damaged, or was not written together",
    ),
    "weights cut off, hash right": (
        rewritten("policy.safetensors", lambda p: p.write_bytes(p.read_bytes()[:200])),
        "cannot read",
    ),
    "weights empty, hash right": (rewritten("policy.safetensors", lambda p: p.write_bytes(b"")), "cannot read"),
    "another run's weights": (
        lambda run: save_file({"a": torch.zeros(1)}, run / "policy.safetensors"),
        "is damaged, or was not",
    ),
    "another architecture": (with_tensors(wider), r"mlp_extractor.policy_net.0.weight of shape \(8, 98\), .* \(9, 98\)"),
    "tensor missing": (with_tensors(lambda tensors: {"log_std": tensors["log_std"]}), "the weights have None"),
    "weights not finite": (with_tensors(not_finite), "not finite"),
    "statistics not finite": (with_numbers(mean=np.full(98, np.nan)), "not finite"),
    "statistics of another size": (with_numbers(mean=np.zeros(97)), r"98 values, got the shapes \(97,\)"),
    "variance negative": (with_numbers(var=np.full(98, -1.0)), "a variance below 0"),
    "statistics of another moment": (lambda run: write_arrays(run / "normalizer.npz", {"mean": np.zeros(98)}), "is damaged"),
    "no statistics": (lambda run: (run / "normalizer.npz").unlink(), "contains no normalizer.npz"),
    "architecture empty": (lambda run: (run / "policy.json").write_text(""), "cannot read .*policy.json: Expecting value"),
    "newer format": (with_json(format=2), "newer version of this package"),
    "unknown key": (with_json(actors=[8]), "did you mean actor"),
    "unknown policy": (with_json(policy="os.system"), "policy must be one of ActorCriticPolicy, SACPolicy, got 'os.system'"),
    "unknown activation": (with_json(activation="exec"), "activation must be one of relu, elu, tanh"),
    "enormous": (with_json(actor=[10**9]), "1 to 8192"),
    "endless": (with_json(actor=[8] * 1000), "at most 16 layers"),
    "bounds not finite": (with_json(action_low=[float("nan")] * 12), "bounds of actions must be finite"),
    "wrong type": (with_json(observation_size="98"), "observation_size must be int"),
    "no env.json": (lambda run: (run / "env.json").unlink(), "contains no env.json"),
    "env of another module": (
        lambda run: (run / "env.json").write_text('{"id": "os:Evil-v0", "kwargs": {}}'),
        "'os:Evil-v0'",
    ),
    "env of wrong form": (lambda run: (run / "env.json").write_text('{"id": 3}'), "must contain the id"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_policy_is_refused_in_one_sentence(run, name):
    damage, words = DAMAGE[name]
    load_run(run)
    damage(run)
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    with pytest.raises(ValueError, match=words) as refusal:
        load_run(run)
    assert "\n" not in str(refusal.value)
    assert before == {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}


@pytest.mark.parametrize("name", POLICY_FILES)
def test_a_missing_file_is_named(run, name):
    (run / name).unlink()
    with pytest.raises(ValueError, match=f"contains no {name}"):
        load_run(run)


@pytest.mark.parametrize("name", ["model.zip", "model.pkl", "policy.pth"])
def test_a_pickle_is_refused_unread(tmp_path, name):
    (tmp_path / name).write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(ValueError, match="is a pickle, which can run code"):
        load_run(tmp_path / name)


def test_a_policy_that_cannot_be_told_in_json_is_refused(tmp_path):
    env = VecNormalize(make_batch_vec_env("envs:ResidualWalk-v0", 2, seed=0))
    model = PPO("MlpPolicy", env, n_steps=8, batch_size=16, device="cpu", policy_kwargs={"activation_fn": torch.nn.SiLU})
    with pytest.raises(ValueError, match="relu, elu, tanh"):
        save_last(tmp_path, model, {})
