"""Rotations as numpy arrays: quaternions (..., 4) in wxyz order, angles in rad; leading axes are batch axes."""

import numpy as np


def rotation_matrix(quat: np.ndarray) -> np.ndarray:
    """Returns the matrices (..., 3, 3) from body to world coordinates for unit `quat` (..., 4)."""
    w, x, y, z = np.moveaxis(quat, -1, 0)
    rows = np.empty((*np.shape(quat)[:-1], 3, 3))
    rows[..., 0, 0] = 1 - 2 * (y * y + z * z)
    rows[..., 0, 1] = 2 * (x * y - w * z)
    rows[..., 0, 2] = 2 * (x * z + w * y)
    rows[..., 1, 0] = 2 * (x * y + w * z)
    rows[..., 1, 1] = 1 - 2 * (x * x + z * z)
    rows[..., 1, 2] = 2 * (y * z - w * x)
    rows[..., 2, 0] = 2 * (x * z - w * y)
    rows[..., 2, 1] = 2 * (y * z + w * x)
    rows[..., 2, 2] = 1 - 2 * (x * x + y * y)
    return rows


def quat_from_euler(roll, pitch, yaw) -> np.ndarray:
    """Returns unit quaternions (..., 4): rotate by yaw about z, then pitch about the new y, then roll about the new x."""
    angles = np.stack(np.broadcast_arrays(roll, pitch, yaw), axis=-1) / 2
    (cr, cp, cy), (sr, sp, sy) = np.moveaxis(np.cos(angles), -1, 0), np.moveaxis(np.sin(angles), -1, 0)
    return np.stack(
        [
            cr * cp * cy + sr * sp * sy,
            sr * cp * cy - cr * sp * sy,
            cr * sp * cy + sr * cp * sy,
            cr * cp * sy - sr * sp * cy,
        ],
        axis=-1,
    )


def euler_from_matrix(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns (roll, pitch, yaw), each (...), rad, in the convention of `quat_from_euler`; pitch in [-pi/2, pi/2]."""
    roll = np.arctan2(matrix[..., 2, 1], matrix[..., 2, 2])
    pitch = np.arcsin(np.minimum(np.maximum(-matrix[..., 2, 0], -1.0), 1.0))
    yaw = np.arctan2(matrix[..., 1, 0], matrix[..., 0, 0])
    return roll, pitch, yaw


def wrap_angle(angle: np.ndarray) -> np.ndarray:
    """Returns `angle` (...) shifted by multiples of 2 pi into [-pi, pi]."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


def quat_product(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns the products (..., 4): the rotation by `second`, then by `first`, both (..., 4)."""
    aw, ax, ay, az = (first[..., i] for i in range(4))
    bw, bx, by, bz = (second[..., i] for i in range(4))
    product = np.empty(np.broadcast_shapes(first.shape, second.shape))
    product[..., 0] = aw * bw - ax * bx - ay * by - az * bz
    product[..., 1] = aw * bx + ax * bw + ay * bz - az * by
    product[..., 2] = aw * by - ax * bz + ay * bw + az * bx
    product[..., 3] = aw * bz + ax * by - ay * bx + az * bw
    return product


def quat_conjugate(quat: np.ndarray) -> np.ndarray:
    """Returns the conjugates (..., 4), which are the inverse rotations for unit `quat` (..., 4)."""
    return quat * (1.0, -1.0, -1.0, -1.0)


def quat_power(quat: np.ndarray, share: float) -> np.ndarray:
    """Returns rotations (..., 4) about the axis of unit `quat` (..., 4), w >= 0, by its angle times `share`."""
    half = np.arctan2(np.sqrt(np.vecdot(quat[..., 1:], quat[..., 1:])), quat[..., 0])
    vector = quat[..., 1:] * (np.sin(share * half) / np.maximum(np.sin(half), 1e-12))[..., None]
    return np.concatenate([np.cos(share * half)[..., None], vector], axis=-1)
