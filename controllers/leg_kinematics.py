"""Inverse and forward kinematics of the five-bar leg, and its workspace.

Leg frame: the origin is on the tilt axis at the leg's x = 0; the axes are those of the torso (x forward, y left, z up).
The tilt joint carries the leg plane, at the distance `OUTBOARD` outside the axis. In this plane two shoulders drive two
knees, whose lower links meet in the foot. The left knee points backwards, the right knee forwards.
"""

import numpy as np

LEG_SIDES = np.array([1.0, -1.0, 1.0, -1.0])  # +1: left side, leg plane towards +y
HIP_POSITIONS = np.array([[0.075, 0.038], [0.075, -0.038], [-0.075, 0.038], [-0.075, -0.038]])  # x, y of the tilt axes, m

UPPER_LINK = 0.045  # shoulder to knee, m
LOWER_LINK = 0.060  # knee to foot, m
HALF_SHOULDER_GAP = 0.0105  # shoulders are at x = -+ this value, m
OUTBOARD = 0.018  # tilt axis to leg plane, m
FOOT_RADIUS = 0.008  # height of the foot's centre above flat ground, m

_SHOULDER_TO_X = np.array([HALF_SHOULDER_GAP, -HALF_SHOULDER_GAP])
_KNEE_SIGN = np.array([1.0, -1.0])  # knees point outwards
# Law of cosines for the angle between the upper link and the line to the foot: cosine = distance * 1/m + m / distance.
_PER_DISTANCE, _DISTANCE = 0.5 / UPPER_LINK, (UPPER_LINK**2 - LOWER_LINK**2) / (2 * UPPER_LINK)

MAX_REACH = 0.103  # shoulder to foot, m: 2 mm less than a straight leg, which is singular
MIN_DEPTH = 0.025  # foot below the shoulders, m: a smaller depth needs an angle beyond a servo's stop
TILT_LIMIT = 0.9  # rad


def solve_leg_ik_3dof(target: np.ndarray, side: np.ndarray | float = 1.0) -> np.ndarray:
    """Returns the servo angles that put the foot on `target`, or on the reachable point nearest to it.

    Args:
        target: (..., 3) foot centre in the leg frame, m. Must be finite. The result is the nearest point if the target is
            below the hip (z < 0); a target above the hip is moved to some reachable point.
        side: +1 for legs on the left, -1 on the right; broadcasts against target[..., 0]. `LEG_SIDES` for (n, 4, 3).

    Returns:
        (..., 3) angles [tilt, shoulder_L, shoulder_R], rad: tilt about +x, shoulders about +y. At angle 0 the link points
        straight down; a positive shoulder angle moves the knee backwards.
    """
    target = np.asarray(target)
    x, depth, tilt = _reachable(target, side)
    # The shoulder is the first axis, so that every array is contiguous (see _reachable).
    shoulders = (2, *(1,) * x.ndim)
    forward = x + _SHOULDER_TO_X.reshape(shoulders)
    distance = np.sqrt(forward * forward + depth * depth)
    cosine = distance * _PER_DISTANCE + _DISTANCE / distance
    swings = _KNEE_SIGN.reshape(shoulders) * np.arccos(cosine) - np.arctan2(forward, depth)
    angles = np.empty((*x.shape, 3))
    angles[..., 0], angles[..., 1], angles[..., 2] = tilt, *swings
    return angles.reshape(target.shape)


def leg_forward_kinematics(angles: np.ndarray, side: np.ndarray | float = 1.0) -> np.ndarray:
    """Returns the foot's centre (..., 3) in the leg frame, m, for `angles` (..., 3) [tilt, shoulder_L, shoulder_R], rad.

    The lower links can meet in two points; the result is the lower one. It is NaN where the links cannot meet.
    """
    angles = np.asarray(angles, dtype=float)
    left, right = _knee(angles[..., 1], -HALF_SHOULDER_GAP), _knee(angles[..., 2], HALF_SHOULDER_GAP)
    middle, half_gap = (left + right) / 2, (right - left) / 2
    half_width = np.linalg.norm(half_gap, axis=-1, keepdims=True)
    drop = np.sqrt(LOWER_LINK**2 - half_width**2)
    below = np.stack([-half_gap[..., 1], half_gap[..., 0]], axis=-1) / half_width  # half_gap turned towards depth
    x, depth = np.moveaxis(middle + drop * below, -1, 0)
    return _foot(x, depth, angles[..., 0], OUTBOARD * np.asarray(side))


