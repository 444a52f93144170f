"""Every reward term against numbers computed by hand."""

import numpy as np
import pytest

from envs.locomotion import rewards
from utils.kernels import total


@pytest.mark.parametrize("speed, mark", [(0.4, 1.0), (0.55, 0.36788), (0.25, 0.36788), (0.7, 0.01832)])
def test_speed_is_marked_by_a_bell_around_the_command(speed, mark):
    marks = rewards.forward_velocity(np.array([speed]), np.array([0.4]), 0.15)
    np.testing.assert_allclose(marks, [mark], atol=1e-5)


def test_every_robot_is_marked_against_its_own_command():
    marks = rewards.forward_velocity(np.array([0.2, 0.2]), np.array([0.2, 0.5]), 0.3)
    np.testing.assert_allclose(marks, [1.0, np.exp(-1)], atol=1e-12)


def test_sideways_speed_counts_beyond_the_command_to_either_side():
    costs = rewards.lateral_stability(np.array([0.1, -0.1, 0.3]), np.array([0.0, 0.0, 0.5]))
    np.testing.assert_allclose(costs, [0.1, 0.1, 0.2], atol=1e-15)


def test_height_costs_the_same_above_and_below():
    np.testing.assert_allclose(rewards.height(np.array([0.08, 0.07, 0.075]), 0.075), [0.005, 0.005, 0], atol=1e-15)


def test_tilt_costs_its_square():
    costs = rewards.orientation(np.array([0.3, 0.0, -0.1]), np.array([-0.4, 0.0, 0.0]))
    np.testing.assert_allclose(costs, [0.25, 0.0, 0.01], atol=1e-15)


def test_energy_is_the_length_of_the_action():
    actions = np.array([[3.0, 4.0, 0.0], [0.0, 0.0, 0.0], [-1.0, -1.0, 1.0]])
    np.testing.assert_allclose(rewards.energy(actions), [5.0, 0.0, np.sqrt(3)], atol=1e-15)


def test_smoothness_is_the_squared_change_of_the_action():
    actions, before = np.array([[1.0, -1.0], [0.5, 0.5]]), np.array([[-1.0, 1.0], [0.5, 0.2]])
    np.testing.assert_allclose(rewards.smoothness(actions, before), [8.0, 0.09], atol=1e-15)


@pytest.mark.parametrize(
    "swing, contact, mark",
    [("1001", "0110", 0.2), ("0000", "1111", 0.4), ("1111", "1111", -2), ("1001", "0000", 0.0), ("1000", "1010", -0.4)],
)
def test_standing_legs_should_touch_and_swinging_ones_should_not(swing, contact, mark):
    swing, contact = (np.array([[digit == "1" for digit in flags]]) for flags in (swing, contact))
    np.testing.assert_allclose(rewards.contact_pattern(swing, contact), [mark], atol=1e-15)


def test_joints_beyond_their_limits_are_counted():
    middle, allowed = np.array([0.0, 0.7]), np.array([1.0, 1.5])
    angles = np.array([[0.0, 0.7], [1.1, 0.7], [-1.1, 2.3], [1.0, -0.8], [0.0, -0.9]])
    np.testing.assert_array_equal(rewards.joint_limits(angles, middle, allowed), [0, 1, 2, 0, 1])
    assert rewards.joint_limits(angles, middle, allowed).dtype == float


def test_the_heading_is_worth_one_when_held_and_falls_to_both_sides():
    np.testing.assert_allclose(rewards.heading(np.array([0.0, 0.2, -0.2]), 0.2), [1, np.exp(-1), np.exp(-1)], rtol=1e-12)


def test_terms_add_from_left_to_right_on_every_python():
    assert total([0.1] * 10) == 0.9999999999999999 != 1.0
    assert total([1e100, 1.0, -1e100]) == 0.0 == total([])
    np.testing.assert_array_equal(total(np.full((10, 2), 0.1)), np.full(2, 0.9999999999999999))
