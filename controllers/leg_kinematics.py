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
    x, depth, tilt = _reachable(target, side)
    forward, depth = x[..., None] + _SHOULDER_TO_X, depth[..., None]  # (..., 2): seen from the left and right shoulder
    squared = forward * forward + depth * depth
    # Law of cosines: the angle at the shoulder between the upper link and the line to the foot.
    cosine = (squared + (UPPER_LINK**2 - LOWER_LINK**2)) / (2 * UPPER_LINK * np.sqrt(squared))
    angles = np.empty(target.shape)
    angles[..., 0] = tilt
    angles[..., 1:] = _KNEE_SIGN * np.arccos(cosine) - np.arctan2(forward, depth)
    return angles


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
    """Returns (x, depth in the leg plane, tilt) of the reachable point nearest to `target`.

    In the half-plane of x and distance from the tilt axis the workspace is convex: the lens in which two discs of
    squared radius MAX_REACH^2 + OUTBOARD^2 around the shoulders overlap, below a line. The point of the lens nearest to
    an outside point lies on the arc of the farther shoulder, or in one of that arc's two ends.
    """
    x, y, z = target[..., 0], target[..., 1], target[..., 2]
    squared = y * y + z * z
    bearing = np.arctan2(y, -z)
    out = OUTBOARD * side
    depth = np.sqrt(np.maximum(squared - OUTBOARD**2, 0.0))
    tilt = bearing - np.arctan2(out, depth)
    far = np.abs(x) + HALF_SHOULDER_GAP
    reach = far * far + depth * depth
    if reach.max() <= MAX_REACH**2 and depth.min() >= MIN_DEPTH and np.abs(tilt).max() <= TILT_LIMIT:
        return x, depth, tilt  # the usual step: clamping what needs no clamp would take 15 us more
    tilt = np.minimum(np.maximum(tilt, -TILT_LIMIT), TILT_LIMIT)
    depth = np.maximum(y * np.sin(tilt) - z * np.cos(tilt), MIN_DEPTH)
    axial = np.sqrt(depth * depth + OUTBOARD**2)  # distance from the tilt axis
    scale = np.minimum(1.0, _AXIAL_REACH / np.sqrt(far * far + axial * axial))
    moved_far, axial = np.maximum(far * scale, HALF_SHOULDER_GAP), axial * scale
    axial = np.minimum(np.maximum(axial, _MIN_AXIAL), np.sqrt(_AXIAL_REACH**2 - HALF_SHOULDER_GAP**2))
    moved_far = np.minimum(moved_far, np.sqrt(_AXIAL_REACH**2 - axial * axial))
    depth = np.sqrt(axial * axial - OUTBOARD**2)
    tilt = np.minimum(np.maximum(bearing - np.arctan2(out, depth), -TILT_LIMIT), TILT_LIMIT)
    inside_x = np.copysign(moved_far - HALF_SHOULDER_GAP, x)
    return inside_x, depth, tilt


_AXIAL_REACH = np.hypot(MAX_REACH, OUTBOARD)
_MIN_AXIAL = np.hypot(MIN_DEPTH, OUTBOARD)


def _knee(angle, shoulder_x):
    """Returns the knee (..., 2) as (x, depth) in the leg plane."""
    return np.stack([shoulder_x - UPPER_LINK * np.sin(angle), UPPER_LINK * np.cos(angle)], axis=-1)
