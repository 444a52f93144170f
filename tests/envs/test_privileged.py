"""Privileged observations: appended on request, told apart by `observation_groups`, and true."""

import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import VectorWrapper
from stable_baselines3.common.vec_env import VecNormalize

from algorithms.vec_env import BatchVecEnv, make_batch_vec_env
from envs import challenges
from envs.locomotion.terrain import KINDS
from envs.residual_walk.task import ResidualWalkTask
from envs.residual_walk_env import ResidualWalkVectorEnv

N, PLAIN = 3, ResidualWalkTask.observation.space.shape[0]
TERRAIN = {"kinds": ["waves", "stairs"], "levels": [0.7]}
VARIED = {"variation": {"mass": (0.8, 1.2), "servo_gain": (0.5, 1.5), "action_delay": 0.5}, "terrain": TERRAIN}


def rollout(steps=25, **changes):
    env = ResidualWalkVectorEnv(N, **VARIED, **changes)
    observations = [env.reset(seed=5)[0]]
    actions = np.random.default_rng(0).uniform(-1, 1, (steps, N, 12))
    observations += [env.step(action)[0] for action in actions]
    return env, np.array(observations)


def block(env, observation, name):
    return observation[:, env.task.observation.slices[name]]


def test_privileged_rows_change_neither_the_policy_part_nor_the_episode():
    (plain, expected), (env, seen) = rollout(), rollout(privileged=True)
    groups = env.observation_groups
    assert groups == {"policy": slice(0, PLAIN), "critic": slice(0, seen.shape[-1])} and seen.shape[-1] > PLAIN
    np.testing.assert_array_equal(seen[..., groups["policy"]], expected)
    assert plain.observation_groups == {"policy": slice(0, PLAIN), "critic": slice(0, PLAIN)}
    assert ResidualWalkTask.observation.space.shape == (PLAIN,)  # the class is unchanged


def test_the_rows_hold_what_the_simulator_knows():
    env, seen = rollout(privileged=True)
    task, last = env.task, seen[-1]
    for name in ("mass", "servo_gain"):
        np.testing.assert_allclose(block(env, last, f"factor_{name}")[:, 0], task.variation.values[name], rtol=1e-6)
    assert np.ptp(block(env, last, "factor_mass")) > 0.01 and (block(env, last, "factor_gravity") == 1.0).all()
    np.testing.assert_array_equal(block(env, last, "delay")[:, 0], task.randomisation.steps_late)
    kinds = [[*KINDS][i] for i in block(env, last, "terrain_kind").argmax(axis=1)]
    assert kinds == [TERRAIN["kinds"][i] for i in task.ground.kind] and (block(env, last, "terrain_level") == 0.7).all()
    np.testing.assert_allclose(block(env, last, "foot_forces") > 1.0, block(env, last, "foot_contact"))


def test_ground_heights_are_those_of_the_ground_around_the_body():
    env, seen = rollout(privileged=True)
    heights, task = block(env, seen[-1], "ground_heights").reshape(N, 12, 7), env.task
    for i in range(N):
        (x, y, z), yaw = task.body_position[i], np.arctan2(task.rotation[i, 1, 0], task.rotation[i, 0, 0])
        for along, across in ((0, 0), (11, 0), (5, 3), (11, 6)):
            ahead, left = (along - 5.5) * 0.05, (across - 3) * 0.05
            at = x + ahead * np.cos(yaw) - left * np.sin(yaw), y + ahead * np.sin(yaw) + left * np.cos(yaw)
            expected = task.ground.terrain.height_at(*np.array(at)[:, None])[0] - z
            assert heights[i, along, across] == pytest.approx(expected, abs=1e-5)
    assert np.ptp(heights) > 0.01


def test_the_grid_on_flat_ground_shows_how_high_the_body_is():
    env = gym.make("ResidualWalk-v0", privileged=True)
    observation, _ = env.reset(seed=0)
    heights = observation[env.unwrapped.task.observation.slices["ground_heights"]]
    np.testing.assert_allclose(heights, -env.unwrapped.data.body("torso").xpos[2], rtol=1e-5)


