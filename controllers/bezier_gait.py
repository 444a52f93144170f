"""The diagonal trot: feet follow a Bezier curve through the air and a straight line on the ground."""

from dataclasses import dataclass

import numpy as np

from controllers.leg_kinematics import FOOT_RADIUS, HIP_POSITIONS, LEG_SIDES, OUTBOARD, neutral_foot
from utils.fields import Checked, FieldError, within

PHASE_OFFSET = np.array([0.0, 0.5, 0.5, 0.0])  # FL and RR swing in the first half of a cycle, FR and RL in the second
FOOT_POSITIONS = HIP_POSITIONS + np.stack([np.zeros(4), LEG_SIDES * OUTBOARD], axis=-1)  # neutral x, y in the body frame, m

# Velocity of the ground under each foot, relative to the torso, per yaw rate: perpendicular to the foot's position.
_TURN_DIRECTION = np.stack([-FOOT_POSITIONS[:, 1], FOOT_POSITIONS[:, 0], np.zeros(4)], axis=-1)


@dataclass(frozen=True)
class GaitParameters(Checked):
    """Shape and cadence of the trot. Lengths in m, times in s, speeds in m/s.

    With strides computed for `stride_speed` the robot walks at `walking_speed`. The table is measured on flat ground with
    these defaults, as the mean over 16 starting phases; the speeds differ because the torso rocks over the stance feet.
    The controller interpolates the stride speed from the commanded walking speed; above the table's end the stride is
    constant. Longer cycles save energy, but at 0.3 m/s they excite a second rhythm: the robot rolls 13 degrees and loses
    its heading.
    """

    body_height: float = within(0.075, 0.03, 0.12, unit="m")
    """Height of the torso's origin over flat ground, m."""
    step_height: float = within(0.025, 0.001, 0.1, unit="m")
    """Lift of a swinging foot, m."""
    slow_cycle: float = within(0.22, 0.05, 10.0, unit="s")
    """Duration of a cycle (two steps) up to slow_speed, s."""
    fast_cycle: float = within(0.20, 0.05, 10.0, unit="s")
    """Duration of a cycle above fast_speed, s."""
    slow_speed: float = within(0.1, 0.0, 10.0, unit="m/s")
    """Speed up to which a cycle takes slow_cycle, m/s; between slow_speed and fast_speed the duration is interpolated."""
    fast_speed: float = within(0.5, 0.0, 10.0, unit="m/s")
    """Speed above which a cycle takes fast_cycle, m/s."""
    duty_factor: float = within(0.6, 0.05, 0.95)
    """Fraction of a cycle in which a foot is on the ground."""
    heading_gain: float = within(2.0, 0.0, 100.0, unit="1/s")
    """Yaw rate correction per heading error, 1/s."""
    heading_damping: float = within(0.05, 0.0, 10.0)
    """Yaw rate correction per difference of measured and commanded yaw rate."""
    stride_speed: tuple[float, ...] = within(
        (0.0, 0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40, 0.45), 0.0, 10.0, least=1, unit="m/s"
    )
    """Speeds that strides are computed for, m/s, one for each entry of walking_speed."""
    walking_speed: tuple[float, ...] = within(
        (0.0, 0.070, 0.137, 0.196, 0.250, 0.297, 0.351, 0.426, 0.510, 0.550), 0.0, 10.0, least=1, unit="m/s"
    )
    """Measured walking speeds for the entries of stride_speed, m/s, in ascending order."""

    def __post_init__(self):
        super().__post_init__()
        if not self.slow_speed < self.fast_speed:
            raise FieldError("slow_speed", f"must be below fast_speed, got {self.slow_speed} and {self.fast_speed} m/s")
        if len(self.walking_speed) != len(self.stride_speed) or (np.diff(self.walking_speed) <= 0.0).any():
            words = "must ascend and have as many entries as stride_speed, got"
            raise FieldError("walking_speed", f"{words} {self.walking_speed} and {self.stride_speed}")


def bezier_polynomial(points: tuple[float, float, float, float]) -> np.ndarray:
    """Returns the coefficients (4,) of the cubic Bezier curve with these control points; the constant is first."""
    p0, p1, p2, p3 = points
    return np.array([p0, 3 * (p1 - p0), 3 * (p0 - 2 * p1 + p2), p3 - 3 * p2 + 3 * p1 - p0])


