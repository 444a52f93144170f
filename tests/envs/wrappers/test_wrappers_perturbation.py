"""Perturbations over several episodes: the resets that update, the simulations they reach, and the effect of seeds."""

import gymnasium as gym
import numpy as np
import pytest

import envs  # noqa: F401
from envs.wrappers import Delay, Perturbation
from tests.helpers.challenge_toys import NEXT_STEP, SAME_STEP, cheetahs, toy

WALK = {"enable": True, "scheduler": "random_walk"}


def lengths(env, resets, seed=None):
    """Returns the true lengths of a toy and the lengths in its infos, over `resets` resets."""
    infos = [env.reset(seed=seed if i == 0 else None)[1] for i in range(resets)]
    return [info["length"] for info in infos], [info["perturb_spec"]["length"] for info in infos]


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("period", [1, 2, 5])
def test_every_periodth_reset_updates_and_the_first_is_one_of_them(period, exact):
    env = Perturbation(toy(), WALK | {"period": period}, random=np.random.RandomState(0) if exact else None)
    had, said = lengths(env, 11, seed=1)
    assert had == said and had[0] != 1.0
    changes = [0] + [i for i in range(1, 11) if had[i] != had[i - 1]]
    assert changes == list(range(0, 11, period))


def test_the_original_draws_at_the_reset_from_its_generator():
    env = Perturbation(toy(), WALK | {"std": 0.2}, random=np.random.RandomState(5))
    had, _ = lengths(env, 4)
    steps = np.random.RandomState(5).normal(scale=0.2, size=4)
    np.testing.assert_allclose(had, np.clip(1.0 + np.cumsum(steps), 0.5, 2.0), rtol=1e-12)


def test_a_seed_starts_the_schedule_over_and_decides_all_that_follows():
    env = Perturbation(toy(), WALK)
    first, again, other = lengths(env, 6, seed=1), lengths(env, 6, seed=1), lengths(env, 6, seed=2)
    assert first == again != other


def test_an_environment_perturbed_by_nothing_has_its_nominal_physics():
    env, bare = (
        Perturbation(gym.make("HalfCheetah-v5"), {"mode": "fixed", "params": {"mass": 1.0}}),
        gym.make("HalfCheetah-v5"),
    )
    shown, wanted = env.reset(seed=0)[0], bare.reset(seed=0)[0]
    for _ in range(20):
        np.testing.assert_array_equal(shown, wanted)
        shown, wanted = (one.step(np.ones(6, np.float32))[0] for one in (env, bare))


@pytest.mark.parametrize("mode", [SAME_STEP, NEXT_STEP])
def test_each_cheetah_of_a_vector_has_its_own_mass_in_every_episode(mode):
    env = Perturbation(cheetahs(2, mode, steps=3), {"mode": "range", "params": {"mass": (0.5, 2.0), "gravity": (0.5, 1.0)}})
    nominal = gym.make("HalfCheetah-v5").unwrapped.model
    _, info = env.reset(seed=0)
    seen = []
    for _ in range(12):
        masses = [own.unwrapped.model.body_mass.sum() for own in env.unwrapped.envs]
        current = info.get("reset_info", info)["perturb_spec"]
        np.testing.assert_allclose(masses, current["mass"] * nominal.body_mass.sum(), rtol=1e-12)
        gravity = [own.unwrapped.model.opt.gravity[2] for own in env.unwrapped.envs]
        np.testing.assert_allclose(gravity, -9.81 * current["gravity"])
        seen.append(current["mass"])
        *_, info = env.step(np.zeros((2, 6), np.float32))
    assert len(np.unique(np.array(seen)[:, 0])) >= 3 and (np.array(seen)[:, 0] != np.array(seen)[:, 1]).all()


def test_quadrupeds_are_perturbed_each_on_its_own():
    env = Perturbation(
        gym.make_vec("ResidualWalk-v0", num_envs=3, max_episode_steps=4), {"mode": "range", "params": {"mass": (0.5, 2)}}
    )
    _, info = env.reset(seed=0)
    sim = env.unwrapped.task.sim
    for _ in range(9):
        current = info.get("reset_info", info)["perturb_spec"]["mass"]
        own = [sim.get_model(i).body("torso").mass[0] / sim.model.body("torso").mass[0] for i in range(3)]
        np.testing.assert_allclose(own, current)
        *_, info = env.step(np.zeros((3, 12)))
    assert len(set(current)) == 3


def test_wrapping_twice_perturbs_one_model_once():
    env = Perturbation(
        Delay(Perturbation(gym.make("HalfCheetah-v5"), WALK), actions=1), {"mode": "fixed", "params": {"gravity": 0.5}}
    )
    assert str(env).count("ModelPerturbation") == 1
    env.reset(seed=0)
    model = env.unwrapped.model
    assert model.opt.gravity[2] == -9.81 * 0.5
    assert model.body_mass.sum() != gym.make("HalfCheetah-v5").unwrapped.model.body_mass.sum()


def test_what_cannot_be_perturbed_is_told():
    with pytest.raises(ValueError, match="it cannot be perturbed"):
        Perturbation(gym.make("CartPole-v1"), WALK)
