"""Every reward term of the cube against numbers computed by hand."""

import numpy as np
import pytest

from envs.cube_in_hand import rewards

HALF = np.sqrt(0.5)


@pytest.mark.parametrize(
    ("difference", "angle"),
    [
        ([1, 0, 0, 0], 0.0),
        ([-1, 0, 0, 0], 0.0),
        ([HALF, 0, HALF, 0], np.pi / 2),
        ([-HALF, 0, HALF, 0], np.pi / 2),
        ([0, 0, 0, 1], np.pi),
        ([np.cos(0.15), np.sin(0.15), 0, 0], 0.3),
    ],
)
def test_the_distance_is_the_smallest_angle_whatever_the_sign(difference, angle):
    assert rewards.rotation_distance(np.array([difference], float)) == pytest.approx(angle, abs=1e-15)


def test_progress_is_what_the_distance_fell_by():
    np.testing.assert_allclose(rewards.progress(np.array([1.0, 0.5]), np.array([0.7, 0.6])), [0.3, -0.1])


@pytest.mark.parametrize("term", [rewards.success, rewards.drop])
def test_an_event_counts_one(term):
    assert term(np.array([True, False])).tolist() == [1.0, 0.0]


def test_effort_is_the_mean_square_of_an_action():
    assert rewards.effort(np.array([[1.0, -1.0, 0.0, 0.0], [0.5] * 4])).tolist() == [0.5, 0.25]
