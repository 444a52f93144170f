"""Leg angles and workspace, compared with geometry by hand, brute force and MuJoCo."""

from pathlib import Path

import mujoco
import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from controllers import leg_kinematics as leg
from controllers.leg_names import LEG_NAMES

WORLD = str(Path(__file__).parents[2] / "assets/quadruped/world.xml")
HIPS = np.column_stack([leg.HIP_POSITIONS, np.zeros(4)])
NEUTRAL = np.array([0.0, 0.018, -0.067])  # of a leg on the left
EXTREMES = [[0, 0, 0], [0, 0, -1e6], [1e6, -1e6, -1e6], [0, 0.018, 0], [0, 0, -1e-9], [0.05, 0.3, 0], [-1, 2, 3]]


def in_leg_frame(tilt, x, depth, side):
    """Returns points (..., 3) from tilts and positions in the leg plane, by a rotation about x."""
    flat = np.stack(np.broadcast_arrays(x, leg.OUTBOARD * side, -depth), axis=-1)
    return Rotation.from_rotvec(np.multiply.outer(tilt, [1.0, 0.0, 0.0])).apply(flat)


def reachable(n, side, seed=0):
    """Returns about n points (k, 3) distributed over the workspace, by rejection."""
    tilt, x, depth = np.random.default_rng(seed).uniform([-0.9, -0.1, 0.025], [0.9, 0.1, 0.103], (n, 3)).T
    keep = np.hypot(np.abs(x) + leg.HALF_SHOULDER_GAP, depth) <= leg.MAX_REACH
    return in_leg_frame(tilt[keep], x[keep], depth[keep], side)


def rim(side):
    """Returns points (n, 3) distributed over the surfaces of full reach and of smallest depth."""
    x = np.linspace(-0.0892, 0.0892, 801)
    depth = np.sqrt(leg.MAX_REACH**2 - (np.abs(x) + leg.HALF_SHOULDER_GAP) ** 2)
    tilt, x, depth = np.repeat(np.linspace(-0.9, 0.9, 181), 801), np.tile(x, 181), np.tile(depth, 181)
    return np.concatenate([in_leg_frame(tilt, x, d, side) for d in (depth, np.full_like(depth, leg.MIN_DEPTH))])


def feet(data):
    """Returns the feet (4, 3) in their leg frames."""
    world = np.array([data.site(f"{name}_foot").xpos for name in LEG_NAMES])
    return (world - data.body("torso").xpos) @ data.body("torso").xmat.reshape(3, 3) - HIPS


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_reachable_target_comes_back_from_its_angles(side):
    target = reachable(5000, side)
    back = leg.leg_forward_kinematics(leg.solve_leg_ik_3dof(target, side), side)
    np.testing.assert_allclose(back, target, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [(), (1,), (5,), (6, 4), (2, 3, 4)])
