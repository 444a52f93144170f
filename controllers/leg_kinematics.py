"""The five-bar leg: foot position to servo angles, back again, and the workspace in between.

Leg frame: origin where the tilt axis meets the leg's own x = 0, axes as the torso (x forward, y left, z up).
Behind the tilt joint lies a plane, `OUTBOARD` to the outside of the axis, in which two shoulders drive two knees
that meet in the foot. Knees point outwards: the left one backwards, the right one forwards.
"""

import numpy as np

LEG_SIDES = np.array([1.0, -1.0, 1.0, -1.0])  # +1: left of the body, its plane lies towards +y
HIP_POSITIONS = np.array([[0.075, 0.038], [0.075, -0.038], [-0.075, 0.038], [-0.075, -0.038]])  # x, y of the tilt axes, m

UPPER_LINK = 0.045  # shoulder to knee, m
LOWER_LINK = 0.060  # knee to foot, m
HALF_SHOULDER_GAP = 0.0105  # shoulders stand at x = -+ this, m
OUTBOARD = 0.018  # tilt axis to leg plane, m
FOOT_RADIUS = 0.008  # the foot's centre stands this high above flat ground, m

_SHOULDER_TO_X = np.array([HALF_SHOULDER_GAP, -HALF_SHOULDER_GAP])
_KNEE_SIGN = np.array([1.0, -1.0])  # knees point outwards

MAX_REACH = 0.103  # shoulder to foot, m: 2 mm short of a stretched leg, where the servos lose their grip
MIN_DEPTH = 0.025  # foot below the shoulders, m: nearer, a servo would have to turn past its stop
TILT_LIMIT = 0.9  # rad


def solve_leg_ik_3dof(target: np.ndarray, side: np.ndarray | float = 1.0) -> np.ndarray:
    """Returns the servo angles that put the foot on `target`, or on the reachable point nearest to it.

    Args:
        target: (..., 3) foot centre in the leg frame, m. Must be finite. "Nearest" holds for targets below the hip
            (z < 0); one above it is moved to a reachable point.
        side: +1 for legs on the left, -1 on the right; broadcasts against target[..., 0]. `LEG_SIDES` for (n, 4, 3).

    Returns:
        (..., 3) angles [tilt, shoulder_L, shoulder_R], rad: tilt about +x, shoulders about +y, each 0 with the link
        straight down, so that a positive shoulder angle swings the knee backwards.
    """
    target = np.asarray(target)
    x, depth, tilt = _reachable(target, side)
    # The shoulder is the first axis, so that every array lies in one piece (see _reachable).
    shoulders = (2, *(1,) * x.ndim)
    forward = x + _SHOULDER_TO_X.reshape(shoulders)
    squared = forward * forward + depth * depth
    # Law of cosines: the angle at the shoulder between the upper link and the line to the foot.
    cosine = (squared + (UPPER_LINK**2 - LOWER_LINK**2)) / (2 * UPPER_LINK * np.sqrt(squared))
    swings = _KNEE_SIGN.reshape(shoulders) * np.arccos(cosine) - np.arctan2(forward, depth)
    angles = np.empty((*x.shape, 3))
    angles[..., 0], angles[..., 1], angles[..., 2] = tilt, *swings
    return angles.reshape(target.shape)


def leg_forward_kinematics(angles: np.ndarray, side: np.ndarray | float = 1.0) -> np.ndarray:
    """Returns the foot's centre (..., 3) in the leg frame, m, for `angles` (..., 3) [tilt, shoulder_L, shoulder_R], rad.

    Of the two points where the lower links can meet, the lower one. Not a number where they cannot meet.
    """
    angles = np.asarray(angles, dtype=float)
    left, right = _knee(angles[..., 1], -HALF_SHOULDER_GAP), _knee(angles[..., 2], HALF_SHOULDER_GAP)
    middle, half_gap = (left + right) / 2, (right - left) / 2
    half_width = np.linalg.norm(half_gap, axis=-1, keepdims=True)
    drop = np.sqrt(LOWER_LINK**2 - half_width**2)
    below = np.stack([-half_gap[..., 1], half_gap[..., 0]], axis=-1) / half_width  # half_gap turned towards depth
    x, depth = np.moveaxis(middle + drop * below, -1, 0)
    sine, cosine, out = np.sin(angles[..., 0]), np.cos(angles[..., 0]), OUTBOARD * np.asarray(side)
    return np.stack([x, out * cosine + depth * sine, out * sine - depth * cosine], axis=-1)


