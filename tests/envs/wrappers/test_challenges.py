"""`challenges.apply`: the order of the challenges, the combined challenges, and errors in specs."""

import gymnasium as gym
import numpy as np
import pytest

import envs  # noqa: F401
from envs import challenges
from envs.challenges import COMBINED, DelaySpec, NoiseSpec, SafetySpec
from tests.helpers.challenge_toys import SAME_STEP, TellingToy, cheetahs, toy, toys
from utils.perturbation import Perturbable

LATE = {"enable": True, "actions": 2, "observations": 2, "rewards": 2}
SAFE = {"enable": True}


def names(env):
    """Returns the wrappers from the outermost to the innermost."""
    found = []
    while isinstance(env, (gym.Wrapper, gym.vector.VectorWrapper)):
        found.append(type(env).__name__.removeprefix("Single").removeprefix("Vector"))
        env = env.env
    return found


def test_nothing_given_changes_nothing():
    env = toy()
    assert challenges.apply(env) is challenges.apply(env, delay_spec={"actions": 3}, noise_spec={"dropped": {}}) is env


def test_the_order_from_the_outside_in():
    env = challenges.apply(
        toy(), safety_spec=SAFE, delay_spec=LATE, noise_spec={"gaussian": {"enable": True}}, perturb_spec={"enable": True},
        dimensionality_spec={"enable": True, "num_random_state_observations": 1},
        multiobj_spec={"enable": True, "objective": "safety"},
    )  # fmt: skip
    order = ["Delay", "MultiObjective", "Dimensionality", "Delay", "Safety", "Noise", "Perturbation", "TimeLimit"]
    assert names(env) == order


def test_actions_are_late_before_they_are_noisy_and_observations_after():
    noise = {"repetition": {"enable": True, "actions_prob": 1.0, "actions_steps": 2}}
    env = challenges.apply(toy(), delay_spec=LATE, noise_spec=noise)
    env.reset()
    for sent in range(1, 7):
        env.step(np.full(2, sent / 10))
    # Delayed: 1 1 1 2 3 4; every second one of these is executed twice.
    assert [round(10 * row[0]) for row in env.unwrapped.applied] == [1, 1, 1, 1, 3, 3]
    drop = {"dropped": {"enable": True, "observations_prob": 1.0, "observations_steps": 2}}
    env = challenges.apply(toy(), delay_spec=LATE, noise_spec=drop)
    assert env.reset()[0]["x"].tolist() == [0.0] * 3


def test_constraints_are_clean_and_late_dummies_and_objectives_are_neither_and_mixed_rewards_are_late():
    env = challenges.apply(
        toy(), safety_spec=SAFE, delay_spec=LATE, noise_spec={"dropped": {"enable": True, "observations_prob": 1.0}},
        multiobj_spec={"enable": True, "objective": "safety", "reward": True, "coeff": 0.5, "observed": True},
    )  # fmt: skip
    env.reset()
    for _ in range(3):
        observation, reward, *_ = env.step(np.zeros(2))
    assert observation["x"].tolist() == [0.0] * 3
    assert observation["constraints"].tolist() == [False, True]  # from time 1
    assert observation["multiobj"].tolist() == [3.0, 0.5]
    assert reward == 0.5 * 1.0 + 0.5 * 0.5  # from time 1: the first item, for the third time


def test_a_combined_challenge_on_the_quadruped_is_one_line():
    env = challenges.apply(gym.make("ResidualWalk-v0"), combined_challenge="easy")
    observation, info = env.reset(seed=0)
    assert observation.shape == (gym.make("ResidualWalk-v0").observation_space.shape[0] + 10,)
    assert 0.95 <= info["perturb_spec"]["mass"] <= 1.1


@pytest.mark.parametrize("level", COMBINED)
def test_levels_hold_the_numbers_of_the_suite(level):
    late, reward_late, std, prob, steps, executions, dummies = {
        "easy": (3, 10, 0.1, 0.01, 1, 1, 10),
        "medium": (6, 20, 0.3, 0.05, 5, 2, 20),
        "hard": (9, 40, 1.0, 0.1, 10, 3, 50),
    }[level]
    own = COMBINED[level]
    assert own.delay == DelaySpec(True, late, late, reward_late)
    assert (own.noise.gaussian.actions, own.noise.gaussian.observations) == (std, std)
    for fault in (own.noise.dropped, own.noise.stuck):
        assert (fault.enable, fault.observations_prob, fault.observations_steps) == (True, prob, steps)
        assert (fault.actions_prob, fault.actions_steps) == (0.0, 1)
    assert (own.noise.repetition.actions_prob, own.noise.repetition.actions_steps) == (1.0, executions)
    assert own.dimensionality.num_random_state_observations == dummies


@pytest.mark.parametrize(("level", "low", "high"), [("easy", 0.95, 1.1), ("medium", 0.85, 1.3), ("hard", 0.7, 1.6)])
def test_an_environment_without_tuning_is_perturbed_over_a_share_of_its_range(level, low, high):
    env = challenges.apply(cheetahs(20, SAME_STEP), combined_challenge=level)
    drawn = np.concatenate([env.reset(seed=seed)[1]["perturb_spec"]["mass"] for seed in (0, 100, 200)])
    assert low <= drawn.min() < low + 0.1 * (high - low) and high - 0.1 * (high - low) < drawn.max() <= high


