"""Rotations equal those of scipy."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from utils.rotations import (
    euler_from_matrix,
    quat_conjugate,
    quat_from_euler,
    quat_power,
    quat_product,
    rotation_matrix,
    wrap_angle,
)

RANDOM = Rotation.random(200, rng=np.random.default_rng(0))


def test_matrices_are_those_of_scipy():
    np.testing.assert_allclose(rotation_matrix(RANDOM.as_quat(scalar_first=True)), RANDOM.as_matrix(), atol=1e-14)


def test_a_quarter_turn_to_the_left_takes_x_to_y():
    matrix = rotation_matrix(np.array([np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)]))
    np.testing.assert_allclose(matrix @ [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], atol=1e-15)


def test_quaternions_turn_by_yaw_then_pitch_then_roll():
    roll, pitch, yaw = np.random.default_rng(1).uniform(-4, 4, (3, 200))
    expected = Rotation.from_euler("ZYX", np.stack([yaw, pitch, roll], axis=1)).as_quat(scalar_first=True)
    quat = quat_from_euler(roll, pitch, yaw)
    np.testing.assert_allclose(quat * np.sign(np.vecdot(quat, expected))[:, None], expected, atol=1e-14)


def test_angles_come_back_from_a_matrix():
    yaw, pitch, roll = RANDOM.as_euler("ZYX").T
    np.testing.assert_allclose(euler_from_matrix(RANDOM.as_matrix()), (roll, pitch, yaw), atol=1e-10)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_matrix_rounded_past_straight_up_still_has_a_pitch(sign):
    matrix = np.array([[0.0, 0.0, sign], [0.0, 1.0, 0.0], [-sign * (1 + 1e-12), 0.0, 0.0]])
    assert euler_from_matrix(matrix)[1] == sign * np.pi / 2


@pytest.mark.parametrize("shape", [(), (3,), (2, 5)])
def test_leading_axes_are_a_batch(shape):
    angles = np.random.default_rng(2).uniform(-1, 1, (3, *shape))
    matrix = rotation_matrix(quat_from_euler(*angles))
    assert matrix.shape == (*shape, 3, 3)
    np.testing.assert_allclose(euler_from_matrix(matrix), angles, atol=1e-14)


def test_numbers_and_arrays_of_angles_mix():
    quat = quat_from_euler(0.0, np.array([0.1, -0.2]), 0.3)
    expected = Rotation.from_euler("ZYX", [[0.3, 0.1, 0.0], [0.3, -0.2, 0.0]]).as_quat(scalar_first=True)
    np.testing.assert_allclose(quat, expected, atol=1e-15)


def test_wrapping_moves_an_angle_by_whole_turns_into_half_a_turn():
    angle = np.append(np.random.default_rng(3).uniform(-50, 50, 200), np.nextafter(-np.pi, -4))
    wrapped = wrap_angle(angle)
    np.testing.assert_allclose(np.exp(1j * wrapped), np.exp(1j * angle), atol=1e-12)
    assert (wrapped >= -np.pi).all() and (wrapped <= np.pi).all()


@pytest.mark.parametrize("angle", [np.pi, -np.pi, 3 * np.pi])
def test_half_a_turn_is_wrapped_to_the_lower_end(angle):
    assert wrap_angle(np.array([angle])) == [-np.pi]


def test_products_conjugates_and_powers_are_those_of_scipy():
    first, second = RANDOM, RANDOM[::-1]
    quats, others = (turn.as_quat(scalar_first=True, canonical=True) for turn in (first, second))
    product = quat_product(quats, others)
    expected = (first * second).as_quat(scalar_first=True)
    np.testing.assert_allclose(product * np.sign(np.vecdot(product, expected))[:, None], expected, atol=1e-14)
    np.testing.assert_allclose(quat_conjugate(quats), first.inv().as_quat(scalar_first=True, canonical=True), atol=1e-14)
    for share in (0.0, 0.3, 1.0):
        expected = (first**share).as_quat(scalar_first=True, canonical=True)
        np.testing.assert_allclose(quat_power(quats, share), expected, atol=1e-14)


def test_a_share_of_no_turn_is_none():
    np.testing.assert_array_equal(quat_power(np.array([1.0, 0.0, 0.0, 0.0]), 0.5), [1.0, 0.0, 0.0, 0.0])
