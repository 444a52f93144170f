"""Plays episodes of robots that walk; makes records, summaries with intervals, and tables."""

from collections.abc import Callable

import numpy as np
from gymnasium.vector import VectorEnv

from envs.locomotion.measures import cost_of_transport
from evaluation.episodes import Policy, play
from utils.vector_infos import control_dt

GOAL_DISTANCE = 10.0  # m from the start; an episode that reaches it in time without a fall is a success
MIN_PACE = 2 / 3  # slower than this share of the commanded speed is a failure
SHORTEST_WAY = 1e-3  # m; avoids a division by zero in the cost of transport
RATES = ("success", "fall", "survived")


def gait_alone(env: VectorEnv) -> Policy:
    """Returns the baseline policy: residuals of 0, so that the robot walks with the gait alone."""
    zeros = np.zeros(env.action_space.shape)
    return lambda observation: zeros


def evaluate(
    env: VectorEnv,
    policy: Policy,
    episodes: int,
    seed: int,
    goal: float = GOAL_DISTANCE,
    min_pace: float = MIN_PACE,
    on_step: Callable[[dict], None] | None = None,
) -> list[dict]:
    """Plays episodes of a walk as `play` does.

    An episode ends at the goal, at a fall (terminated), at its `time_limit`, or when it is truncated.

    Args:
        env, policy, episodes, seed, on_step: as in `play`. Infos of `env` must contain `forward_velocity` and
            `commanded_velocity`, m/s, and `straight_distance`, m. They may contain the measurements of REPORTED.
        goal: distance from the start, m, for a success.
        min_pace: least mean speed on the way to the goal, as a share of the commanded speed.

    Returns:
        One record per episode, without entries whose measurements `env` does not report: `distance_m` along the heading of
        the start, `straight_distance_m`, `time_s`, `success`, `fall`, `survived` (no fall and not off the tile, at the
        goal or not), `commanded_mps`, `mean_speed_mps`, `speed_error_mps`, `speed_rmse_mps`, `max_roll_deg`,
        `max_pitch_deg`, `max_heading_error_deg`, `max_tilt_deg` (the larger of roll and pitch), `cost_of_transport`,
        `residual_rms_mm` (mean over steps of the RMS over all residuals), `joint_limit_violations` (steps with a servo past
        its hard range), `terrain_level`, `steps`, `return`, `seed`.

        The cost of transport is energy / (weight x straight distance), dimensionless (G. Gabrielli and T. von Karman,
        Mechanical Engineering 72, 1950). Energy is the positive mechanical work at the servos' shafts: negative work is not
        subtracted, heat in the motors is not counted. Power is sampled once per control step, at its end; for the gait
        alone on flat ground this gives 5 to 11 % less than a sample in every physics step.
    """
    return play(env, policy, episodes, seed, _Tally(env.num_envs, goal, min_pace, control_dt(env)), on_step)


def time_limit(goal: float, command: float | np.ndarray, min_pace: float = MIN_PACE) -> np.ndarray:
    """Returns the longest time, s, to walk `goal`, m, at the commanded speeds, m/s; infinite for a command of 0."""
    speed = np.abs(command) * min_pace
    return np.divide(goal, speed, out=np.full(np.shape(speed), np.inf), where=speed > 0)


def summarise(records: list[dict]) -> dict:
    """Returns the mean of every number over `records`; RATES also get Wilson's 95 % interval.

    The mean cost of transport is weighted by the distance of each episode.
    """
    summary = {name: float(np.mean([record[name] for record in records])) for name in records[0] if name != "seed"}
    if "cost_of_transport" in summary:
        ways = [max(record["straight_distance_m"], SHORTEST_WAY) for record in records]
        summary["cost_of_transport"] = float(np.average([record["cost_of_transport"] for record in records], weights=ways))
    for name in RATES:
        summary[f"{name}_interval"] = wilson_interval(sum(record[name] for record in records), len(records))
    return summary | {"episodes": len(records)}


def wilson_interval(successes: int, trials: int, z: float = 1.96) -> tuple[float, float]:
    """Returns Wilson's score interval for a rate (E. B. Wilson, J. Am. Stat. Assoc. 22, 1927), at 95 % for z = 1.96."""
    rate, weight = successes / trials, z * z / trials
    middle = (rate + weight / 2) / (1 + weight)
    half = z / (1 + weight) * np.sqrt(rate * (1 - rate) / trials + weight / (4 * trials))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def with_pooled(rows: list[dict], over: str, by: tuple[str, ...]) -> list[dict]:
    """Returns `rows`, followed by one pooled row ("all" in the column `over`) for each combination of values of `by`.

    Pooled rows contain only the success rate, its interval and the number of episodes.
    """
    groups: dict[tuple, list[dict]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in by), []).append(row)
    return rows + [dict(zip(by, values)) | {over: "all"} | _pooled(group) for values, group in groups.items()]