def test_an_environment_s_own_tuning_comes_first(monkeypatch):
    tuned = {"easy": {"param": "width", "min": 3.0, "max": 3.5, "std": 0.0}}
    monkeypatch.setattr(TellingToy, "combined_perturbations", tuned, raising=False)
    monkeypatch.setattr(TellingToy, "perturbations", TellingToy.perturbations | {"width": Perturbable(3.0, 1.0, 9.0, 1.0)})
    monkeypatch.setattr(TellingToy, "perturb", lambda self, values, ids: None)
    env = challenges.apply(toy(), combined_challenge="easy")
    assert 3.0 <= env.reset(seed=0)[1]["perturb_spec"]["width"] <= 3.5


def constrained(exact=False, **spec):
    return [*challenges.constraints(toy(), SafetySpec(True, **spec), exact)]


def test_constraints_are_added_replaced_and_removed_by_name():
    def slow(variables):
        return variables["time"] < 3

    assert constrained() == ["even", "early"]
    assert constrained(constraints=["third", slow]) == ["even", "early", "third", "slow"]
    assert constrained(constraints={"even": slow, "slow": slow, "early": None}) == ["even", "slow"]
    assert constrained(exact=True, constraints={"slow": slow}) == ["slow"]


def test_coefficient_and_limits_reach_the_environment_s_own_constraints():
    told = {}
    for key, spec in {"usual": {}, "scaled": {"safety_coeff": 0.0}, "limited": {"limits": {"even": 7}}}.items():
        env = challenges.apply(toys(2, SAME_STEP), safety_spec={"enable": True, **spec})
        env.reset(seed=0)
        told[key] = env.step(np.zeros((2, 2)))[4]["constraints"]
    assert [told[key]["early"].tolist() for key in told] == [[True] * 2, [False] * 2, [True] * 2]
    assert not told["usual"]["even"].any() and not told["limited"]["even"].any()


def test_exact_draws_come_from_the_generator_that_is_handed_in_or_from_the_seed():
    spec = {"noise_spec": {"gaussian": {"enable": True, "observations": 1.0}}, "exact": True}
    handed = challenges.apply(toy(), **spec, random=np.random.RandomState(4))
    seeded = challenges.apply(toy(), **spec)
    wanted = np.random.RandomState(4).normal(size=3)
    np.testing.assert_allclose(handed.reset()[0]["x"], [0.0, 10.0, 20.0] + wanted, rtol=1e-15)
    np.testing.assert_allclose(seeded.reset(seed=4)[0]["x"], [0.0, 10.0, 20.0] + wanted, rtol=1e-15)


@pytest.mark.parametrize(
    ("specs", "words"),
    [
        ({"combined_challenge": "harder"}, "combined_challenge must be one of easy, medium, hard, got 'harder'"),
        ({"combined_challenge": "easy", "delay_spec": LATE}, "itself: leave out delay_spec"),
        ({"combined_challenge": "easy", "noise_spec": NoiseSpec()}, "itself: leave out noise_spec"),
        ({"delay_spec": {"enabled": True}}, "delay_spec has no key 'enabled', did you mean enable"),
        ({"delay_spec": {"enable": "yes"}}, "delay_spec.enable must be True or False, got 'yes'"),
        ({"delay_spec": 3}, "delay_spec must be a mapping or a DelaySpec, got 3"),
        (
            {"noise_spec": {"dropped": {"enable": True, "action_prob": 0.1, "actions_prob": 0.2}}},
            "given twice, also as action_prob",
        ),
        ({"noise_spec": {"gaussian": 0.1}}, "noise_spec.gaussian must be a mapping or a GaussianSpec, got 0.1"),
        ({"safety_spec": {"safety_coeff": 1.5}}, "safety_spec.safety_coeff must lie in 0 to 1, got 1.5"),
        (
            {"safety_spec": {"enable": True, "constraints": ["thirt"]}},
            "names 'thirt', which is no optional constraint, did you mean third",
        ),
        (
            {"safety_spec": {"enable": True, "constraints": 3}},
            "safety_spec.constraints must be a list of names or functions",
        ),
        ({"safety_spec": {"limits": 3}}, "safety_spec.limits must be a mapping"),
        ({"safety_spec": {"cost": "even"}}, "safety_spec.cost must be a list of names"),
        (
            {"dimensionality_spec": {"num_random_state_observations": -1}},
            "at least 0, at most 10000, got -1",
        ),
        ({"multiobj_spec": {"enable": True, "objective": "safety"}}, "needs constraints: enable safety_spec"),
        ({"multiobj_spec": {"enable": True}}, "multiobj_spec.objective must be a name"),
        ({"perturb_spec": {"enable": True, "param": "width"}}, "no parameter 'width' to perturb"),
    ],
)
def test_mistakes_get_one_sentence_that_says_where(specs, words):
    with pytest.raises(ValueError, match=words):
        challenges.apply(toy(), **specs)


def test_an_environment_without_constraints_needs_some():
    with pytest.raises(ValueError, match="give some by name"):
        challenges.apply(gym.make("ResidualWalk-v0"), safety_spec=SAFE)