@pytest.mark.parametrize("env_id", ["ResidualWalk-v0", "AdaptiveWalk-v0"])
def test_single_and_vector_environments_agree_bit_for_bit(env_id):
    single, vector = gym.make(env_id, privileged=True, **VARIED), gym.make_vec(env_id, 2, privileged=True, **VARIED)
    batch, _ = vector.reset(seed=3)
    for i in range(2):
        np.testing.assert_array_equal(single.reset(seed=3 + i)[0], batch[i])
    assert single.get_wrapper_attr("observation_groups") == vector.unwrapped.observation_groups
    assert single.observation_space == vector.single_observation_space and single.observation_space.contains(batch[0])


def test_groups_are_known_behind_wrappers_and_to_stable_baselines3():
    noisy = challenges.apply(gym.make("ResidualWalk-v0", privileged=True), noise_spec={"gaussian": {"enable": True}})
    batch = make_batch_vec_env("envs:ResidualWalk-v0", 2, privileged=True)
    groups = noisy.get_wrapper_attr("observation_groups")
    assert groups["policy"] == slice(0, PLAIN) and groups["critic"].stop == batch.observation_space.shape[0]
    assert batch.get_attr("observation_groups") == [groups] * 2 and VecNormalize(batch).observation_groups == groups
    others = make_batch_vec_env("Pendulum-v1", 2)
    assert others.observation_groups == {"policy": slice(0, 3), "critic": slice(0, 3)}


def test_groups_follow_entries_that_a_wrapper_adds_to_the_policy():
    vector = gym.make_vec("ResidualWalk-v0", 2, privileged=True)
    size = vector.single_observation_space.shape[0]
    specs = {"dimensionality_spec": {"enable": True, "num_random_state_observations": 4}}
    batch = BatchVecEnv(challenges.apply(vector, **specs))
    assert batch.observation_groups == {"policy": slice(0, PLAIN + 4), "critic": slice(0, size + 4)}


class Cut(VectorWrapper):
    """Declares a smaller observation, and no groups."""

    single_observation_space = gym.spaces.Box(-1.0, 1.0, (5,))


def test_groups_that_a_wrapper_of_others_has_made_wrong_are_refused():
    batch = BatchVecEnv(Cut(gym.make_vec("ResidualWalk-v0", 2, privileged=True)))
    with pytest.raises(ValueError, match="a wrapper changes the observation to 5 values"):
        batch.observation_groups  # noqa: B018


def test_wrappers_around_environments_without_groups_give_the_whole_observation():
    batch = make_batch_vec_env("envs:RWRLCartpoleBalance-v0", 2, noise_spec={"gaussian": {"enable": True}})
    whole = slice(0, batch.observation_space.shape[0])
    assert batch.observation_groups == {"policy": whole, "critic": whole}


@pytest.mark.parametrize("env_id", ["CubeInHand-v0", "Toy-v0"])
@pytest.mark.parametrize("make", [gym.make, gym.make_vec])
def test_a_task_without_privileged_rows_says_so_in_one_sentence(env_id, make):
    with pytest.raises(ValueError, match=r"^\w+ has no privileged observations: leave out privileged=True$"):
        make(env_id, privileged=True)


def test_privileged_is_true_or_false():
    with pytest.raises(ValueError, match="privileged must be True or False, got 'yes'"):
        gym.make("ResidualWalk-v0", privileged="yes")


def test_a_copy_of_an_environment_keeps_its_privileged_rows():
    env = gym.make_vec("ResidualWalk-v0", 2, privileged=True)
    env.reset(seed=1)
    twin, action = pickle.loads(pickle.dumps(env)), np.full((2, 12), 0.3)
    np.testing.assert_array_equal(env.step(action)[0], twin.step(action)[0])
    assert twin.unwrapped.observation_groups == env.unwrapped.observation_groups