def nearest_reachable(target: np.ndarray, side: np.ndarray | float = 1.0) -> np.ndarray:
    """Returns the point (..., 3) of the workspace nearest to `target` (..., 3), both in the leg frame, m."""
    return leg_forward_kinematics(solve_leg_ik_3dof(np.asarray(target, dtype=float), side), side)


def neutral_foot(depth: np.ndarray | float) -> np.ndarray:
    """Returns the foot centres (4, 3) in their leg frames, order LEG_NAMES, `depth` (m) straight below the shoulders."""
    return np.stack([np.zeros(4), LEG_SIDES * OUTBOARD, np.full(4, -depth)], axis=-1)


def _reachable(target, side):
    """Returns (x, depth in the leg plane, tilt), each (...), of the reachable points nearest to `target` (..., 3)."""
    points = np.atleast_2d(target)
    # Contiguous copies: numpy rounds arctan2 of strided arrays differently, so results would depend on the batch size.
    x, y, z = points.transpose(-1, *range(points.ndim - 1)).astype(float, order="C")
    out = OUTBOARD * side
    depth = np.sqrt(np.maximum(y * y + z * z - OUTBOARD**2, 0.0))
    tilt = np.arctan2(y, -z) - np.arctan2(out, depth)
    far = np.abs(x) + HALF_SHOULDER_GAP
    reach = far * far + depth * depth
    outside = (reach > MAX_REACH**2) | (depth < MIN_DEPTH) | (np.abs(tilt) > TILT_LIMIT)
    if outside.any():
        moved = _clamped(x[outside], y[outside], z[outside], tilt[outside], np.broadcast_to(out, x.shape)[outside])
        x[outside], depth[outside], tilt[outside] = moved
    return x, depth, tilt


def _clamped(x, y, z, tilt, out):
    """Returns (x, depth, tilt), (k,) each, of the workspace's points nearest to the outside points x, y, z.

    There are two candidates; the nearer one is returned. With a free tilt, the problem is 2D: x and the distance from the
    tilt axis, with bounding arcs of squared radius MAX_REACH^2 + OUTBOARD^2. With the tilt at a limit, the problem is in
    the leg plane at that tilt, with bounding arcs of radius MAX_REACH.
    """
    limit = np.copysign(TILT_LIMIT, tilt)
    bearing, axial = np.arctan2(y, -z), np.hypot(y, z)
    free_x, axial = _into_lens(x, axial, np.hypot(MAX_REACH, OUTBOARD), np.hypot(MIN_DEPTH, OUTBOARD))
    free_depth = np.sqrt(axial * axial - OUTBOARD**2)
    free_tilt = np.clip(bearing - np.arctan2(out, free_depth), -TILT_LIMIT, TILT_LIMIT)
    limit_x, limit_depth = _into_lens(x, y * np.sin(limit) - z * np.cos(limit), MAX_REACH, MIN_DEPTH)
    free, limited = (free_x, free_depth, free_tilt), (limit_x, limit_depth, limit)
    target = np.stack([x, y, z], axis=-1)
    distances = [np.linalg.norm(_foot(*point, out) - target, axis=-1) for point in (free, limited)]
    return np.where(distances[0] <= distances[1], free, limited)


def _into_lens(x, down, reach, shortest):
    """Returns the nearest point (x, down) in the lens: the points within `reach` of both shoulders and below `shortest`.

    The nearest point is on the arc of the farther shoulder or at one of the arc's ends.
    """
    down = np.maximum(down, shortest)
    far = np.abs(x) + HALF_SHOULDER_GAP
    scale = np.minimum(1.0, reach / np.hypot(far, down))
    down = np.clip(down * scale, shortest, np.sqrt(reach**2 - HALF_SHOULDER_GAP**2))
    far = np.clip(far * scale, HALF_SHOULDER_GAP, np.sqrt(reach**2 - down * down))
    return np.copysign(far - HALF_SHOULDER_GAP, x), down


def _foot(x, depth, tilt, out):
    """Returns the foot (..., 3) in the leg frame from its coordinates in the leg plane and the plane's tilt."""
    sine, cosine = np.sin(tilt), np.cos(tilt)
    return np.stack([x, out * cosine + depth * sine, out * sine - depth * cosine], axis=-1)


def _knee(angle, shoulder_x):
    """Returns the knee (..., 2) as (x, depth) in the leg plane."""
    return np.stack([shoulder_x - UPPER_LINK * np.sin(angle), UPPER_LINK * np.cos(angle)], axis=-1)
