"""Gait plus residual: addition, clipping, and refused inputs."""

import numpy as np
import pytest

from controllers.bezier_gait import DiagonalGaitController, GaitParameters
from controllers.bezier_gait_residual import BezierGaitResidualController

LEGS = ("FL", "FR", "RL", "RR")
COMMAND = np.array([0.3, 0.1, 0.5])


def commanded(controller, num_robots=1):
    controller.set_command(np.tile(COMMAND, (num_robots, 1)))
    return controller


def pair(num_robots=1, **settings):
    """Returns a residual controller and a plain gait in the same phase of the same walk."""
    controller = BezierGaitResidualController(num_robots=num_robots, **settings)
    commanded(controller.base_controller, num_robots)
    return controller, commanded(DiagonalGaitController(num_robots=num_robots), num_robots)


def test_residuals_are_added_to_the_gait_and_clipped_at_the_scale():
    controller, gait = pair(3, residual_scale=0.01)
    residuals = np.random.default_rng(0).uniform(-0.03, 0.03, (20, 3, 4, 3))
    by_hand = np.array([min(max(value, -0.01), 0.01) for value in residuals.ravel()]).reshape(residuals.shape)
    assert (by_hand != residuals).any() and (by_hand == residuals).any()
    for given, expected in zip(residuals, by_hand):
        np.testing.assert_array_equal(controller.update_with_residuals(0.01, given), gait.update(0.01) + expected)


def test_no_residual_is_the_gait_itself():
    controller, gait = pair(2)
    for _ in range(30):
        np.testing.assert_array_equal(controller.update_with_residuals(0.01, np.zeros((2, 4, 3))), gait.update(0.01))


def test_the_scale_can_change_on_the_way_and_what_is_given_stays_as_it_was():
    (controller, gait), residuals = pair(), np.full((1, 4, 3), -np.inf)
    controller.residual_scale = 0.004
    np.testing.assert_array_equal(controller.update_with_residuals(0.01, residuals), gait.update(0.01) - 0.004)
    assert (residuals == -np.inf).all()


def test_a_mapping_says_the_same_as_an_array():
    (by_name, _), (by_array, _) = pair(), pair()
    residuals = np.random.default_rng(1).uniform(-0.03, 0.03, (1, 4, 3))
    for _ in range(20):
        backwards = dict(zip(reversed(LEGS), residuals[0, ::-1]))
        named = by_name.update_with_residuals(0.01, backwards)
        assert tuple(named) == LEGS
        np.testing.assert_array_equal([list(named.values())], by_array.update_with_residuals(0.01, residuals))


def test_a_leg_left_out_of_a_mapping_follows_the_gait():
    controller, gait = pair()
    targets = controller.update_with_residuals(0.01, {"RL": [0.0, 0.01, 0.0]})
    expected = gait.update(0.01)[0]
    expected[2, 1] += 0.01
    np.testing.assert_array_equal(list(targets.values()), expected)


@pytest.mark.parametrize(
    "num_robots, residuals, words",
    [
        (1, np.zeros((4, 3)), r"shape \(1, 4, 3\).*got \(4, 3\)"),
        (2, np.zeros((1, 4, 3)), r"shape \(2, 4, 3\).*got \(1, 4, 3\)"),
        (1, np.zeros(12), "shape"),
        (2, {"FL": np.zeros(3)}, "one robot.* has 2"),
        (1, {"front_left": np.zeros(3)}, "front_left.*FL, FR, RL, RR"),
        (1, {leg: np.zeros(2) for leg in LEGS}, "^residuals.*shape"),
        (1, {"FL": np.zeros(2)}, "^residuals.*FL|^residuals.*shape"),
    ],
)
def test_residuals_that_do_not_fit_are_refused_in_clear_words(num_robots, residuals, words):
    controller = BezierGaitResidualController(num_robots=num_robots)
    with pytest.raises(ValueError, match=words):
        controller.update_with_residuals(0.01, residuals)
    assert (controller.base_controller.phase == 0).all()


@pytest.mark.parametrize("phase, pair_in_air, share", [(0.0, 0, 0.0), (0.3, 0, 0.6), (0.5, 1, 0.0), (0.95, 1, 0.9)])
def test_phase_information_counts_half_cycles(phase, pair_in_air, share):
    controller = BezierGaitResidualController(GaitParameters(slow_cycle=0.26), num_robots=2)
    controller.reset(phase=phase)
    info = controller.get_phase_info()
    assert list(info) == ["phase_elapsed", "state_duration", "phase_normalized", "active_pair"]
    for value, expected in zip(info.values(), (share * 0.13, 0.13, share, pair_in_air)):
        np.testing.assert_allclose(value, [expected, expected], atol=1e-12)


@pytest.mark.parametrize("phase, flags", [(0.1, (1, 0, 0, 1)), (0.45, (0,) * 4), (0.6, (0, 1, 1, 0)), (0.95, (0,) * 4)])
def test_flags_tell_which_legs_swing(phase, flags):
    controller = BezierGaitResidualController()
    controller.reset(phase=phase)
    assert {leg: flag.tolist() for leg, flag in controller.get_swing_stance_flags().items()} == {
        leg: [flag] for leg, flag in zip(LEGS, flags)
    }


def test_only_the_active_pair_swings_and_swinging_feet_are_those_in_the_air():
    controller, _ = pair()
    for _ in range(100):
        targets = controller.update_with_residuals(0.0071, np.zeros((1, 4, 3)))[0]
        swing = np.array([controller.get_swing_stance_flags()[leg][0] for leg in LEGS], bool)
        active = controller.get_phase_info()["active_pair"][0]
        assert not swing[[1, 2] if active == 0 else [0, 3]].any()
        np.testing.assert_array_equal(targets[:, 2] > -0.067 + 1e-12, swing)


def test_a_new_controller_tells_the_flags_of_one_that_was_reset():
    new, reset = BezierGaitResidualController(), BezierGaitResidualController()
    reset.reset()
    assert new.get_swing_stance_flags() == reset.get_swing_stance_flags()
