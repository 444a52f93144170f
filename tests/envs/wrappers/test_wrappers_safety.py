"""Constraints, the cost of violations, and second objectives."""

import gymnasium as gym
import numpy as np
import pytest

import envs  # noqa: F401
from envs.wrappers import OBJECTIVES, Delay, MultiObjective, Objective, Safety
from tests.helpers.challenge_toys import SAME_STEP, TimeObjective, toy, toys

EVEN = {"even": lambda v: v["time"] % 2 == 0, "third": lambda v: v["time"] % 3 == 0, "always": lambda v: v["time"] > -1}


def told(env, steps=4):
    rows = [env.reset()]
    for _ in range(steps):
        observation, *_, info = env.step(np.zeros(2))
        rows.append((observation, info))
    return rows


def test_satisfied_constraints_are_told_and_violations_cost():
    rows = told(Safety(toy(), EVEN, cost=["even", "third"]))
    assert [info["constraints"]["even"] for _, info in rows] == [True, False, True, False, True]
    assert [info["cost"] for _, info in rows] == [0.0, 2.0, 1.0, 1.0, 1.0]
    assert [row["constraints"].tolist() for row, _ in rows[:2]] == [[True, True, True], [False, False, True]]
    assert type(rows[0][1]["constraints"]["even"]) is bool


def test_constraints_may_be_kept_out_of_the_observation_and_may_read_any_info():
    env = Safety(
        gym.make("HalfCheetah-v5"), {"slow": lambda info: np.abs(info.get("x_velocity", 0.0)) < 0.1}, observations=False
    )
    observation, info = env.reset(seed=0)
    assert observation.shape == (17,) and info["constraints"] == {"slow": True}
    assert env.step(np.ones(6, np.float32))[4]["cost"] == 1.0


def test_the_quadruped_s_measurements_can_be_constrained_also_where_a_vector_begins_anew():
    env = Safety(gym.make_vec("ResidualWalk-v0", num_envs=3, max_episode_steps=3), {"near": lambda m: m["distance"] < 1e-3})
    env.reset(seed=0)
    for step in range(1, 7):
        shown, *_, info = env.step(np.zeros((3, 12)))
        assert (info["constraints"]["near"] == (info["distance"] < 1e-3)).all()
        ended = step % 3 == 0
        assert ("reset_info" in info) == ended
        assert (shown[:, -1] == (1.0 if ended else info["constraints"]["near"])).all()
    assert info["final_obs"][0, -1] == info["final_info"]["constraints"]["near"][0]


def test_an_observation_kept_stays_as_it_was_and_the_original_s_does_not():
    for exact, wanted in ((False, [True, True, True]), (True, [False, False, True])):
        env = Safety(toy(), EVEN, exact=exact)
        kept, _ = env.reset()
        env.step(np.zeros(2))
        assert kept["constraints"].tolist() == wanted


def test_constraints_are_as_late_as_the_observation_but_for_the_original_s():
    for exact, wanted in ((False, [True, True, True]), (True, [False, False, True])):
        rows = told(Delay(Safety(toy(), EVEN, exact=exact), observations=1, exact=exact), 1)
        assert rows[-1][0]["x"][0] == 0.0 and rows[-1][0]["constraints"].tolist() == wanted


def test_the_safety_objective_is_mixed_shown_and_told_as_a_term():
    env = MultiObjective(Safety(toy(), EVEN), "safety", reward=True, coeff=0.25, observed=True)
    observation, info = env.reset()
    assert observation["multiobj"].tolist() == [0.0, 1.0] and info["objectives"].tolist() == [1.0]
    observation, reward, _, _, info = env.step(np.zeros(2))
    assert observation["multiobj"].tolist() == [1.0, 1 / 3]
    assert reward == 0.75 * 1.0 + 0.25 / 3 == pytest.approx(sum(info["reward_terms"].values()))


def test_an_objective_may_be_a_name_a_class_a_callable_or_an_object(monkeypatch):
    monkeypatch.setitem(OBJECTIVES, "time", TimeObjective)
    for objective in ("time", TimeObjective, lambda: TimeObjective(), TimeObjective()):
        env = MultiObjective(toy(), objective, reward=True, coeff=1.0)
        env.reset()
        assert env.step(np.zeros(2))[1] == 0.01


def test_an_objective_may_merge_in_its_own_way_and_have_several_figures():
    class Both(Objective):
        number = 2

        def get_objectives(self, info):
            time = np.asarray(info["safety_vars"]["time"])
            return np.stack([time, -time], axis=-1)

        def merge_reward(self, info, reward, coeff):
            return reward * 10

    env = MultiObjective(toys(2, SAME_STEP), Both, reward=True, observed=True)
    env.reset(seed=0)
    shown, rewards, *_ = env.step(np.zeros((2, 2)))
    assert rewards.tolist() == [10.0, 10.0] and shown["multiobj"].tolist() == [[1.0, 1.0, -1.0]] * 2


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Safety(toy(), {}), "safety needs constraints"),
        (
            lambda: Safety(toy(), EVEN, cost=["evem"]),
            "safety_spec.cost names 'evem', which is no constraint, did you mean even",
        ),
        (lambda: MultiObjective(toy(), "safty"), "multiobj_spec.objective 'safty' is unknown, did you mean safety"),
        (lambda: MultiObjective(toy(), 3), "must be a name, an Objective or a function that makes one, got 3"),
        (lambda: MultiObjective(toy(), "safety").reset(), "needs constraints: enable safety_spec"),
        (lambda: MultiObjective(toy(), "safety", coeff=2.0), "multiobj_spec.coeff must lie in 0 to 1, got 2.0"),
        (lambda: Safety(toys(2, SAME_STEP), EVEN, exact=True), "put those into a SyncVectorEnv"),
    ],
)
def test_mistakes_get_one_sentence(make, words):
    with pytest.raises(ValueError, match=words):
        make()
