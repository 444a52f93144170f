"""Measures episodes of robots that walk, and decides which are successes."""

import numpy as np

from envs.locomotion.measures import cost_of_transport

MIN_PACE = 2 / 3  # slower than this share of the commanded speed is a failure
SPEED_TOLERANCE, YAW_RATE_TOLERANCE = 0.05, 0.1  # m/s and rad/s; mean errors of robots that follow a command


def time_limit(goal: float, command: float | np.ndarray, min_pace: float = MIN_PACE) -> np.ndarray:
    """Returns the longest time, s, to walk `goal`, m, at the commanded speeds, m/s; infinite for a command of 0."""
    speed = np.abs(command) * min_pace
    return np.divide(goal, speed, out=np.full(np.shape(speed), np.inf), where=speed > 0)


def follows(error: np.ndarray, command: np.ndarray) -> np.ndarray:
    """Returns whether robots follow their commands (n, 3): vx and vy in m/s, and the yaw rate in rad/s.

    `error` (n, 3) is the mean of measured minus commanded values. The error of the velocity may be a third of the commanded
    speed, as MIN_PACE allows, or SPEED_TOLERANCE if that is more; that of the yaw rate a third, or YAW_RATE_TOLERANCE.
    """
    share = 1 - MIN_PACE
    velocity_error, speed = np.hypot(*error[:, :2].T), np.hypot(*command[:, :2].T)
    turns = np.abs(error[:, 2]) <= np.maximum(share * np.abs(command[:, 2]), YAW_RATE_TOLERANCE)
    return (velocity_error <= np.maximum(share * speed, SPEED_TOLERANCE)) & turns


class WalkTally:
    """Running sums over one episode of each of n simulations; a simulation stops counting at the end of its episode."""

    def __init__(self, n: int, goal: float | None, min_pace: float, dt: float):
        self.running = np.zeros(n, bool)
        self._goal, self._min_pace, self._dt = goal, min_pace, dt
        self._success, self._fall, self._steps = np.zeros(n, bool), np.zeros(n, bool), np.zeros(n, int)
        self._seed, self._reached = np.zeros(n, int), None
        self._sums = {name: np.zeros(n) for name in _SUMS}
        self._largest = {name: np.zeros(n) for name in ("roll", "pitch", "heading_error")}
        self._last = {name: np.zeros(n) for name in _LAST}
        self._missing: set[str] = set()

    def begin(self, seeds):
        """Starts to count an episode in each simulation that is a key of `seeds`."""
        ids = [*seeds]
        self.running[ids], self._seed[ids] = True, [*seeds.values()]
        for counts in (self._success, self._fall, self._steps, *self._sums.values(), *self._largest.values()):
            counts[ids] = 0

    def add(self, reward, terminated, truncated, info):
        """Counts a step of the running episodes; returns the simulations whose episodes ended in this step."""
        on, self._missing = self.running.copy(), {*REPORTED} - {*info}
        zero = np.zeros(len(on))
        info = dict.fromkeys(self._missing, zero) | {"weight": zero + 1.0, "distance": info["straight_distance"]} | info
        error, sideways, turning = (info[name] - info[commanded] for name, commanded in _COMMANDED.items())
        effort = info["power"] / info["weight"]
        values = {
            "reward": reward,
            "speed": info["forward_velocity"],
            "error": error,
            "squared_error": error**2,
            "sideways": sideways,
            "turning": turning,
            "effort": effort,
            "residual": info["residual_rms"],
            "past_limits": info["past_limits"],
        }
        for name, sums in self._sums.items():
            sums[on] += values[name][on]
        for name, largest in self._largest.items():
            largest[on] = np.maximum(largest, np.abs(info[name]))[on]
        for name, last in self._last.items():
            last[on] = info[name][on]
        if "is_success" in info:
            self._reached = np.where(on, info["is_success"], False if self._reached is None else self._reached)
        self._steps[on] += 1
        self._fall |= on & terminated
        self.running &= ~(terminated | truncated)
        if self._goal is not None:
            self._success |= on & ~terminated & (info["straight_distance"] >= self._goal)
            limit = time_limit(self._goal, info["commanded_velocity"], self._min_pace)
            self.running &= ~(self._success | (self._steps >= np.rint(limit / self._dt)))
        return np.flatnonzero(on & ~self.running)

    def records(self, ids) -> list[dict]:
        """Returns a record of the finished episode of each simulation in `ids`."""
        mean = {name: self._sums[name] / np.maximum(self._steps, 1) for name in _MEANS}
        largest = {name: np.degrees(values) for name, values in self._largest.items()}
        reached = self._follows(mean) if self._reached is None else self._reached
        success = self._success if self._goal is not None else ~self._fall & reached
        columns = {
            "distance_m": self._last["distance"],
            "straight_distance_m": self._last["straight_distance"],
            "time_s": self._steps * self._dt,
            "success": success,
            "fall": self._fall,
            "survived": ~self._fall & (success | ~self._last["off_tile"].astype(bool)),
            "commanded_mps": self._last["commanded_velocity"],
            "mean_speed_mps": mean["speed"],
            "speed_error_mps": mean["error"],
            "speed_rmse_mps": np.sqrt(mean["squared_error"]),
            "lateral_error_mps": mean["sideways"],
            "yaw_rate_error": mean["turning"],
            **{f"max_{name}_deg": values for name, values in largest.items()},
            "max_tilt_deg": np.maximum(largest["roll"], largest["pitch"]),
            "cost_of_transport": cost_of_transport(self._sums["effort"] * self._dt, self._last["straight_distance"]),
            "residual_rms_mm": 1000 * mean["residual"],
            "joint_limit_violations": self._sums["past_limits"].astype(int),
            "terrain_level": self._last["terrain_level"],
            "steps": self._steps,
            "return": self._sums["reward"],
            "seed": self._seed,
        }
        unknown = {name for measurement in self._missing for name in REPORTED[measurement]}
        columns = {name: values for name, values in columns.items() if name not in unknown}
        return [dict(zip(columns, row)) for row in zip(*(column[ids].tolist() for column in columns.values()))]

    def _follows(self, mean):
        errors = np.stack([mean[name] for name in ("error", "sideways", "turning")], axis=1)
        return follows(errors, np.stack([self._last[name] for name in _COMMANDED.values()], axis=1))


# Measurements that an environment may report -> the entries of a record that need them.
REPORTED = {
    "roll": ("max_roll_deg", "max_tilt_deg"),
    "pitch": ("max_pitch_deg", "max_tilt_deg"),
    "heading_error": ("max_heading_error_deg",),
    "power": ("cost_of_transport",),
    "weight": ("cost_of_transport",),
    "residual_rms": ("residual_rms_mm",),
    "lateral_velocity": ("lateral_error_mps",),
    "commanded_lateral_velocity": (),
    "yaw_rate": ("yaw_rate_error",),
    "commanded_yaw_rate": (),
    "past_limits": ("joint_limit_violations",),
    "terrain_level": ("terrain_level",),
    "off_tile": (),
}
# Measurements -> the commands that they follow.
_COMMANDED = {
    "forward_velocity": "commanded_velocity",
    "lateral_velocity": "commanded_lateral_velocity",
    "yaw_rate": "commanded_yaw_rate",
}
_MEANS = ("speed", "error", "squared_error", "sideways", "turning", "residual")
_SUMS = ("reward", "speed", "error", "squared_error", "sideways", "turning", "effort", "residual", "past_limits")
_LAST = ("distance", "straight_distance", *_COMMANDED.values(), "terrain_level", "off_tile")