def success_table(rows: list[dict], down: tuple[str, ...], across: str) -> str:
    """Returns success rates as a Markdown table: a line for each combination of `down`, a column for each `across`."""
    columns = list(dict.fromkeys(row[across] for row in rows))
    lines = [f"| {' | '.join([*down, *map(_cell, columns)])} |", "|" + "---|" * (len(down) + len(columns))]
    cells = {(tuple(row[key] for key in down), row[across]): row for row in rows}
    for line in dict.fromkeys(line for line, _ in cells):
        rates = [_rate(cells[line, column]) for column in columns]
        lines.append(f"| {' | '.join([*map(_cell, line), *rates])} |")
    return "\n".join(lines)


def table(rows: dict[str, dict]) -> str:
    """Returns summaries by title as a Markdown table."""
    lines = [
        "| | success | falls | survived | distance (m) | speed (m/s) | speed error, RMS (m/s) | tilt (deg) "
        "| cost of transport | residual (mm) |",
        "|" + "---|" * 10,
    ]
    for title, s in rows.items():
        lines.append(
            f"| {title} | {_rate(s)} | {s['fall']:.0%} | {s['survived']:.0%} "
            f"| {s['distance_m']:.2f} | {s['mean_speed_mps']:.3f} | {s['speed_rmse_mps']:.3f} "
            f"| {' | '.join(_figure(s, name) for name in ('max_tilt_deg', 'cost_of_transport', 'residual_rms_mm'))} |"
        )
    return "\n".join(lines)


def _figure(summary, name):
    return f"{summary[name]:.1f}" if name in summary else "-"


def _pooled(rows):
    trials = sum(row["episodes"] for row in rows)
    successes = round(sum(row["success"] * row["episodes"] for row in rows))
    interval = wilson_interval(successes, trials)
    return {"success": successes / trials, "success_interval": interval, "episodes": trials}


def _cell(value):
    return "" if value is None else f"{value:g}" if isinstance(value, float) else f"{value}"


def _rate(summary):
    low, high = summary["success_interval"]
    return f"{summary['success']:.0%} ({low:.0%} to {high:.0%})"


class _Tally:
    """Running sums over one episode of each of n simulations; a simulation stops counting at the end of its episode."""

    def __init__(self, n: int, goal: float, min_pace: float, dt: float):
        self.running = np.zeros(n, bool)
        self._goal, self._min_pace, self._dt = goal, min_pace, dt
        self._success, self._fall, self._steps = np.zeros(n, bool), np.zeros(n, bool), np.zeros(n, int)
        self._seed = np.zeros(n, int)
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
        error = info["forward_velocity"] - info["commanded_velocity"]
        effort = info["power"] / info["weight"]
        values = (reward, info["forward_velocity"], error, error**2, effort, info["residual_rms"], info["past_limits"])
        for sums, value in zip(self._sums.values(), values):
            sums[on] += value[on]
        for name, largest in self._largest.items():
            largest[on] = np.maximum(largest, np.abs(info[name]))[on]
        for name, last in self._last.items():
            last[on] = info[name][on]
        self._steps[on] += 1
        self._fall |= on & terminated
        self._success |= on & ~terminated & (info["straight_distance"] >= self._goal)
        limit = time_limit(self._goal, info["commanded_velocity"], self._min_pace)
        late = self._steps >= np.rint(limit / self._dt)
        self.running &= ~(terminated | truncated | self._success | late)
        return np.flatnonzero(on & ~self.running)

    def records(self, ids) -> list[dict]:
        """Returns a record of the finished episode of each simulation in `ids`."""
        mean = {name: self._sums[name] / np.maximum(self._steps, 1) for name in _MEANS}
        largest = {name: np.degrees(values) for name, values in self._largest.items()}
        columns = {
            "distance_m": self._last["distance"],
            "straight_distance_m": self._last["straight_distance"],
            "time_s": self._steps * self._dt,
            "success": self._success,
            "fall": self._fall,
            "survived": ~self._fall & (self._success | ~self._last["off_tile"].astype(bool)),
            "commanded_mps": self._last["commanded_velocity"],
            "mean_speed_mps": mean["speed"],
            "speed_error_mps": mean["error"],
            "speed_rmse_mps": np.sqrt(mean["squared_error"]),
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


# Measurements that an environment may report -> the entries of a record that need them.
REPORTED = {
    "roll": ("max_roll_deg", "max_tilt_deg"),
    "pitch": ("max_pitch_deg", "max_tilt_deg"),
    "heading_error": ("max_heading_error_deg",),
    "power": ("cost_of_transport",),
    "weight": ("cost_of_transport",),
    "residual_rms": ("residual_rms_mm",),
    "past_limits": ("joint_limit_violations",),
    "terrain_level": ("terrain_level",),
    "off_tile": (),
}
_MEANS = ("speed", "error", "squared_error", "residual")
_SUMS = ("reward", "speed", "error", "squared_error", "effort", "residual", "past_limits")
_LAST = ("distance", "straight_distance", "commanded_velocity", "terrain_level", "off_tile")
