"""Statistics of learning curves against recorded numbers of the original suite, and against numbers by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from evaluation.learning_curve import learning_statistics, moving_mean

RECORDED = json.loads((Path(__file__).parents[1] / "golden/rwrl/evaluators.json").read_text())
T_TWO = 0.95 * np.sqrt(2 / (4 * 0.975 * 0.025))  # Student's 97.5 % quantile for 2 degrees of freedom, in closed form


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["name"])
def test_the_statistics_are_those_recorded_from_the_original(case):
    statistics = learning_statistics(case["returns"])
    for name in ("convergence_episode", "final_return", "absolute_regret", "normalized_regret", "normalized_instability"):
        assert getattr(statistics, name) == pytest.approx(case[name], rel=1e-12), name


def test_means_and_intervals_are_students():
    mean, low, high = moving_mean([1.0, 2.0, 3.0, 7.0], window=3)
    half = T_TWO * np.array([1.0, np.sqrt(7.0)]) / np.sqrt(3)  # deviations of 1, 2, 3 and of 2, 3, 7, by hand
    np.testing.assert_allclose(mean, [2, 4], rtol=1e-14)
    np.testing.assert_allclose([low, high], [mean - half, mean + half], rtol=1e-12)


def test_statistics_by_hand():
    returns = [0.0, 0.0, 0.0, 0.0, 9.0, 10.0, 2.0, 9.0, 10.0, 11.0]
    statistics = learning_statistics(returns, window=3)  # the last mean is 10, its interval goes down to 10 - 2.48 = 7.52
    assert statistics.final_return == 10.0
    assert statistics.convergence_episode == 7  # earlier means stay below 7.52: at most (9 + 10 + 2) / 3 = 7
    assert statistics.absolute_regret == pytest.approx(10 * 4 + 1 + 0 + 8)
    assert statistics.normalized_regret == pytest.approx(4.9)
    assert statistics.normalized_instability == 0.0


def test_the_confidence_is_really_used():
    returns = [0.0, 0.0, 0.0, 0.0, 9.0, 10.0, 2.0, 9.0, 10.0, 11.0]
    wide = learning_statistics(returns, window=3, confidence=0.99)  # down to 10 - 5.73 = 4.27
    assert wide.convergence_episode == 3  # (0 + 9 + 10) / 3 = 6.3
    assert wide.normalized_instability == pytest.approx(1 / 6)  # the 2; six values follow it


def test_episodes_that_fall_short_after_convergence_are_instability():
    returns = np.r_[np.zeros(3), np.tile([10.0, 10.0, 10.0, 4.0], 5), [10.0, 10.0, 10.0]]
    statistics = learning_statistics(returns, window=3)
    assert statistics.convergence_episode == 3
    assert statistics.normalized_instability == pytest.approx(5 / 22)  # five fours among the 22 values after episode 3


def test_a_constant_curve_has_converged_at_once():
    statistics = learning_statistics(np.full(150, 0.1))
    assert statistics.convergence_episode == 1
    assert statistics.absolute_regret == pytest.approx(0.0, abs=1e-12)
    assert statistics.normalized_instability == pytest.approx(0.0)


def test_without_an_episode_after_convergence_there_is_no_instability():
    statistics = learning_statistics([1.0, 2.0], window=2)
    assert statistics.convergence_episode == 1 and statistics.normalized_instability is None


@pytest.mark.parametrize(("first", "expected"), [(-1.0, np.inf), (0.0, np.nan)])
def test_regret_in_final_returns_of_nothing_is_no_number(first, expected):
    np.testing.assert_equal(learning_statistics([first, 0.0, 0.0, 0.0], window=2).normalized_regret, expected)


@pytest.mark.parametrize(
    ("returns", "settings", "message"),
    [
        (np.zeros(100), {}, r"a window of 101 needs at least 101 returns.*\(100,\)"),
        (np.zeros((3, 200)), {}, r"\(3, 200\)"),
        (np.r_[np.zeros(200), np.nan], {}, "finite, got nan"),
        (np.zeros(5), {"window": 1}, "at least 2 episodes, got 1"),
        (np.zeros(200), {"confidence": 95}, "between 0 and 1, got 95"),
    ],
)
def test_what_has_no_statistics_is_refused_in_a_sentence(returns, settings, message):
    with pytest.raises(ValueError, match=message):
        learning_statistics(returns, **settings)
    with pytest.raises(ValueError, match=message):
        moving_mean(returns, **settings)
