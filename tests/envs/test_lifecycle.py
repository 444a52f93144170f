"""A step before a reset, and any use after `close`, gets one sentence."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import load_env_creator
from gymnasium.error import ClosedEnvironmentError, ResetNeeded
from stable_baselines3.common.vec_env import VecEnv

from algorithms.vec_env import make_batch_vec_env
from envs import challenges
from envs.wrappers.draws import Draws

IDS = sorted(name for name, spec in gym.registry.items() if str(spec.entry_point).startswith("envs."))
CHALLENGED = {"combined_challenge": "hard", "safety_spec": {"enable": True}}
every_case = pytest.mark.parametrize(
    ("env_id", "changes"),
    [
        *((env_id, {}) for env_id in IDS),
        ("RWRLWalkerWalk-v0", CHALLENGED),
        ("RWRLCartpoleBalance-v0", {"combined_challenge": "easy", "observation": "dict", "exact": True}),
    ],
)


def directly(env_id, **changes):
    """Returns the environment of an id without Gymnasium's wrappers."""
    spec = gym.spec(env_id)
    return load_env_creator(spec.entry_point)(**spec.kwargs, **changes)


def vector(env_id, **changes):
    return gym.make_vec(env_id, num_envs=2, **changes)


def batch(env_id, **changes):
    return make_batch_vec_env(f"envs:{env_id}", 2, **changes)


def action(env):
    """Returns zero actions: SB3's vector has the action space of one simulation, Gymnasium's vectors that of all."""
    shape = env.action_space.shape
    return np.zeros((env.num_envs, *shape) if isinstance(env, VecEnv) else shape, np.float32)


@every_case
@pytest.mark.parametrize("make", [directly, gym.make, vector, batch])
def test_a_step_before_the_first_reset_and_use_after_close_are_refused_in_one_sentence(env_id, changes, make):
    env = make(env_id, **changes)
    with pytest.raises(ResetNeeded, match="reset"):
        env.step(action(env))
    env.reset()
    env.step(action(env))
    env.close(), env.close()
    for use in (lambda: env.step(action(env)), env.reset, env.render if make is not batch else env.get_images):
        with pytest.raises(ClosedEnvironmentError, match="is closed: make a new one"):
            use()


NOISE = {"actions_prob": 0.5, "actions_steps": 2}
DRAWS = {
    "noise_spec": {"gaussian": {"enable": True, "actions": 0.2}, "repetition": {"enable": True, **NOISE}},
    "delay_spec": {"enable": True, "actions": (0, 3)},
}


@pytest.mark.parametrize("env_id", ["RWRLWalkerStand-v0", "ShadowHandPen-v0"])
def test_some_single_environments_of_a_vector_can_be_reset_before_all_have_been(env_id):
    env, some = gym.make_vec(env_id, num_envs=3), np.array([False, True, False])
    first, _ = env.reset(seed=[0, 1, 2], options={"reset_mask": some})
    np.testing.assert_array_equal(first[1], gym.make(env_id).reset(seed=1)[0])
    assert not first[~some].any()
    with pytest.raises(ResetNeeded, match="before its first step"):
        env.step(action(env))
    env.reset(seed=0, options={"reset_mask": ~some})
    env.step(action(env))


@pytest.mark.parametrize("env_id", ["RWRLCartpoleBalance-v0", "ShadowHandPen-v0"])
def test_a_reset_that_a_vector_of_single_environments_refuses_forgets_no_end_and_keeps_the_callers_options(env_id):
    env = gym.make_vec(env_id, 2, max_episode_steps=1, autoreset_mode="disabled")
    env.reset(seed=0)
    env.step(action(env))
    with pytest.raises(ValueError, match=r"unknown reset options \['typo'\]; there are reset_mask"):
        env.reset(options={"reset_mask": np.array([True, False]), "typo": 1})
    options = {"reset_mask": np.array([False, True])}
    env.reset(options=options)
    assert [*options] == ["reset_mask"]
    with pytest.raises(ResetNeeded, match=r"simulations \[0\] have ended"):
        env.step(action(env))


@pytest.mark.parametrize(
    ("env_id", "arguments"),
    [("RWRLWalkerStand-v0", {}), ("RWRLWalkerStand-v0", {"exact": True, **DRAWS}), ("ShadowHandPen-v0", {})],
)
def test_a_vector_of_single_environments_refuses_an_action_before_any_of_them_moves(env_id, arguments):
    env = gym.make_vec(env_id, num_envs=2, **arguments)
    env.reset(seed=0)
    bad = action(env)
    bad[1, 0] = np.nan
    before = [single.unwrapped.data.time for single in env.unwrapped.envs]
    with pytest.raises(ValueError, match="NaN"):
        env.step(bad)
    assert [single.unwrapped.data.time for single in env.unwrapped.envs] == before


