"""Plays a script of commands, and measures falls, tracking, slip, saturation and drift in each segment."""

from collections.abc import Callable

import numpy as np

from deploy.loop import ControlLoop
from deploy.observation import roll_pitch_yaw
from deploy.script import SETTLING, Limits, Script, Segment

LEAST_ERROR = 0.05  # m/s and rad/s, an error that `relative_error` always allows
SATURATED = 0.999  # share of its limit from which a torque counts as saturated
Act = Callable[[np.ndarray], np.ndarray]  # observation (k,) -> action (a,)


def play(loop: ControlLoop, act: Act, script: Script, on_step: Callable[[], None] | None = None) -> list[dict]:
    """Returns the measurements of each segment, by name, with `passed`.

    The robot starts in its default pose; after a fall the next segment starts there again.

    Args:
        loop: the control loop.
        act: the policy.
        script: segments and limits.
        on_step: called after every control step.
    """
    results, fell = [], True
    for segment in script.segments:
        if fell:
            loop.start(segment.command)
        loop.command = segment.command
        tally = Tally(loop)
        for _ in range(max(1, round(segment.seconds / loop.dt))):
            loop.advance(act(loop.observe()))
            tally.add()
            if on_step is not None:
                on_step()
            if tally.fell:
                break
        fell = tally.fell
        results.append(judged(tally.result(segment), script.limits))
    return results


class Tally:
    """Measures a control loop while it follows one command."""

    def __init__(self, loop: ControlLoop):
        self._loop, self.fell = loop, False
        self._velocity, self._slip, self._peak, self._stands = [], [], [], []

    def add(self) -> None:
        """Measures the state after a control step."""
        robot, manifest = self._loop.robot, self._loop.manifest
        roll, pitch, _ = roll_pitch_yaw(robot.quat)
        tilted = max(abs(roll), abs(pitch)) > manifest.max_tilt_rad
        self.fell = bool(robot.broken or tilted or robot.position[2] < manifest.min_height_m or robot.base_touches())
        stands, speed = robot.feet()
        self._velocity.append(_velocity(robot, self._loop.heading))
        self._slip += list(speed[stands])
        self._stands.append(stands)
        self._peak.append(robot.peak.copy())

    def result(self, segment: Segment) -> dict:
        """Returns the measurements of the segment; numbers are None where nothing could be measured."""
        velocity, dt = np.array(self._velocity), self._loop.dt
        settled = velocity[round(SETTLING / dt) :]
        errors = _averaged(settled, round(self._loop.manifest.gait_cycle_s / dt)) - segment.command
        rms = np.sqrt(np.square(errors).mean(axis=0)) if len(errors) else [None] * 3
        drift = np.hypot(*settled[:, :2].mean(axis=0)) if len(settled) and not self._loop.walks else None
        return {
            "name": segment.name,
            "command": segment.command.tolist(),
            "seconds": len(velocity) * dt,
            "fell": self.fell,
            **{f"{name}_error": _number(value) for name, value in zip(("vx", "vy", "yaw_rate"), rms)},
            "drift": _number(drift),
            "slip": _number(np.mean(self._slip) if self._slip else None),
            "duty": _number(np.mean(self._stands) if self._loop.manifest.feet else None),
            "saturation": float(np.mean(np.array(self._peak) >= SATURATED)),
        }


def judged(result: dict, limits: Limits) -> dict:
    """Returns the measurements with `failed`, the names of those beyond their limits, and `passed`."""
    errors = {
        "vx_error": limits.velocity_error,
        "vy_error": limits.velocity_error,
        "yaw_rate_error": limits.yaw_rate_error,
    }
    for name, command in zip(errors, result["command"]):
        if command:
            errors[name] = min(errors[name], max(limits.relative_error * abs(command), LEAST_ERROR))
    most = errors | {
        "drift": limits.drift,
        "slip": limits.slip,
        "saturation": limits.saturation,
    }
    beyond = [name for name, limit in most.items() if result[name] is not None and not result[name] <= limit]
    failed = (["fell"] if result["fell"] else []) + beyond
    return result | {"failed": failed, "passed": not failed}


def table(results: list[dict]) -> str:
    """Returns the measurements as a Markdown table."""
    head = "| | command | time (s) | fall | vx (m/s) | vy (m/s) | yaw rate (rad/s) | drift (m/s) | slip (m/s) | duty "
    lines = [f"{head}| saturation | result |", "|" + "---|" * 12]
    for row in results:
        command = ", ".join(f"{value:g}" for value in np.round(row["command"], 3))
        names = ("vx_error", "vy_error", "yaw_rate_error", "drift", "slip", "duty")
        figures = " | ".join("-" if row[name] is None else f"{row[name]:.3f}" for name in names)
        result = "pass" if row["passed"] else f"fail: {', '.join(row['failed'])}"
        fall = "yes" if row["fell"] else "no"
        lines.append(
            f"| {row['name']} | {command} | {row['seconds']:.2f} | {fall} | {figures} | {row['saturation']:.1%} | {result} |"
        )
    return "\n".join(lines)


def _velocity(robot, heading):
    """Returns (3,) speeds along and to the left of the commanded heading, m/s, and the yaw rate in the world, rad/s."""
    w, x, y, z = robot.quat
    vertical = np.array([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)])
    cosine, sine, (vx, vy, _) = np.cos(heading), np.sin(heading), robot.velocity
    return np.array([cosine * vx + sine * vy, cosine * vy - sine * vx, vertical @ robot.angvel])


def _averaged(values, window):
    """Returns means (m, k) of each `window` consecutive values (n, k); of all values if there are fewer."""
    window = max(1, min(window, len(values)))
    sums = np.cumsum(np.concatenate([np.zeros((1, values.shape[1])), values]), axis=0) if len(values) else values
    return (sums[window:] - sums[:-window]) / window if len(values) else values


def _number(value):
    return None if value is None else float(value)
