"""Reward terms of a biped: pure functions from arrays to unweighted terms (n,), named after the measured quantity.

The terms, with their kernels and thresholds, are those of the training configuration of AgiBot's X1 (2024). Arrays of feet
are (n, 2), left and right.
"""

import numpy as np


def _norm(vectors):
    """Returns the Euclidean norms (n,) of vectors (n, k)."""
    return np.sqrt(np.vecdot(vectors, vectors))


def reference_pose(error: np.ndarray, stands: np.ndarray) -> np.ndarray:
    """Returns exp(-2 e) - 0.2 min(e, 0.5), at most 1, for the norm e of the joints' `error` (n, 12), rad; 1 if it stands."""
    distance = _norm(error)
    return np.where(stands, 1.0, np.exp(-2.0 * distance) - 0.2 * np.minimum(distance, 0.5))


def still_pose(offset: np.ndarray, stands: np.ndarray) -> np.ndarray:
    """Returns exp(-e^2), in [0, 1], for joints `offset` (n, 12), rad, from the default pose if it stands; otherwise 0."""
    return np.where(stands, np.exp(-np.vecdot(offset, offset)), 0.0)


def contact_schedule(contact: np.ndarray, stance: np.ndarray) -> np.ndarray:
    """Returns the mean over feet of 1 where `contact` equals `stance`, both bool, and of -0.3 where not: -0.3 to 1."""
    return np.where(contact == stance, 1.0, -0.3).mean(axis=1)


def velocity_tracking(error: np.ndarray, stands: np.ndarray) -> np.ndarray:
    """Returns exp(-5 |e|^2), in (0, 1], for errors e (n, k), m/s or rad/s; exp(-10 |e|) if it stands."""
    distance = _norm(error)
    return np.exp(np.where(stands, -10.0 * distance, -5.0 * distance**2))


def strict_tracking(linear: np.ndarray, angular: np.ndarray) -> np.ndarray:
    """Returns the mean of exp(-10 e), minus 0.2 times the sum of e, at most 1.

    The errors e are the norms of `linear` (n, 2), m/s, and `angular` (n, 1), rad/s.
    """
    linear, angular = _norm(linear), _norm(angular)
    return (np.exp(-10.0 * linear) + np.exp(-10.0 * angular)) / 2 - 0.2 * (linear + angular)


def mean_velocity(error: np.ndarray) -> np.ndarray:
    """Returns exp(-10 |e|), in (0, 1], for the `error` e (n, 2) of the velocity averaged over about a gait cycle, m/s."""
    return np.exp(-10.0 * _norm(error))


def other_velocity(vertical: np.ndarray, tilting: np.ndarray) -> np.ndarray:
    """Returns (exp(-10 v^2) + exp(-5 |w|)) / 2, in (0, 1], for velocities that nobody commands.

    These are the `vertical` velocity v (n,), m/s, and the `tilting` rates w about x and y (n, 2), rad/s.
    """
    return (np.exp(-10.0 * vertical**2) + np.exp(-5.0 * _norm(tilting))) / 2


def speed_range(speed: np.ndarray, commanded: np.ndarray) -> np.ndarray:
    """Returns a grade (n,) of the forward speed, m/s: -2 for the wrong direction, -1 below half, 1.2 up to 1.2 times
    `commanded`, 0 above, and 0 for commands below 0.05 m/s."""
    share = np.abs(speed) / np.maximum(np.abs(commanded), 1e-6)
    grade = np.where(share < 0.5, -1.0, np.where(share > 1.2, 0.0, 1.2))
    grade = np.where(np.sign(speed) == np.sign(commanded), grade, -2.0)
    return np.where(np.abs(commanded) > 0.05, grade, 0.0)


def air_time(seconds: np.ndarray, landed: np.ndarray) -> np.ndarray:
    """Returns the time in the air, s, at most 0.5, summed over the feet that have `landed`, bool, after `seconds`."""
    return (np.minimum(seconds, 0.5) * landed).sum(axis=1)


