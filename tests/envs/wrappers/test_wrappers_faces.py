"""With any challenges around it, simulation i of a vector equals the single environment of its seed, bit for bit."""

import copy
import json
import warnings
from collections.abc import Mapping

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3

import envs  # noqa: F401
from algorithms.vec_env import BatchVecEnv
from envs import challenges
from envs.wrappers import ChallengeWrapper, Delay, Dimensionality, FlatObservation, Noise
from run_folder.snapshot import capture, pack, restore, unpack
from tests.helpers.challenge_toys import NEXT_STEP, SAME_STEP, TimeObjective, cheetahs, toy, toys

NOISE = {
    "gaussian": {"enable": True, "actions": 0.2, "observations": 0.1},
    "dropped": {"enable": True, "observations_prob": 0.2, "observations_steps": 3, "actions_prob": 0.2, "actions_steps": 2},
    "stuck": {"enable": True, "observations_prob": 0.2, "observations_steps": 2, "actions_prob": 0.1, "actions_steps": 3},
    "repetition": {"enable": True, "actions_prob": 0.5, "actions_steps": 3},
}
ALL = {
    "delay_spec": {"enable": True, "actions": (0, 3), "observations": (1, 4), "rewards": 2},
    "noise_spec": NOISE,
    "dimensionality_spec": {"enable": True, "num_random_state_observations": 3},
}
SCHEDULE = {"enable": True, "scheduler": "random_walk", "period": 2}
TOLD = ALL | {
    "perturb_spec": SCHEDULE,
    "safety_spec": {"enable": True, "cost": ["even"]},
    "multiobj_spec": {"enable": True, "objective": TimeObjective, "reward": True, "coeff": 0.3, "observed": True},
}
WALK = {"terrain": {"kinds": ["rough"], "levels": [0.3]}, "max_episode_steps": 20}
WORLDS = {
    "walk": (
        lambda n, mode: gym.make_vec("ResidualWalk-v0", num_envs=n, **WALK),
        lambda i: gym.make("ResidualWalk-v0", **WALK),
        ALL | {"perturb_spec": {"mode": "range", "params": {"mass": (0.8, 1.2), "friction": (0.5, 1.0)}}},
    ),
    "cheetah": (cheetahs, lambda i: gym.make("HalfCheetah-v5", max_episode_steps=7), ALL | {"perturb_spec": SCHEDULE}),
    "toy": (toys, lambda i: toy(7 + i), TOLD),
    "flat toy": (lambda n, mode: toys(n, mode, flat=True), lambda i: toy(7 + i, flat=True), TOLD),
}
every_world = pytest.mark.parametrize(
    ("world", "mode"),
    [("walk", SAME_STEP), *((world, mode) for world in ("cheetah", "toy", "flat toy") for mode in (SAME_STEP, NEXT_STEP))],
)


def own(batch, i):
    """Returns the i-th observation of a batch, as one row."""
    parts = batch.values() if isinstance(batch, Mapping) else [batch]
    return np.concatenate([np.ravel(part[i]) for part in parts])


def row(observation):
    parts = observation.values() if isinstance(observation, Mapping) else [observation]
    return np.concatenate([np.ravel(part) for part in parts])


def actions_of(vector, steps):
    return np.random.default_rng(0).uniform(-1, 1, (steps, *vector.action_space.shape)).astype(np.float32)


