"""A policy on disk is whole, comes with its statistics, and broken files are told apart from good ones."""

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecNormalize

from utils.runs import load_policy, normalizing, save_policy, write_aside
from utils.vec_env import make_batch_vec_env


@pytest.fixture
def saved(tmp_path):
    env = VecNormalize(make_batch_vec_env("envs:ResidualWalk-v0", 4, seed=0), clip_obs=3.0)
    model = PPO("MlpPolicy", env, n_steps=8, batch_size=32, seed=0, device="cpu")
    model.learn(64)
    save_policy(tmp_path, model, env)
    return tmp_path, model, env


def test_the_normaliser_is_vecnormalizes_own_to_the_bit(saved):
    _, _, env = saved
    rows = np.random.default_rng(0).normal(0, 10, (100, 98)).astype(np.float32)
    np.testing.assert_array_equal(normalizing(env)(rows), env.normalize_obs(rows))


def test_a_loaded_policy_acts_as_the_saved_one(saved):
    folder, model, env = saved
    rows = np.random.default_rng(0).normal(size=(100, 98)).astype(np.float32)
    wanted, _ = model.predict(env.normalize_obs(rows), deterministic=True)
    np.testing.assert_array_equal(load_policy(folder)(rows), wanted)
    np.testing.assert_array_equal(load_policy(folder / "model.zip")(rows), wanted)


def test_a_loaded_policy_leaves_the_cores_to_the_physics(saved):
    torch.set_num_threads(2)
    load_policy(saved[0])
    assert torch.get_num_threads() == 1


def test_a_frozen_normaliser_does_not_follow_the_training(saved):
    _, model, env = saved
    frozen, rows = normalizing(env), np.ones((1, 98), np.float32)
    before = frozen(rows)
    model.learn(64)
    np.testing.assert_array_equal(frozen(rows), before)
    assert (env.normalize_obs(rows) != before).any()


@pytest.mark.parametrize("name", ["model.zip", "normalizer.npz"])
@pytest.mark.parametrize("damage", [lambda whole: b"", lambda whole: whole[: len(whole) // 2], None])
def test_missing_empty_and_cut_off_files_get_one_sentence(saved, name, damage):
    path = saved[0] / name
    whole = path.read_bytes()
    path.unlink() if damage is None else path.write_bytes(damage(whole))
    with pytest.raises(ValueError, match=name) as refusal:
        load_policy(saved[0])
    assert "\n" not in str(refusal.value)


def test_statistics_that_are_not_finite_are_refused(saved):
    path = saved[0] / "normalizer.npz"
    numbers = dict(np.load(path))
    np.savez(path, **numbers | {"mean": np.full(98, np.nan)})
    with pytest.raises(ValueError, match="not finite"):
        load_policy(saved[0])


def test_a_write_that_breaks_off_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def interrupted(aside):
        aside.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_aside(path, interrupted)
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["file.txt"]