def test_any_leading_shape_serves_and_sides_broadcast(shape):
    sides = leg.LEG_SIDES if shape[-1:] == (4,) else 1.0
    target = np.broadcast_to(NEUTRAL * [1, 1, 1.1] + [0.01, 0, 0], (*shape, 3)).copy()
    target[..., 1] *= sides
    angles = leg.solve_leg_ik_3dof(target, sides)
    np.testing.assert_allclose(leg.leg_forward_kinematics(angles, sides), target, rtol=0, atol=1e-12)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_an_unreachable_neighbour_changes_nothing_for_a_reachable_target(side):
    target = np.vstack([reachable(500, side), [[0.5, 0.5, -0.5]]])
    np.testing.assert_allclose(leg.nearest_reachable(target, side)[:-1], target[:-1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_links_keep_their_length_and_knees_point_outwards(side):
    target = reachable(2000, side)
    tilt, *shoulders = leg.solve_leg_ik_3dof(target, side).T
    for angle, start, outwards in zip(shoulders, (-0.0105, 0.0105), (-1, 1)):
        knee = in_leg_frame(tilt, start - 0.045 * np.sin(angle), 0.045 * np.cos(angle), side)
        shoulder = in_leg_frame(tilt, start, np.zeros_like(tilt), side)
        np.testing.assert_allclose(np.linalg.norm(target - knee, axis=1), 0.060, rtol=0, atol=1e-12)
        plane_normal = in_leg_frame(tilt, 0.0, np.zeros_like(tilt), side) / (0.018 * side)
        turn = np.cross(target - shoulder, knee - shoulder)
        assert (np.sign(np.vecdot(turn, plane_normal)) == -outwards).all()


@pytest.mark.parametrize("spread", [0.04, 0.25])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_an_unreachable_target_is_moved_to_the_nearest_reachable_point(side, spread):
    target = NEUTRAL * [1, side, 1] + np.random.default_rng(1).uniform(-spread, spread, (5000, 3))
    target = target[target[:, 2] < 0]
    nearest, _ = cKDTree(np.vstack([reachable(200_000, side), rim(side)])).query(target)
    moved = np.linalg.norm(leg.nearest_reachable(target, side) - target, axis=1)
    assert (moved > 1e-3).any() and (moved - nearest).max() < 1e-6


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_whatever_is_asked_the_foot_stays_in_the_workspace(side):
    target = np.vstack([EXTREMES, np.random.default_rng(2).normal(0, 0.2, (2000, 3))])
    angles = leg.solve_leg_ik_3dof(target, side)
    foot = Rotation.from_rotvec(-angles[:, :1] * [1, 0, 0]).apply(leg.nearest_reachable(target, side))
    np.testing.assert_allclose(foot[:, 1], 0.018 * side, rtol=0, atol=1e-12)
    assert np.abs(angles[:, 0]).max() <= 0.9 and foot[:, 2].max() < -0.025 + 1e-9
    assert np.hypot(np.abs(foot[:, 0]) + 0.0105, foot[:, 2]).max() < 0.103 + 1e-9


def test_a_moved_target_is_not_moved_again():
    moved = leg.nearest_reachable(np.vstack([EXTREMES, np.random.default_rng(3).normal(0, 0.2, (2000, 3))]))
    np.testing.assert_allclose(leg.nearest_reachable(moved), moved, rtol=0, atol=1e-12)


def test_a_target_alone_is_answered_as_among_many_and_left_as_it_was():
    target = np.vstack([EXTREMES, np.random.default_rng(5).normal(0, 0.1, (300, 3))])
    kept, alone = target.copy(), [leg.solve_leg_ik_3dof(one) for one in target]
    np.testing.assert_array_equal(leg.solve_leg_ik_3dof(target), alone)
    np.testing.assert_array_equal(target, kept)


def test_hanging_feet_go_where_they_are_sent():
    spec, rng = mujoco.MjSpec.from_file(WORLD), np.random.default_rng(4)
    for part in (spec.joint("root"), spec.key("home"), spec.geom("ground")):
        spec.delete(part)
    spec.option.gravity = [0, 0, 0]
    model = spec.compile()
    data = mujoco.MjData(model)
    data.qpos[:] = mujoco.MjModel.from_xml_path(WORLD).key("home").qpos[7:]
    for target in np.stack([rng.permutation(reachable(200, side))[:20] for side in leg.LEG_SIDES], axis=1):
        data.ctrl[:] = leg.solve_leg_ik_3dof(target, leg.LEG_SIDES).ravel()
        mujoco.mj_step(model, data, 500)
        assert np.linalg.norm(feet(data) - target, axis=1).max() < 1e-3


def test_standing_feet_give_way_by_less_than_a_millimetre():
    model = mujoco.MjModel.from_xml_path(WORLD)
    data = mujoco.MjData(model)
    mujoco.mj_resetDataKeyframe(model, data, 0)
    target = NEUTRAL * np.column_stack([np.ones(4), leg.LEG_SIDES, np.ones(4)])
    data.ctrl[:] = leg.solve_leg_ik_3dof(target, leg.LEG_SIDES).ravel()
    mujoco.mj_step(model, data, 1000)
    assert np.linalg.norm(feet(data) - target, axis=1).max() < 1e-3