@pytest.mark.parametrize("env_id", ["AdaptiveWalk-v0", "CubeInHand-v0", "Toy-v0"])
def test_simulations_that_no_reset_has_covered_are_named(env_id):
    env = gym.make_vec(env_id, num_envs=3)
    env.reset(options={"reset_mask": np.array([False, True, False])})
    with pytest.raises(ResetNeeded, match=r"simulations \[0, 2\] must be reset before their first step"):
        env.step(np.zeros(env.action_space.shape))
    env.reset(options={"reset_mask": np.array([True, False, True])})
    env.step(np.zeros(env.action_space.shape))


def test_a_reset_that_is_refused_starts_nothing():
    env = directly("ShadowHandPen-v0")
    with pytest.raises(ValueError, match="unknown reset options"):
        env.reset(options={"angle": 1})
    with pytest.raises(ResetNeeded):
        env.step(action(env))


@pytest.mark.parametrize("env_id", ["ResidualWalk-v0", "Toy-v0"])
def test_a_refused_step_uses_up_no_draws(env_id):
    refused, plain = (challenges.apply(gym.make_vec(env_id, 2), **DRAWS) for _ in range(2))
    for env in (refused, plain):
        env.reset(seed=3, options={"reset_mask": np.array([True, False])})
        for _ in range(3 if env is refused else 0):
            with pytest.raises(ResetNeeded, match=r"simulations \[1\] must"):
                env.step(action(env))
        env.reset(seed=3, options={"reset_mask": np.array([False, True])})
    for _ in range(10):
        np.testing.assert_array_equal(*(env.step(action(env))[0] for env in (refused, plain)))


@pytest.mark.parametrize("env_id", ["AdaptiveWalk-v0", "RWRLCartpoleSwingup-v0", "ShadowHandEgg-v0", "Toy-v0"])
def test_a_step_after_an_end_that_nobody_reset_uses_up_no_draws(env_id):
    made = [gym.make_vec(env_id, 2, max_episode_steps=4, autoreset_mode="disabled") for _ in range(2)]
    refused, plain = (challenges.apply(env, **DRAWS) for env in made)
    for env in (refused, plain):
        env.reset(seed=3)
        env.step(action(env))
        env.reset(seed=[5, None], options={"reset_mask": np.array([True, False])})  # simulation 1 ends first
        for _ in range(3):
            env.step(action(env))
        for _ in range(3 if env is refused else 0):
            with pytest.raises(ResetNeeded, match=r"simulations \[1\] have ended"):
                env.step(action(env))
        env.reset(options={"reset_mask": np.array([False, True])})
    np.testing.assert_array_equal(*(env.step(action(env))[0] for env in (refused, plain)))


@pytest.mark.parametrize("make", [gym.make, vector])
@pytest.mark.parametrize("env_id", ["AdaptiveWalk-v0", "RWRLWalkerWalk-v0", "ShadowHandEgg-v0"])
def test_a_step_before_the_first_reset_reaches_no_wrapper(env_id, make, monkeypatch):
    env = challenges.apply(make(env_id), **DRAWS)
    monkeypatch.setattr(Draws, "take", lambda *_: pytest.fail("a refused step draws"))
    with pytest.raises(ResetNeeded):
        env.step(action(env))


@pytest.mark.parametrize("env_id", ["AdaptiveWalk-v0", "RWRLHumanoidStand-v0", "Toy-v0"])
def test_seeds_of_a_vector_are_whole_numbers_of_any_kind(env_id):
    env = gym.make_vec(env_id, num_envs=2)
    for alike in (np.int64(6), [6, 7], np.array([6, 7]), (6, np.int32(7))):
        np.testing.assert_array_equal(env.reset(seed=alike)[0], env.reset(seed=6)[0])
    for seed, words in (
        (-4, "got -4"),
        ([0.5, 1], "got 0.5"),
        (True, "got True"),
        ("7", "got '7'"),
        ([3], "2 simulations need"),
    ):
        with pytest.raises(ValueError, match=words):
            env.reset(seed=seed)


@pytest.mark.parametrize("make", [gym.make, vector])
@pytest.mark.parametrize("env_id", IDS)
def test_an_argument_that_does_not_exist_gets_one_sentence(env_id, make):
    with pytest.raises(ValueError, match="'perturb_specs'"):
        make(env_id, perturb_specs={})
