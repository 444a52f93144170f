"""Measurements of walks by numbers worked out by hand."""

import numpy as np
import pytest

from envs.locomotion.measures import Travel, cost_of_transport, positive_power


def test_distances_are_along_across_and_straight_from_each_robots_own_start():
    travel = Travel(2)
    turned = np.array([np.cos(0.5), np.sin(0.5)])
    axes = np.array([[1.0, 0.0], turned]), np.array([[0.0, 1.0], [-turned[1], turned[0]]])
    travel.reset(np.arange(2), np.array([[1.0, 2.0], [-1.0, 0.0]]), *axes)
    measured = travel.measure(np.array([[4.0, 6.0], [-1.0 + 2 * turned[0], 2 * turned[1]]]))
    np.testing.assert_allclose(measured["distance"], [3.0, 2.0])
    np.testing.assert_allclose(measured["sideways"], [4.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(measured["straight_distance"], [5.0, 2.0])
    travel.reset(np.array([1]), np.array([[9.0, 9.0]]), axes[0][1:], axes[1][1:])
    assert travel.measure(np.array([[4.0, 6.0], [9.0, 9.0]]))["straight_distance"].tolist() == [5.0, 0.0]


def test_power_that_a_joint_absorbs_is_not_credited():
    power = positive_power(np.array([[2.0, -1.0, 3.0]]), np.array([[0.5, 4.0, -1.0]]))
    assert power == pytest.approx([1.0])


def test_a_cost_of_transport_is_energy_by_weight_and_distance_and_finite_at_the_start():
    np.testing.assert_allclose(cost_of_transport(np.array([6.0, 0.5]), np.array([3.0, 0.0])), [2.0, 500.0])
