"""The diagonal trot: feet follow a Bezier curve through the air and a straight line on the ground."""

from dataclasses import dataclass

import numpy as np

from controllers.leg_kinematics import FOOT_RADIUS, HIP_POSITIONS, LEG_SIDES, OUTBOARD, neutral_foot

PHASE_OFFSET = np.array([0.0, 0.5, 0.5, 0.0])  # FL and RR swing in the first half of a cycle, FR and RL in the second
FOOT_POSITIONS = HIP_POSITIONS + np.stack([np.zeros(4), LEG_SIDES * OUTBOARD], axis=-1)  # neutral x, y in the body, m


@dataclass(frozen=True)
class GaitParameters:
    """Shape and cadence of the trot. Lengths in m, times in s, speeds in m/s.

    `body_height` is that of the torso's origin over flat ground, `step_height` the lift of a swinging foot. One cycle
    (two steps) takes `slow_cycle` up to `slow_speed`, `fast_cycle` from `fast_speed`, and between them in proportion;
    a foot stands for `duty_factor` of it. `heading_gain` (1/s) and `heading_damping` (1) turn a heading error and a yaw
    rate into a commanded yaw rate.

    A trot whose strides are made for `stride_speed` walks at `walking_speed` (measured on flat ground with these
    defaults, cycles of 0.20 to 0.26 s alike within 3 %: the torso rocks over its standing feet and gains on them).
    Commands are looked up backwards in this table; above its end the stride stops growing.
    """

    body_height: float = 0.075
    step_height: float = 0.030
    slow_cycle: float = 0.26
    fast_cycle: float = 0.20
    slow_speed: float = 0.1
    fast_speed: float = 0.5
    duty_factor: float = 0.6
    heading_gain: float = 2.0
    heading_damping: float = 0.05
    stride_speed: tuple[float, ...] = (0.0, 0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40, 0.45)
    walking_speed: tuple[float, ...] = (0.0, 0.073, 0.141, 0.196, 0.245, 0.288, 0.335, 0.405, 0.493, 0.550)


def bezier_polynomial(points: tuple[float, float, float, float]) -> np.ndarray:
    """Returns the coefficients (4,), constant first, of the cubic Bezier curve with these control points."""
    p0, p1, p2, p3 = points
    return np.array([p0, 3 * (p1 - p0), 3 * (p0 - 2 * p1 + p2), p3 - 3 * p2 + 3 * p1 - p0])


class DiagonalGaitController:
    """Foot targets of n trotting robots, from their commanded velocities and the time that passes."""

    def __init__(self, parameters: GaitParameters = GaitParameters(), num_robots: int = 1):
        self.parameters = parameters
        self.command = np.zeros((num_robots, 3))  # vx, vy in m/s and yaw rate in rad/s, body frame: write it freely
        self.phase = np.zeros(num_robots)  # of the whole cycle, in [0, 1)
        self._neutral = neutral_foot(parameters.body_height - FOOT_RADIUS)
        self._swing_share = 1.0 - parameters.duty_factor
        # In strides, rear end to front end: these control points leave and meet the ground at the ground's own speed.
        pull = self._swing_share / parameters.duty_factor / 3
        self._along = bezier_polynomial((-0.5, -0.5 - pull, 0.5 + pull, 0.5))
        # In m: a curve whose inner control points stand at 4/3 peaks at 1.
        self._lift = parameters.step_height * bezier_polynomial((0.0, 4 / 3, 4 / 3, 0.0))

    def reset(self, ids: np.ndarray | slice = slice(None), phase: np.ndarray | float = 0.0) -> None:
        """Starts the cycle of robots `ids` at `phase`, and lets them stand."""
        self.phase[ids] = phase
        self.command[ids] = 0.0

    def update(self, dt: float) -> np.ndarray:
        """Advances every robot's cycle by `dt`, s; returns foot targets (n, 4, 3) in the leg frames, m."""
        speed = np.sqrt(self.command[:, 0] ** 2 + self.command[:, 1] ** 2)
        cycle = self._cycle_time(speed)
        self.phase = (self.phase + dt / cycle) % 1.0
        swing, t = self.leg_progress()
        a0, a1, a2, a3 = self._along
        along = np.where(swing, a0 + t * (a1 + t * (a2 + t * a3)), 0.5 - t)
        targets = self._stride(speed, cycle)
        targets[..., :2] *= along[..., None]
        targets += self._neutral
        targets[..., 2] += np.where(swing, t * (self._lift[1] + t * self._lift[2]), 0.0)  # symmetric: no cubic part
        return targets

    @property
    def cycle_time(self) -> np.ndarray:
        """Time of one cycle (n,), s, at the commanded speed."""
        return self._cycle_time(np.sqrt(self.command[:, 0] ** 2 + self.command[:, 1] ** 2))

    def leg_progress(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns (swing, progress), both (n, 4): whether each leg swings, and how far its swing or stance is, [0, 1)."""
        leg_phase = (self.phase[:, None] + PHASE_OFFSET) % 1.0
        swing = leg_phase < self._swing_share
        in_swing, in_stance = leg_phase / self._swing_share, (leg_phase - self._swing_share) / (1.0 - self._swing_share)
        return swing, np.where(swing, in_swing, in_stance)

    def _cycle_time(self, speed):
        p = self.parameters
        share = np.minimum(np.maximum((speed - p.slow_speed) / (p.fast_speed - p.slow_speed), 0.0), 1.0)
        return p.slow_cycle + (p.fast_cycle - p.slow_cycle) * share

    def _stride(self, speed, cycle):
        """Returns the way (n, 4, 3) of each foot over the ground in one stance, m: its hip's velocity times the stance."""
        stance = self.parameters.duty_factor * cycle
        # np.interp with a commanded speed of 0 gives 0; the tiny number keeps 0 / 0 away.
        made_for = np.interp(speed, self.parameters.walking_speed, self.parameters.stride_speed)
        linear = self.command * (stance * made_for / (speed + 1e-9))[:, None]
        turn = (self.command[:, 2] * stance)[:, None]
        stride = np.zeros((len(speed), 4, 3))
        stride[..., 0] = linear[:, 0:1] - turn * FOOT_POSITIONS[:, 1]
        stride[..., 1] = linear[:, 1:2] + turn * FOOT_POSITIONS[:, 0]
        return stride


def hold_heading(
    command: np.ndarray, heading_error: np.ndarray, yaw_rate: np.ndarray, parameters: GaitParameters
) -> np.ndarray:
    """Returns `command` (n, 3) with the yaw rate that turns robots back to their heading.

    Args:
        command: vx, vy (m/s) and yaw rate (rad/s).
        heading_error: (n,) measured minus wanted yaw, rad, in [-pi, pi).
        yaw_rate: (n,) measured, rad/s.
    """
    correction = parameters.heading_gain * heading_error + parameters.heading_damping * yaw_rate
    held = command.copy()
    held[:, 2] -= np.minimum(np.maximum(correction, -1.0), 1.0)
    return held