def _foot_curves(p):
    """Returns polynomials in a leg's phase, coefficients (4, 2, 2): power, [stride fraction, lift in m], [stance, swing]."""
    share = 1.0 - p.duty_factor
    # From the rear end to the front end. With these control points the foot lifts and lands at the ground's speed.
    pull = share / p.duty_factor / 3
    along = bezier_polynomial((-0.5, -0.5 - pull, 0.5 + pull, 0.5))
    lift = p.step_height * bezier_polynomial((0.0, 4 / 3, 4 / 3, 0.0))  # inner control points at 4/3 give a maximum of 1
    per_phase = share ** -np.arange(4.0)
    stance = [0.5 + share / p.duty_factor, -1 / p.duty_factor, 0.0, 0.0]  # from the front end to the rear end
    return np.array([[stance, along * per_phase], [np.zeros(4), lift * per_phase]]).transpose(2, 0, 1)


class DiagonalGaitController:
    """Computes foot targets of n trotting robots from commanded velocities and elapsed time."""

    def __init__(self, parameters: GaitParameters = GaitParameters(), num_robots: int = 1):
        self.parameters = parameters
        self.phase = np.zeros(num_robots)  # phase of the gait cycle, in [0, 1)
        self.swing = np.zeros((num_robots, 4), bool)  # True for a leg in swing, order LEG_NAMES
        self.yaw_rate = np.zeros(num_robots)  # commanded, rad/s; heading control writes it at every step
        self.cycle_time = np.full(num_robots, parameters.slow_cycle)  # s, depends on the commanded speed
        self._velocity = np.zeros((num_robots, 4, 3))  # velocity that strides are computed for, without turning, m/s
        self._neutral = neutral_foot(parameters.body_height - FOOT_RADIUS)
        self._swing_share = 1.0 - parameters.duty_factor
        self._curves = _foot_curves(parameters)
        self.reset()

    def reset(self, ids: np.ndarray | slice = slice(None), phase: np.ndarray | float = 0.0) -> None:
        """Starts the cycle of robots `ids` at `phase`, in [0, 1)."""
        self.phase[ids] = phase
        self.swing = self._leg_phase() < self._swing_share

    def set_command(self, command: np.ndarray, ids: np.ndarray | slice = slice(None)) -> None:
        """Commands robots `ids` to walk at `command` (k, 3): vx, vy in m/s and yaw rate in rad/s, in the body's frame."""
        p, velocity = self.parameters, command[:, :2]
        speed = np.hypot(velocity[:, 0], velocity[:, 1])
        share = np.clip((speed - p.slow_speed) / (p.fast_speed - p.slow_speed), 0.0, 1.0)
        self.cycle_time[ids] = p.slow_cycle + (p.fast_cycle - p.slow_cycle) * share
        # A standing robot has no stride direction: the small number prevents 0 / 0.
        stride_ratio = np.interp(speed, p.walking_speed, p.stride_speed) / (speed + 1e-9)
        self._velocity[ids, :, :2] = (velocity * stride_ratio[:, None])[:, None]
        self.yaw_rate[ids] = command[:, 2]

    def update(self, dt: float) -> np.ndarray:
        """Advances every robot's cycle by `dt`, s; returns foot targets (n, 4, 3) in the leg frames, m."""
        self.phase = (self.phase + dt / self.cycle_time) % 1.0
        t = self._leg_phase()
        self.swing = t < self._swing_share
        a0, a1, a2, a3 = self._curves.take(self.swing, axis=2)  # (2, n, 4) each; faster than []
        along, lift = a0 + t * (a1 + t * (a2 + t * a3))
        return self._targets(along, lift)

    def _targets(self, along, lift):
        """Returns foot targets (n, 4, 3) from the stride fraction `along` and the `lift`, m, of each foot, (n, 4) each."""
        seconds = along * (self.cycle_time * self.parameters.duty_factor)[:, None]
        targets = self.yaw_rate[:, None, None] * _TURN_DIRECTION
        targets += self._velocity
        targets *= seconds[..., None]
        targets += self._neutral
        targets[..., 2] += lift
        return targets

    def _leg_phase(self):
        """Returns the phase of each leg (n, 4) in [0, 1); a leg's cycle starts with its swing."""
        return (self.phase[:, None] + PHASE_OFFSET) % 1.0


def hold_heading(
    yaw_rate: np.ndarray, heading_error: np.ndarray, measured_yaw_rate: np.ndarray, parameters: GaitParameters
) -> np.ndarray:
    """Returns yaw rates (n,), rad/s, that correct the heading; `yaw_rate` (n,) is the rate of the commanded heading.

    `heading_error` (n,) is measured minus commanded yaw, rad, in [-pi, pi). The correction is at most 1 rad/s.
    """
    correction = parameters.heading_gain * heading_error + parameters.heading_damping * (measured_yaw_rate - yaw_rate)
    return yaw_rate - np.minimum(np.maximum(correction, -1.0), 1.0)
