"""Statistics of a study against hand-computed answers and scipy."""

import numpy as np
import pytest
from scipy import stats

from evaluation.study.statistics import cvar, iqm_over_trainings, is_clear, paired_difference


def test_cvar_is_the_mean_of_the_worst_tenth_and_counts_a_value_in_part():
    assert cvar(np.arange(20.0)[::-1]) == pytest.approx(0.5)  # the lowest two of twenty
    assert cvar(np.arange(25.0)) == pytest.approx((0 + 1 + 0.5 * 2) / 2.5)
    assert cvar(np.array([7.0, 3.0, 5.0])) == 3.0  # a tenth of three values is a part of the lowest
    assert cvar(np.arange(4.0), 1.0) == pytest.approx(1.5)
    np.testing.assert_allclose(cvar(np.array([[1.0, 2.0], [5.0, 4.0]])), [1.0, 4.0])


def test_the_iqm_is_the_mean_of_the_middle_half_of_all_trainings_and_conditions():
    values = np.array([[0.0, 1.0, 2.0, 90.0], [3.0, 4.0, 5.0, -80.0]])
    middle, low, high = iqm_over_trainings(values)
    assert middle == pytest.approx((1 + 2 + 3 + 4) / 4) and low <= middle <= high


def test_whole_trainings_are_resampled_because_their_conditions_depend_on_each_other():
    values = np.repeat([[0.0], [1.0]], 50, axis=1)  # of 4 pairs of trainings, one has only zeros and one only ones
    assert iqm_over_trainings(values)[1:] == (0.0, 1.0)


def test_the_bootstrap_interval_agrees_with_scipys_for_one_condition():
    values = np.random.default_rng(0).normal(size=(12, 1))
    iqm = lambda x, axis: stats.trim_mean(x, 0.25, axis=axis)  # noqa: E731
    expected = stats.bootstrap((values[:, 0],), iqm, method="percentile", n_resamples=20_000, rng=1).confidence_interval
    assert iqm_over_trainings(values)[1:] == pytest.approx((expected.low, expected.high), abs=0.05)


def test_one_training_has_no_interval():
    assert iqm_over_trainings(np.array([[1.0, 3.0]])) == (2.0, -np.inf, np.inf)
    assert paired_difference([3.0], [1.0]) == (2.0, -np.inf, np.inf)


def test_the_paired_interval_is_that_of_scipys_paired_t_test():
    first, second = np.random.default_rng(3).normal(size=(2, 5))
    expected = stats.ttest_rel(first, second).confidence_interval()
    mean, low, high = paired_difference(first, second)
    assert (mean, low, high) == pytest.approx((np.mean(first - second), expected.low, expected.high))


def test_only_an_interval_without_0_is_clear():
    assert is_clear((0.1, 0.2)) and is_clear((-0.2, -0.1))
    assert not is_clear((-0.1, 0.1)) and not is_clear((0.0, 0.1)) and not is_clear((-np.inf, np.inf))