@every_world
def test_simulation_i_of_a_vector_is_the_single_environment_across_ends(world, mode):
    make_vector, make_single, specs = WORLDS[world]
    vector = challenges.apply(make_vector(3, mode), **specs)
    singles = [challenges.apply(make_single(i), **specs) for i in range(3)]
    shown, _ = vector.reset(seed=5)
    alone, over, ends = [env.reset(seed=5 + i)[0] for i, env in enumerate(singles)], [False] * 3, 0
    for action in actions_of(vector, 60):
        for i in range(3):
            np.testing.assert_array_equal(own(shown, i), row(alone[i]))
        shown, rewards, terminated, truncated, info = vector.step(action)
        for i, env in enumerate(singles):
            if over[i]:  # the vector spends one step on the reset
                alone[i], told = env.reset()
                over[i], wanted = False, (0.0, False, False)
            else:
                alone[i], *wanted, told = env.step(action[i])
            assert (rewards[i], terminated[i], truncated[i]) == tuple(wanted)
            for name in ("perturb_spec", "constraints", "reward_terms"):
                for key, value in told.get(name, {}).items():
                    assert info[name][key][i] == value, (name, key)
            assert "cost" not in told or info["cost"][i] == told["cost"]
            if any(wanted[1:]):
                ends += 1
                if mode == SAME_STEP:
                    np.testing.assert_array_equal(row(info["final_obs"][i]), row(alone[i]))
                    alone[i], told = env.reset()
                    for key, value in told.get("constraints", {}).items():
                        assert info["reset_info"]["constraints"][key][i] == value
                else:
                    over[i] = True
    assert ends >= 6


@every_world
def test_challenges_without_strength_change_no_bit(world, mode):
    make, _, _ = WORLDS[world]
    nothing = {
        "delay_spec": {"enable": True},
        "noise_spec": {kind: {"enable": True} for kind in NOISE},
        "dimensionality_spec": {"enable": True},
        "perturb_spec": {"mode": "range", "params": {}},
    }
    bare, wrapped = make(2, mode), challenges.apply(make(2, mode), **nothing)
    assert wrapped.observation_space == bare.observation_space and isinstance(wrapped, ChallengeWrapper)
    shown, wanted = wrapped.reset(seed=1)[0], bare.reset(seed=1)[0]
    for action in actions_of(bare, 30):
        for i in range(2):
            np.testing.assert_array_equal(own(shown, i), own(wanted, i))
        (shown, rewards, *_), (wanted, bare_rewards, *_) = wrapped.step(action), bare.step(action)
        np.testing.assert_array_equal(rewards, bare_rewards)


@every_world
def test_a_reset_by_mask_leaves_the_other_simulations_as_they_are(world, mode):
    make, _, specs = WORLDS[world]
    vector, alike, fresh = (challenges.apply(make(3, mode), **specs) for _ in range(3))
    vector.reset(seed=1), alike.reset(seed=1)
    actions = actions_of(vector, 10)
    for action in actions[:3]:
        seen = vector.step(action)[0]
        alike.step(action)
    before = copy.deepcopy(seen)
    for part in seen.values() if isinstance(seen, Mapping) else [seen]:
        part[:] = 7  # a caller may change them
    shown, _ = vector.reset(seed=[None, 8, None], options={"reset_mask": np.array([False, True, False])})
    wanted, _ = fresh.reset(seed=7)
    for action in actions[3:6]:
        np.testing.assert_array_equal(own(shown, 0), own(before, 0))
        np.testing.assert_array_equal(own(shown, 2), own(before, 2))
        np.testing.assert_array_equal(own(shown, 1), own(wanted, 1))
        before, wanted, shown = (one.step(action)[0] for one in (alike, fresh, vector))


@every_world
def test_observations_and_infos_are_fresh_and_inside_their_space(world, mode):
    make, _, specs = WORLDS[world]
    vector = challenges.apply(make(2, mode), **specs)
    vector.reset(seed=0)
    actions = actions_of(vector, 20)
    shown, _, _, _, info = vector.step(actions[0])
    kept, kept_info = copy.deepcopy(shown), copy.deepcopy(info)
    for action in actions[1:]:
        later, *_ = vector.step(action)
        assert all(vector.single_observation_space.contains(_single(later, i)) for i in range(2))
    np.testing.assert_equal(shown, kept)
    np.testing.assert_equal(info, kept_info)


def _single(batch, i):
    return {name: part[i, ...] for name, part in batch.items()} if isinstance(batch, Mapping) else batch[i]


