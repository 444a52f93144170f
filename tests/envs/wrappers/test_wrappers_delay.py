"""Delays by hand, on a toy whose observations contain the step."""

import gymnasium as gym
import numpy as np
import pytest

import envs  # noqa: F401
from envs.wrappers import Delay
from tests.helpers.challenge_toys import SAME_STEP, toy, toys

SENT = np.arange(1, 13)[:, None] * np.array([0.01, -0.01])


def played(env, steps=6, episodes=1):
    """Returns x, y, rewards and executed actions (steps,) of each episode; x and y start with the reset."""
    seen = []
    for _ in range(episodes):
        env.unwrapped.applied.clear()
        shown, rewards = [env.reset()[0]], []
        for action in SENT[:steps]:
            observation, reward, *_ = env.step(action)
            shown.append(observation)
            rewards.append(reward)
        x, y = ([row[name][0] for row in shown] for name in "xy")
        seen.append((x, y, rewards, [round(100 * row[0]) for row in env.unwrapped.applied]))
    return seen


def test_the_first_item_fills_the_line_and_an_episode_never_sees_the_one_before():
    first, second = played(Delay(toy(6), actions=2, observations=1, rewards=3), episodes=2)
    assert first == ([0, 0, 1, 2, 3, 4, 5], [100, 100, 101, 102, 103, 104, 105], [1, 1, 1, 1, 2, 3], [1, 1, 1, 2, 3, 4])
    assert second[0] == [1000, 1000, 1001, 1002, 1003, 1004, 1005] and second[2] == [1001, 1001, 1001, 1001, 1002, 1003]
    assert second[3] == first[3]


def test_the_original_keeps_what_is_under_way_over_a_reset():
    _, second = played(Delay(toy(6), actions=2, observations=1, rewards=3, exact=True), episodes=2)
    assert second[0] == [6, 1000, 1001, 1002, 1003, 1004, 1005] and second[2] == [4, 5, 6, 1001, 1002, 1003]
    assert second[3] == [5, 6, 1, 2, 3, 4]


def test_a_block_is_late_and_another_is_on_time():
    ((x, y, *_),) = played(Delay(toy(6), observations={"y": 2}))
    assert x == [0, 1, 2, 3, 4, 5, 6] and y == [100, 100, 100, 101, 102, 103, 104]


def test_components_are_late_one_by_one():
    env = Delay(toy(6), observations=[0, 1, 2, 3], actions=[1, 0])
    env.reset()
    for action in SENT[:4]:
        observation, *_ = env.step(action)
    assert [*observation["x"], *observation["y"]] == [4, 10 + 3, 20 + 2, 100 + 1]
    np.testing.assert_allclose(env.unwrapped.applied[-1], [0.03, -0.04])


def test_the_rows_of_a_task_are_its_blocks():
    env, bare = (
        Delay(gym.make("ResidualWalk-v0"), observations={"joint_pos": 2, "command": (0, 3)}),
        gym.make("ResidualWalk-v0"),
    )
    shown, wanted = [env.reset(seed=0)[0]], [bare.reset(seed=0)[0]]
    for _ in range(8):
        shown.append(env.step(np.ones(12, np.float32))[0])
        wanted.append(bare.step(np.ones(12, np.float32))[0])
    late = env.unwrapped.task.observation.slices["joint_pos"]
    np.testing.assert_array_equal(np.array(shown)[2:, late], np.array(wanted)[:-2, late])
    others = np.delete(np.arange(len(wanted[0])), np.arange(late.start, late.stop))
    np.testing.assert_array_equal(np.array(shown)[:, others], np.array(wanted)[:, others])


def test_random_delays_stay_in_their_range_and_nothing_newer_is_forgotten():
    env = Delay(toys(40, SAME_STEP, steps=60), observations={"x": (1, 4), "y": (0, 2)}, actions=(0, 2))
    env.reset(seed=0)
    ages = np.array([step - env.step(np.zeros((40, 2)))[0]["x"][:, 0] for step in range(1, 60)])
    settled = ages[5:]
    assert set(np.unique(settled)) == {1, 2, 3, 4} and (np.diff(ages, axis=0) <= 1).all()
    # Age is min(age + 1, drawn): 1 after a draw of 1; 2 after age 1 and a larger draw, or after an older age and a 2.
    assert (settled == 1).mean() == pytest.approx(0.25, abs=0.03)
    assert (settled == 2).mean() == pytest.approx(0.25 * 0.75 + 0.25 * 0.75, abs=0.04)
    assert len({tuple(column) for column in ages.T}) == 40


def test_components_have_ranges_of_their_own():
    env = Delay(toys(40, SAME_STEP, steps=60), observations=[(1, 4), 0, (0, 2), 2])
    env.reset(seed=0)
    shown = [env.step(np.zeros((40, 2)))[0] for _ in range(59)]
    rows = np.array([np.hstack([step["x"], step["y"]]) for step in shown])  # (step, simulation, component)
    ages = (np.arange(1, 60)[:, None, None] + [0, 10, 20, 100] - rows)[5:]
    found = [set(np.unique(ages[..., component])) for component in range(4)]
    assert found == [{1, 2, 3, 4}, {0}, {0, 1, 2}, {2}] and (ages[..., 0] != ages[..., 2] + 1).any()


def test_the_terms_still_sum_to_what_is_paid():
    env = Delay(toy(6), rewards=3)
    env.reset()
    for _ in range(6):
        _, reward, _, _, info = env.step(np.zeros(2))
        assert reward == pytest.approx(sum(info["reward_terms"].values()))
    assert info["reward_terms"] == {"task": 6.0, "delay": -3.0}


def test_actions_keep_their_precision_and_the_caller_s_stay_as_they_are():
    for kind in (np.float32, np.float64):
        env, action = Delay(toy(6), actions=1), np.array([0.1, 0.2], kind)
        env.reset()
        env.step(action), env.step(action + kind(0.5))
        assert env.unwrapped.applied[-1].dtype == kind and (env.unwrapped.applied[-1] == action).all()
        assert (action == np.array([0.1, 0.2], kind)).all()


@pytest.mark.parametrize(
    ("delays", "words"),
    [
        ({"actions": -1}, "delay_spec.actions must be a whole number of steps.*, got -1"),
        ({"actions": 1.5}, "delay_spec.actions must be .*, got 1.5"),
        ({"observations": (3, 1)}, r"delay_spec.observations must be .*, got \(3, 1\)"),
        ({"observations": [(3, 1), 0, 0, 0]}, r"delay_spec.observations must be .*, got \[\(3, 1\), 0, 0, 0\]"),
        ({"observations": {"z": 1}}, "delay_spec.observations names 'z', which is no block of the observation"),
        ({"observations": [1, 2]}, "delay_spec.observations needs 4 delays, one per component, got 2"),
        ({"rewards": {"x": 1}}, "delay_spec.rewards must be a whole number of steps, or"),
    ],
)
def test_a_wrong_delay_is_refused_in_one_sentence(delays, words):
    with pytest.raises(ValueError, match=words):
        Delay(toy(), **delays)