def clearance(height: np.ndarray, stance: np.ndarray) -> np.ndarray:
    """Returns the number of feet in swing, `stance` bool, whose sole's `height` lies within 0.03 and 0.06 m: 0 to 2."""
    return ((height > 0.03) & (height < 0.06) & ~stance).sum(axis=1, dtype=float)


def slip(speed: np.ndarray, contact: np.ndarray) -> np.ndarray:
    """Returns the square roots of the feet's `speed`, m/s, summed over the feet in `contact`, bool; at least 0."""
    return (np.sqrt(speed) * contact).sum(axis=1)


def impact(force: np.ndarray) -> np.ndarray:
    """Returns the feet's `force` beyond 700 N, at most 400 N, summed over the feet; 0 to 800."""
    return np.minimum(np.maximum(force - 700.0, 0.0), 400.0).sum(axis=1)


def flat_feet(roll: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Returns exp(-15 s), in (0, 1], for the sum s of the squares of the feet's `roll` and `pitch`, rad."""
    return np.exp(-15.0 * (np.vecdot(roll, roll) + np.vecdot(pitch, pitch)))


def spacing(left: np.ndarray, right: np.ndarray, widest: float) -> np.ndarray:
    """Returns 1 if two points (n, 2) of the legs, x and y, are 0.2 to `widest` m apart, and less otherwise; in (0, 1]."""
    distance = _norm(left - right)
    close, far = np.maximum(0.2 - distance, 0.0), np.maximum(distance - widest, 0.0)
    return (np.exp(-100.0 * close) + np.exp(-100.0 * far)) / 2


def straight_legs(offset: np.ndarray) -> np.ndarray:
    """Returns exp(-100 max(r - 0.1, 0)) - 0.01 |e|, at most 1, for joints `offset` e (n, 12), rad, from the default pose.

    r is the sum over both legs of the norm of the hip's roll and yaw.
    """
    sideways = _norm(offset[:, 1:3]) + _norm(offset[:, 7:9])
    return np.exp(-100.0 * np.maximum(sideways - 0.1, 0.0)) - 0.01 * _norm(offset)


def upright(roll: np.ndarray, pitch: np.ndarray, gravity: np.ndarray) -> np.ndarray:
    """Returns (exp(-10 (|roll| + |pitch|)) + exp(-20 |g|)) / 2, in (0, 1]; angles (n,), rad.

    `gravity` g (n, 2) is the x and y of the unit vector of gravity in the trunk's frame.
    """
    return (np.exp(-10.0 * (np.abs(roll) + np.abs(pitch))) + np.exp(-20.0 * _norm(gravity))) / 2


def height(above_sole: np.ndarray, target: float) -> np.ndarray:
    """Returns exp(-100 |e|), in (0, 1], for the error e of the trunk's height above the sole of the stance foot, m."""
    return np.exp(-100.0 * np.abs(above_sole - target))


def steady_trunk(change: np.ndarray) -> np.ndarray:
    """Returns exp(-3 |d|), in (0, 1], for the change d (n, 6) of the trunk's velocities within a step, m/s and rad/s."""
    return np.exp(-3.0 * _norm(change))


def action_smoothness(action: np.ndarray, previous: np.ndarray, older: np.ndarray) -> np.ndarray:
    """Returns |a - b|^2 + |a - 2 b + c|^2 + 0.05 sum |a|, at least 0, for the last actions a, b, c (n, 12), 0.5 rad."""
    first, second = action - previous, action - 2 * previous + older
    return np.vecdot(first, first) + np.vecdot(second, second) + 0.05 * np.abs(action).sum(axis=1)


def squares(values: np.ndarray) -> np.ndarray:
    """Returns the sum of squares (n,) of torques, N m, velocities, rad/s, or accelerations, rad/s^2, (n, 12)."""
    return np.vecdot(values, values)


def beyond(values: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """Returns the sum over joints of how far absolute `values` (n, 12) exceed `limit` (12,) in the same unit."""
    return np.maximum(np.abs(values) - limit, 0.0).sum(axis=1)


def collision(force: np.ndarray) -> np.ndarray:
    """Returns 1 if the contact `force` (n,) on the trunk exceeds 0.1 N, otherwise 0."""
    return (force > 0.1).astype(float)
