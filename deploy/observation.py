"""The observation of a deployed policy: sensor readings become named rows, and rows of several control steps a vector.

This code is written from the description of the policy, not from the training environment, so that it can contradict it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from deploy.manifest import Manifest, per_value


@dataclass(frozen=True)
class Readings:
    """What a robot's computer knows in a control step.

    Attributes:
        joint_pos, joint_vel: (j,) rad and rad/s, in the order of the manifest.
        quat: (4,) orientation of the base in the world, w, x, y, z.
        angvel: (3,) angular velocity in the base's frame, rad/s.
        heading: commanded yaw in the world, rad.
        phase: (2,) sine and cosine of the gait clock; 0, 0 for standing.
        command: (3,) vx, vy, m/s, and yaw rate, rad/s.
        action: (j,) last action.
    """

    joint_pos: np.ndarray
    joint_vel: np.ndarray
    quat: np.ndarray
    angvel: np.ndarray
    heading: float
    phase: np.ndarray
    command: np.ndarray
    action: np.ndarray


def roll_pitch_yaw(quat: np.ndarray) -> np.ndarray:
    """Returns (3,) angles, rad, about x, y and z: yaw turns first, then pitch about the new y, then roll about the new x."""
    w, x, y, z = quat / np.linalg.norm(quat)
    roll = np.arctan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y))
    pitch = np.arcsin(np.clip(2 * (w * y - z * x), -1.0, 1.0))
    return np.array([roll, pitch, np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))])


def wrapped(angle: float) -> float:
    """Returns an angle, rad, moved into -pi to pi."""
    return float(np.arctan2(np.sin(angle), np.cos(angle)))


def _euler(now, manifest):
    roll, pitch, yaw = roll_pitch_yaw(now.quat)
    return np.array([roll, pitch, wrapped(yaw - now.heading)])


ROWS: Mapping[str, Callable[[Readings, Manifest], np.ndarray]] = {
    "phase": lambda now, manifest: now.phase,
    "command": lambda now, manifest: now.command,
    "joint_pos": lambda now, manifest: now.joint_pos - manifest.default_pose_rad,
    "joint_vel": lambda now, manifest: now.joint_vel,
    "previous_action": lambda now, manifest: now.action,
    "body_angvel": lambda now, manifest: now.angvel,
    "euler": _euler,
}


class Observer:
    """Computes the rows of a policy's observation, and stacks those of the last control steps.

    Raises:
        ValueError: the policy has a row that this code does not know, or of another size.
    """

    def __init__(self, manifest: Manifest):
        self._manifest = manifest
        self._check_rows()
        self._scale = {name: per_value(manifest, name) for name in manifest.rows}
        self._bounds = {block.name: (block.low, block.high) for block in manifest.blocks if not block.age}
        ends = np.cumsum([0, *manifest.rows.values()])
        places = {name: np.arange(start, end) for name, start, end in zip(manifest.rows, ends, ends[1:])}
        self._columns = np.concatenate([places[block.name] for block in manifest.blocks])
        self._ages = np.concatenate([np.full(block.size, block.age) for block in manifest.blocks])
        self._frames = np.zeros((manifest.frames, ends[-1]), np.float32)  # newest first
        self._empty = True

    def clear(self) -> None:
        """Starts an episode: all frames will be the first one."""
        self._empty = True

    def scaled(self, now: Readings) -> dict[str, np.ndarray]:
        """Returns the scaled values of each row, by name, before they are clipped to the bounds of the row."""
        return {name: self._scale[name] * ROWS[name](now, self._manifest) for name in self._manifest.rows}

    def rows(self, now: Readings) -> dict[str, np.ndarray]:
        """Returns the scaled values of each row, clipped to its bounds, float32, by name."""
        return {name: np.clip(row, *self._bounds[name]).astype(np.float32) for name, row in self.scaled(now).items()}

    def stacked(self, now: Readings) -> np.ndarray:
        """Returns the observation (k,) float32 with the rows of this control step. Call it once in every control step."""
        frame = np.concatenate([*self.rows(now).values()])
        self._frames[1:] = frame if self._empty else self._frames[:-1].copy()
        self._frames[0], self._empty = frame, False
        return self._frames[self._ages, self._columns]

    def _check_rows(self):
        unknown = [name for name in self._manifest.rows if name not in ROWS]
        if unknown:
            raise ValueError(
                f"a policy of {self._manifest.env_id} observes {', '.join(unknown)}, which the control loop cannot compute; "
                f"it computes {', '.join(ROWS)}"
            )
        joints = len(self._manifest.joint_order)
        sizes = {"phase": 2, "command": 3, "body_angvel": 3, "euler": 3}
        for name, size in self._manifest.rows.items():
            if size != sizes.get(name, joints):
                raise ValueError(f"the row {name} must have {sizes.get(name, joints)} values, got {size}")
