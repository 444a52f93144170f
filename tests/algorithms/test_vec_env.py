"""The SB3 VecEnv of a batch equals SB3's own vector of single environments."""

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv

import envs  # noqa: F401
from algorithms.vec_env import BatchVecEnv, make_batch_vec_env, make_vector
from envs.challenges import apply

ID, LENGTH, N = "envs:ResidualWalk-v0", 40, 3


def test_it_equals_sb3s_own_vector_of_monitored_single_environments_bit_for_bit():
    ours = make_batch_vec_env(ID, N, seed=5, max_episode_steps=LENGTH)
    stock = DummyVecEnv([lambda: Monitor(gym.make(ID, max_episode_steps=LENGTH))] * N)
    stock.seed(5)
    np.testing.assert_array_equal(ours.reset(), stock.reset())
    generator = np.random.default_rng(0)
    ends = 0
    for _ in range(3 * LENGTH):
        actions = generator.uniform(-1, 1, (N, 12)).astype(np.float32)
        (rows, rewards, dones, infos), theirs = ours.step(actions), stock.step(actions)
        for mine, wanted in zip((rows, rewards, dones), theirs):
            np.testing.assert_array_equal(mine, wanted)
        for i in np.flatnonzero(dones):
            ends += 1
            np.testing.assert_array_equal(infos[i]["terminal_observation"], theirs[3][i]["terminal_observation"])
            assert infos[i]["TimeLimit.truncated"] == theirs[3][i]["TimeLimit.truncated"]
            assert infos[i]["episode"]["l"] == theirs[3][i]["episode"]["l"]
            assert infos[i]["episode"]["r"] == pytest.approx(theirs[3][i]["episode"]["r"], abs=1e-5)
    assert ends == 3 * N


def test_the_terms_of_an_episode_sum_to_its_return():
    env = make_batch_vec_env(ID, N, seed=0, max_episode_steps=LENGTH)
    env.reset()
    for _ in range(LENGTH):
        *_, infos = env.step(np.full((N, 12), 0.5))
    for info in infos:
        assert sum(info["episode"]["terms"].values()) == pytest.approx(info["episode"]["r"])


def test_methods_and_attributes_reach_the_environment():
    env = make_batch_vec_env(ID, N)
    env.env_method("set_terrain_scale", 0.25)
    assert env.env.unwrapped.task.terrain_scale == 0.25
    env.set_attr("residual_scale", 0.01)
    assert env.get_attr("residual_scale") == [0.01] * N


def test_an_environment_that_restarts_a_step_later_is_refused():
    with pytest.raises(ValueError, match="SAME_STEP"):
        BatchVecEnv(gym.vector.SyncVectorEnv([lambda: gym.make(ID)]))


VARIED = {"terrain": {"kinds": ["rough"], "levels": [0.3]}}


def option_vectors(changes):
    ours = make_batch_vec_env(ID, N, max_episode_steps=LENGTH, **changes)
    return ours, DummyVecEnv([lambda: gym.make(ID, max_episode_steps=LENGTH, **changes)] * N)


@pytest.mark.parametrize("first", [[{}] * N, [{"randomize": False}, {"randomize": True}, {}]])
def test_every_simulation_gets_its_options_bit_for_bit_in_a_first_reset_and_in_others(first):
    pair = option_vectors(VARIED)
    for env in pair:
        env.seed(3)
        env.set_options([dict(own) for own in first])
    np.testing.assert_array_equal(*(env.reset() for env in pair))
    for env in pair:
        env.set_options([{"randomize": True}, {"randomize": False}, {"randomize": True}])
    np.testing.assert_array_equal(*(env.reset() for env in pair))
    actions = np.full((N, 12), 0.2, np.float32)
    for _ in range(LENGTH + 5):
        np.testing.assert_array_equal(*(env.step(actions)[0] for env in pair))


def test_options_of_another_number_and_unknown_ones_are_refused():
    env = make_batch_vec_env(ID, N, seed=0)
    with pytest.raises(ValueError, match="3 simulations need as many options, got 2"):
        env.set_options([{}, {}])
    env.set_options([{}, {"randomise": False}, {}])
    with pytest.raises(ValueError, match="unknown reset options"):
        env.reset()


@pytest.mark.parametrize(
    ("env_id", "name", "call", "value"),
    [(ID, "residual_scale", "set_terrain_scale", 0.01), ("envs:CubeInHand-v0", "render_mode", "set_target_angle", 1.0)],
)
def test_what_all_simulations_share_is_not_set_for_some(env_id, name, call, value):
    env = make_batch_vec_env(env_id, N)
    before = env.get_attr(name)
    for refused in (lambda: env.set_attr(name, value, indices=[1]), lambda: env.env_method(call, value, indices=[0, 2])):
        with pytest.raises(ValueError, match=r"belongs to all 3 simulations at once, not to .*: leave out indices"):
            refused()
    assert env.get_attr(name) == before
    env.env_method(call, value, indices=range(N))
    env.set_attr(name, value, indices=[2, 0, 1])
    assert env.get_attr(name) == [value] * N and env.get_attr(name, indices=1) == [value]


def test_what_single_environments_have_is_set_and_called_for_the_chosen_ones():
    env = make_batch_vec_env("envs:ShadowHandBlock-v0", N, seed=0)
    env.set_attr("reward", "sparse", indices=[0, 2])
    assert env.get_attr("reward") == ["sparse", "dense", "sparse"] and env.get_attr("reward", indices=[1]) == ["dense"]
    env.env_method("perturb", {"torque_scale": np.array([0.5])}, indices=1)
    assert [own["torque_scale"] if own else None for own in env.get_attr("_factors")] == [None, 0.5, None]
    env.reset()
    rewards = env.step(np.zeros((N, 20), np.float32))[1]
    assert rewards[0] == rewards[2] == -1.0 != rewards[1]


def test_a_method_that_takes_simulations_is_given_the_chosen_ones():
    env, nominal = (make_batch_vec_env("envs:CubeInHand-v0", N, seed=0) for _ in range(2))
    env.env_method("perturb", {"object_mass": 1.3}, indices=[1])
    env.reset(), nominal.reset()
    actions = np.full((N, 12), 0.3, np.float32)
    for _ in range(20):
        rows, others = (own.step(actions)[0] for own in (env, nominal))
    assert (rows != others).any(axis=1).tolist() == [False, True, False]


@pytest.mark.parametrize("env_id", [ID, "envs:RWRLWalkerWalk-v0", "envs:ShadowHandPen-v0"])
def test_attributes_of_wrappers_come_first_and_those_below_pass_through(env_id):
    specs = {"delay_spec": {"enable": True, "actions": 2}, "noise_spec": {"gaussian": {"enable": True, "actions": 0.1}}}
    vector = apply(make_vector(env_id, N), **specs)
    env = BatchVecEnv(vector)
    assert env.get_attr("layout")[0] is vector.layout
    assert len(env.get_attr("default_perturbation", indices=[0, 2])) == 2
    assert env.get_attr("num_envs") == [N] * N


@pytest.mark.parametrize("env_id", [ID, "envs:RWRLWalkerWalk-v0"])
def test_an_unknown_attribute_is_refused_with_the_nearest_name(env_id):
    env = make_batch_vec_env(env_id, N)
    for use in (lambda: env.get_attr("perturbatons"), lambda: env.set_attr("perturbatons", 1)):
        with pytest.raises(AttributeError, match="has no attribute 'perturbatons', did you mean perturbations"):
            use()