def nearest_reachable(target: np.ndarray, side: np.ndarray | float = 1.0) -> np.ndarray:
    """Returns the point (..., 3) of the workspace nearest to `target` (..., 3), both in the leg frame, m."""
    return leg_forward_kinematics(solve_leg_ik_3dof(np.asarray(target, dtype=float), side), side)


def neutral_foot(depth: np.ndarray | float) -> np.ndarray:
    """Returns the foot centres (4, 3) in their leg frames, order LEG_NAMES, straight below shoulders at `depth`, m."""
    return np.stack([np.zeros(4), LEG_SIDES * OUTBOARD, np.full(4, -depth)], axis=-1)


def _reachable(target, side):
    """Returns (x, depth in the leg plane, tilt), each (...), of the reachable points nearest to `target` (..., 3)."""
    # In one piece each: numpy rounds arctan2 of strided arrays otherwise, and one robot would differ from one of many.
    x, y, z = (np.atleast_1d(np.array(target[..., axis], dtype=float)) for axis in range(3))
    out = OUTBOARD * side
    depth = np.sqrt(np.maximum(y * y + z * z - OUTBOARD**2, 0.0))
    tilt = np.arctan2(y, -z) - np.arctan2(out, depth)
    far = np.abs(x) + HALF_SHOULDER_GAP
    reach = far * far + depth * depth
    if reach.max() > MAX_REACH**2 or depth.min() < MIN_DEPTH or np.abs(tilt).max() > TILT_LIMIT:
        outside = (reach > MAX_REACH**2) | (depth < MIN_DEPTH) | (np.abs(tilt) > TILT_LIMIT)
        moved = _clamped(x[outside], y[outside], z[outside], tilt[outside], np.broadcast_to(out, x.shape)[outside])
        x[outside], depth[outside], tilt[outside] = moved
    return x, depth, tilt


def _clamped(x, y, z, tilt, out):
    """Returns (x, depth, tilt), (k,) each, of the workspace's points nearest to the outside points x, y, z.

    Where the tilt is free, what counts is the half-plane of x and distance from the tilt axis. There the workspace is
    convex: the lens in which two discs of squared radius MAX_REACH^2 + OUTBOARD^2 around the shoulders overlap, below a
    line. The point of the lens nearest to an outside point lies on the arc of the farther shoulder, or in one of that
    arc's two ends. Where the tilt is at its limit, the same holds in the leg's own plane, without OUTBOARD.
    """
    limited = np.clip(tilt, -TILT_LIMIT, TILT_LIMIT)
    depth = np.maximum(y * np.sin(limited) - z * np.cos(limited), MIN_DEPTH)
    offset = np.where(tilt == limited, OUTBOARD, 0.0)
    longest, shortest = np.hypot(MAX_REACH, offset), np.hypot(MIN_DEPTH, offset)
    far, axial = np.abs(x) + HALF_SHOULDER_GAP, np.hypot(depth, offset)
    scale = np.minimum(1.0, longest / np.hypot(far, axial))
    axial = np.clip(axial * scale, shortest, np.sqrt(longest**2 - HALF_SHOULDER_GAP**2))
    far = np.clip(far * scale, HALF_SHOULDER_GAP, np.sqrt(longest**2 - axial * axial))
    depth = np.sqrt(axial * axial - offset**2)
    free = np.clip(np.arctan2(y, -z) - np.arctan2(out, depth), -TILT_LIMIT, TILT_LIMIT)
    return np.copysign(far - HALF_SHOULDER_GAP, x), depth, np.where(tilt == limited, free, limited)


def _knee(angle, shoulder_x):
    """Returns the knee (..., 2) as (x, depth) in the leg plane."""
    return np.stack([shoulder_x - UPPER_LINK * np.sin(angle), UPPER_LINK * np.cos(angle)], axis=-1)
