"""The trot: foot paths without jumps, stance feet that move with the ground, and diagonal pairs that alternate."""

import numpy as np
import pytest

from controllers.bezier_gait import DiagonalGaitController, GaitParameters, bezier_polynomial, hold_heading

ARMS = np.array([[0.075, 0.056], [0.075, -0.056], [-0.075, 0.056], [-0.075, -0.056]])  # torso to neutral feet, m
GROUND = -0.067  # body height less foot radius, in the leg frames, m
WALK = (0.137, 0.0, 0.0)  # made of strides for 0.10 m/s, says the table


def walk(command, dt=1e-3, seconds=0.6, parameters=GaitParameters()):
    """Returns a commanded controller's targets (k, 4, 3), swing flags (k, 4) and phases (k,) at every dt."""
    gait = DiagonalGaitController(parameters)
    gait.reset()
    gait.set_command(np.array([command], dtype=float))
    steps = [(gait.update(dt)[0], gait.swing[0].copy(), gait.phase[0]) for _ in range(round(seconds / dt))]
    return map(np.array, zip(*steps))


def stance_velocities(command, leg):
    """Returns the velocities (k, 3) of a foot between successive stance samples."""
    targets, swing, _ = walk(command)
    both = ~swing[1:, leg] & ~swing[:-1, leg]
    return np.diff(targets[:, leg], axis=0)[both] / 1e-3


def de_casteljau(points, t):
    while len(points) > 1:
        points = [(1 - t) * a + t * b for a, b in zip(points, points[1:])]
    return points[0]


@pytest.mark.parametrize("points", [(0.0, 1.0, 1.0, 0.0), (-0.5, -0.7, 0.7, 0.5), (3.0, -2.0, 5.0, 0.25)])
def test_the_polynomial_is_the_bezier_curve(points):
    t = np.linspace(0, 1, 11)
    powers = t[:, None] ** np.arange(4)
    np.testing.assert_allclose(powers @ bezier_polynomial(points), [de_casteljau(points, u) for u in t], atol=1e-14)


@pytest.mark.parametrize("command", [(0.0, 0.0, 0.0), WALK, (0.5, -0.2, 0.8), (-0.3, 0.1, -1.0)])
def test_feet_never_jump(command):
    targets, _, phase = walk(command, dt=1e-4)
    assert (np.diff(phase) < 0).sum() >= 2
    stride = 0.6 * 0.22 * (np.hypot(*command[:2]) + 0.1 * abs(command[2]))
    control_legs = 3 * np.hypot(stride * (1 + 2 * 0.4 / 0.6 / 3), 0.025 * 4 / 3)  # no curve is faster than these
    assert np.linalg.norm(np.diff(targets, axis=0), axis=2).max() <= control_legs / (0.4 * 0.20) * 1e-4


def test_feet_leave_and_meet_the_ground_at_its_own_speed():
    targets, swing, _ = walk(WALK, dt=2e-5, seconds=0.3)
    speed = np.diff(targets[:, 0, 0]) / 2e-5
    changes = np.flatnonzero(np.diff(swing[:, 0]))
    assert len(changes) == 2
    np.testing.assert_allclose(speed[changes - 1], -0.1, atol=2e-3)
    np.testing.assert_allclose(speed[changes + 1], -0.1, atol=2e-3)


@pytest.mark.parametrize("angle", [0.0, 0.8, np.pi, -2.0])
@pytest.mark.parametrize("speed, stride_speed", [(0.137, 0.10), (0.55, 0.45), (1.5, 0.45)])  # the table ends at 0.45
@pytest.mark.parametrize("leg", range(4))
def test_standing_feet_go_straight_against_the_stride(angle, speed, stride_speed, leg):
    direction = np.array([np.cos(angle), np.sin(angle)])
    velocities = stance_velocities((*speed * direction, 0.0), leg)
    np.testing.assert_allclose(velocities, [[*-stride_speed * direction, 0.0]] * len(velocities), atol=1e-8)


