"""Wrong actions and specs get one sentence, and leave no trace in the wrappers."""

import functools

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import SyncVectorEnv

import envs  # noqa: F401  (registers the ids)
from envs import challenges
from envs.wrappers import Delay, Noise, Perturbation

NOISE = {"enable": True, "actions": 0.1, "observations": 0.1}


def single(**specs):
    return challenges.apply(gym.make("RealAnt-v0"), **specs)


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (np.full(8, np.nan), "an action must be a number, got NaN"),
        (np.zeros(9), r"an action must have the shape \(8,\), got \(9,\)"),
        (np.zeros((1, 8)), r"an action must have the shape \(8,\), got \(1, 8\)"),
    ],
)
@pytest.mark.parametrize("vector", [False, True])
def test_a_wrong_action_is_refused_before_a_wrapper_remembers_it(action, words, vector):
    twins = [gym.make_vec("RealAnt-v0", num_envs=1) if vector else gym.make("RealAnt-v0") for _ in range(2)]
    late, other = (challenges.apply(env, delay_spec={"enable": True, "actions": 2}) for env in twins)
    late.reset(seed=0), other.reset(seed=0)
    batch = (lambda row: row[None]) if vector else (lambda row: row)
    if vector:
        words = words.replace("(8,)", "(1, 8)") if "shape" not in words else "an action must have the shape"
    with pytest.raises(ValueError, match=words):
        late.step(batch(action))
    for step in range(4):
        right = batch(np.full(8, 0.1 * step, np.float32))
        np.testing.assert_array_equal(late.step(right)[0], other.step(right)[0])


@pytest.mark.parametrize("specs", [{"delay_spec": {"enable": True, "actions": 1}}, {"combined_challenge": "easy"}])
def test_whole_numbers_are_actions_and_change_no_other_action(specs):
    seen = []
    for rest in ([0] * 8, np.zeros(8)):
        env = single(**specs)
        env.reset(seed=0)
        env.step(np.full(8, 0.5))
        seen.append(np.array([env.step(rest)[0] for _ in range(5)]))
    np.testing.assert_array_equal(*seen)


def test_noise_around_a_vector_of_noisy_environments_is_other_noise():
    def noisy():
        return Noise(gym.make("RealAnt-v0"), gaussian=NOISE)

    inner, outer = SyncVectorEnv([noisy]), Noise(SyncVectorEnv([noisy]), gaussian=NOISE)
    plain, first, both = (env.reset(seed=5)[0] for env in (gym.make_vec("RealAnt-v0", num_envs=1), inner, outer))
    errors = (first - plain)[0], (both - first)[0]
    assert all(np.abs(error).max() > 0.05 for error in errors) and np.abs(errors[0] - errors[1]).max() > 0.05


def test_what_is_perturbed_around_a_vector_is_drawn_apart_from_what_its_environments_perturb():
    inner = SyncVectorEnv([lambda: gym.make("RealAnt-v0", perturb_spec={"params": {"mass": [0.9, 1.1]}})] * 4)
    env = Perturbation(inner, {"params": {"friction": [0.9, 1.1]}})
    values = env.reset(seed=0)[1]["perturb_spec"]
    assert np.abs(values["mass"] - values["friction"]).max() > 0.02


def test_a_limit_of_joints_may_be_a_number_for_each():
    quadruped = {"enable": True, "limits": {"joint_pos_constraint": [1.0] * 16}}
    gym.make("RWRLQuadrupedWalk-v0", safety_spec=quadruped).reset(seed=0)


class Indexed(gym.Env):
    """Looks up a number by its action, a whole number."""

    observation_space, action_space = gym.spaces.Box(0, 9, (1,)), gym.spaces.Box(0, 5, (1,), np.int64)

    def reset(self, *, seed=None, options=None):
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.array([[0, 1, 4, 9, 16, 25][action[0]]], np.float32), 0.0, False, False, {}


def test_whole_numbers_stay_whole_where_the_environment_has_whole_actions():
    env = Delay(Indexed(), actions=1)
    env.reset()
    assert [env.step([number])[0][0] for number in (2, 3, 5)] == [4.0, 4.0, 9.0]


def test_what_an_inner_environment_perturbs_cannot_be_perturbed_around_the_vector():
    spec = {"params": {"mass": [0.9, 1.1]}}
    inner = SyncVectorEnv([lambda: Perturbation(gym.make("RealAnt-v0"), spec)] * 2)
    with pytest.raises(ValueError, match="mass"):
        Perturbation(inner, spec)


ON = {"enable": True}
WRONG = [
    ({"safety_spec": ON | {"constraints": [lambda v: True, lambda v: True]}}, "has a function without a name"),
    ({"safety_spec": ON | {"constraints": [functools.partial(np.all)]}}, "has a function without a name"),
    ({"safety_spec": ON | {"constraints": [np.isfinite, np.isfinite]}}, "has 'isfinite' a second time"),
    (
        {"safety_spec": ON | {"constraints": {"slider_accel_constrain": None}}},
        "removes 'slider_accel_constrain', which is no",
    ),
    (
        {"safety_spec": ON | {"limits": {"slider_pos_constraint": 1.0}}},
        r"slider_pos_constraint must be numbers of the shape",
    ),
    (
        {"safety_spec": ON | {"limits": {"slider_accel_constraint": np.nan}}},
        "slider_accel_constraint must be one or several numbers, got nan",
    ),
    (
        {"noise_spec": {"gaussian": ON | {"observations": {"velocity": [0.1] * 3}}}},
        "2 of them for the block 'velocity', got 3",
    ),
    (
        {"noise_spec": {"gaussian": ON | {"observations": {"velocity": {"x": 0.1}}}}},
        "observations must be a standard deviation",
    ),
    ({"delay_spec": ON | {"observations": {"velocity": {"x": 2}}}}, "delay_spec.observations must be a whole number"),
    ({"noise_spec": {"gaussian": NOISE}, "random": np.random.RandomState(3)}, "random has no effect without exact"),
    ({"multiobj_spec": ON | {"objective": "safety", "coeff": 0.5}, "safety_spec": ON}, "coeff has no effect without reward"),
]


@pytest.mark.parametrize(("specs", "words"), WRONG)
def test_a_wrong_value_in_a_spec_is_one_sentence(specs, words):
    base = gym.make("RWRLCartpoleSwingup-v0", observation="dict")
    with pytest.raises(ValueError, match=words) as error:
        challenges.apply(base, **specs)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("given", [{"limits": {"level": 0.1}}, {"safety_coeff": 0.3}])
def test_limits_of_an_environment_without_constraints_are_refused(given):
    with pytest.raises(ValueError, match="the environment declares no constraints"):
        single(safety_spec=ON | given | {"constraints": {"level": lambda v: v["roll"] < 0.2}})


def test_a_delay_keeps_the_precision_of_an_action_of_floats():
    env = Delay(gym.make("RealAnt-v0"), actions=1)
    env.reset(seed=0)
    assert env._checked(np.zeros(8, np.float32)).dtype == np.float32 and env._checked([1] * 8).dtype == np.float64