def check(env, bounded=True):
    with warnings.catch_warnings():
        # The checker warns about every wrapped environment, even about Gymnasium's cheetah.
        warnings.filterwarnings("ignore", message=".*different from the unwrapped version")
        if not bounded:
            warnings.filterwarnings("ignore", message=".*Box observation space m.*infinity")
        check_env(env, skip_render_check=True)
    check_env_for_sb3(env)


@pytest.mark.parametrize("level", ["easy", "medium", "hard"])
def test_both_checkers_accept_wrapped_environments(level):
    walk = challenges.apply(gym.make("ResidualWalk-v0", disable_env_checker=True), combined_challenge=level)
    cheetah = challenges.apply(gym.make("HalfCheetah-v5", disable_env_checker=True), combined_challenge=level)
    check(walk), check(cheetah, bounded=False)


def test_both_checkers_accept_named_observations_with_every_challenge():
    env = challenges.apply(toy(), **TOLD)
    check(FlatObservation(env), bounded=False)
    assert env.observation_space["constraints"].shape == (2,)
    assert [*env.reset(seed=0)[0]] == ["x", "y", "constraints", "dummy-0", "dummy-1", "dummy-2", "multiobj"]


def test_a_state_that_is_put_back_goes_on_bit_for_bit_across_ends():
    def started():
        env = BatchVecEnv(challenges.apply(gym.make_vec("ResidualWalk-v0", num_envs=4, **WALK), **WORLDS["walk"][2]))
        env.seed(1)
        env.reset()
        return env

    env, again = started(), started()
    actions = np.random.default_rng(0).uniform(-1, 1, (80, 4, 12))
    for action in actions[:35]:
        env.step(action)
    arrays = {}
    restore(again, unpack(json.loads(json.dumps(pack(capture(env), arrays))), arrays))
    for action in actions[35:]:
        (rows, rewards, ended, infos), others = env.step(action), again.step(action)
        np.testing.assert_array_equal(rows, others[0])
        np.testing.assert_array_equal(rewards, others[1])
        np.testing.assert_array_equal(ended, others[2])
        assert [info.get("episode", {}).get("r") for info in infos] == [o.get("episode", {}).get("r") for o in others[3]]


def test_same_seed_same_numbers_another_seed_others_and_none_from_global_randomness():
    def trajectory(seed):
        env = challenges.apply(toy(), **TOLD)
        return [row(env.reset(seed=seed)[0])] + [row(env.step(np.zeros(2))[0]) for _ in range(6)]

    np.random.seed(0)
    state = np.random.get_state()[1].copy()
    np.testing.assert_array_equal(trajectory(3), trajectory(3))
    assert (np.array(trajectory(3)) != trajectory(4)).any()
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_two_wrappers_of_a_kind_draw_different_numbers():
    env = Dimensionality(Dimensionality(toy(flat=True), 2), 2)
    observation, _ = env.reset(seed=0)
    assert len(set(observation[-4:])) == 4


def test_blocks_keep_their_names_through_wrappers():
    env = Dimensionality(gym.make("ResidualWalk-v0"), 2)
    own = env.unwrapped.task.observation.slices
    size = env.unwrapped.observation_space.shape[0]
    assert env.layout.slices == own | {"dummy-0": slice(size, size + 1), "dummy-1": slice(size + 1, size + 2)}
    flat = FlatObservation(toy())
    assert flat.layout.slices == {"x": slice(0, 3), "y": slice(3, 4)} and flat.observation_space.dtype == np.float32


def test_environments_with_other_actions_can_be_wrapped_where_actions_stay_as_they_are():
    env = Noise(Delay(gym.make("CartPole-v1"), observations=2, rewards=1), gaussian={"observations": 0.1})
    env.reset(seed=0)
    assert env.step(1)[0].shape == (4,)
    with pytest.raises(ValueError, match="must be a Box"):
        Delay(gym.make("CartPole-v1"), actions=1)