@pytest.mark.parametrize("leg", range(4))
def test_turning_moves_the_ground_under_each_foot_across_its_arm(leg):
    velocities = stance_velocities((0.137, 0.0, 0.5), leg)
    ground = -np.array([0.10, 0.0, 0.0]) - np.cross([0.0, 0.0, 0.5], [*ARMS[leg], 0.0])
    np.testing.assert_allclose(velocities, np.tile(ground, (len(velocities), 1)), atol=1e-9)


def test_diagonal_legs_swing_together_and_a_pair_always_stands():
    _, swing, _ = walk(WALK)
    np.testing.assert_array_equal(swing[:, 0], swing[:, 3])
    np.testing.assert_array_equal(swing[:, 1], swing[:, 2])
    assert swing[:, 0].any() and swing[:, 1].any() and not (swing[:, 0] & swing[:, 1]).any()


def test_a_foot_stands_for_the_duty_factor_of_a_cycle():
    for duty in (0.5, 0.6, 0.75):
        _, swing, _ = walk((0, 0, 0), dt=0.22 / 1000, seconds=0.22, parameters=GaitParameters(duty_factor=duty))
        np.testing.assert_allclose(1 - swing.mean(axis=0), duty, atol=2e-3)


@pytest.mark.parametrize("lift", [0.025, 0.012])
def test_the_highest_point_of_a_swing_is_the_step_height(lift):
    targets, swing, _ = walk(WALK, parameters=GaitParameters(step_height=lift))
    np.testing.assert_allclose(targets[..., 2].max(axis=0) - GROUND, lift, atol=1e-5)
    np.testing.assert_allclose(targets[..., 2][~swing], GROUND, atol=1e-15)
    assert targets[..., 2].min() >= GROUND - 1e-15


def test_no_command_steps_on_the_spot():
    targets, *_ = walk((0.0, 0.0, 0.0))
    np.testing.assert_array_equal(targets[..., :2], np.tile([[0, 0.018], [0, -0.018]], (len(targets), 2, 1)))
    assert np.ptp(targets[..., 2], axis=0).min() > 0.024


@pytest.mark.parametrize("speed, cycle", [(0.0, 0.22), (0.1, 0.22), (0.3, 0.21), (0.5, 0.20), (2.0, 0.20)])
def test_the_cadence_follows_the_speed(speed, cycle):
    *_, phase = walk((0.0, -speed, 0.0), dt=cycle / 50, seconds=cycle * 2)
    expected = np.arange(1, 101) / 50
    np.testing.assert_allclose(np.exp(2j * np.pi * phase), np.exp(2j * np.pi * expected), atol=1e-9)


def test_robots_are_commanded_and_reset_one_by_one():
    gait = DiagonalGaitController(num_robots=3)
    gait.set_command(np.array([[0.5, 0.0, 0.3]]), np.array([1]))
    gait.reset(np.array([2]), 0.7)
    expected = [[0.22, 0.20, 0.22], [0.0, 0.3, 0.0], [0.0, 0.0, 0.7]]
    np.testing.assert_allclose([gait.cycle_time, gait.yaw_rate, gait.phase], expected)
    targets = gait.update(0.02)
    assert targets[0, 1, 0] == 0 and targets[1, 1, 0] > 0.005 and targets[2, 1, 2] > targets[0, 1, 2] == GROUND


def test_a_heading_is_held_against_its_error_by_at_most_one_radian_a_second():
    wanted, error = np.array([0.2, 0.0, 0.3, 0.3, 0.0]), np.array([0.1, -0.1, 3.0, -3.0, 0.0])
    held = hold_heading(wanted, error, wanted + [0, 0, 0, 0, 2], GaitParameters())
    np.testing.assert_allclose(held, [0.2 - 2.0 * 0.1, 2.0 * 0.1, 0.3 - 1.0, 0.3 + 1.0, -0.05 * 2], atol=1e-15)
