"""Numbers of a robustness sweep, each compared with a sum by hand or with another method."""

import numpy as np
import pytest
from scipy import stats

from evaluation.robustness.metrics import iqm, iqm_interval, robust_auc, robust_auc_spread


def test_robust_auc_of_returns_that_are_all_alike_is_the_mean_of_a_straight_line():
    assert robust_auc([1.0, 2.0, 4.0], [[10.0] * 5, [20.0] * 5, [40.0] * 5]) == pytest.approx((1.5 * 10 + 30 * 2) / 3)


def test_robust_auc_takes_the_tenth_percentile_of_each_values_episodes():
    returns = [np.arange(101.0), 2 * np.arange(101.0)]
    assert robust_auc([0.0, 1.0], returns) == pytest.approx(15.0)  # between 10 and 20
    assert robust_auc_spread([0.0, 1.0], returns) == pytest.approx(22.5 - 7.5)


def test_one_value_has_its_quantile():
    assert robust_auc([3.0], [np.arange(11.0)]) == pytest.approx(1.0)


def test_the_interquartile_mean_leaves_out_the_lowest_and_the_highest_quarter():
    assert iqm([-1e9, 1.0, 3.0, 1e9]) == 2.0
    assert iqm([*range(8)]) == pytest.approx(np.mean([2, 3, 4, 5]))


def test_the_bootstrap_interval_agrees_with_scipys():
    values = np.random.default_rng(0).normal(5.0, 2.0, 80)
    wanted = stats.bootstrap((values,), lambda x, axis: stats.trim_mean(x, 0.25, axis=axis), method="percentile", rng=1)
    assert iqm_interval([values]) == pytest.approx(tuple(wanted.confidence_interval), abs=0.08)


def test_the_bootstrap_draws_every_value_by_itself():
    assert iqm_interval([[0.0] * 9, [7.0] * 9]) == (3.5, 3.5)
