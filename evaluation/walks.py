"""Plays episodes of robots that walk; makes records, summaries with intervals, and tables."""

from collections.abc import Callable

import numpy as np
from gymnasium.vector import VectorEnv

from evaluation.episodes import Policy, play
from evaluation.walk_tally import MIN_PACE, WalkTally
from utils.vector_infos import control_dt

GOAL_DISTANCE = 10.0  # m from the start; an episode that reaches it in time without a fall is a success
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
    goal: float | None = GOAL_DISTANCE,
    min_pace: float = MIN_PACE,
    on_step: Callable[[dict], None] | None = None,
) -> list[dict]:
    """Plays episodes of a walk as `play` does.

    An episode ends at the goal, at a fall (terminated), at its `time_limit`, or when it is truncated. Without a goal it ends
    only at a fall or when it is truncated, and is a success if the robot did not fall and followed its command, as
    `evaluation.walk_tally.follows` says.

    Args:
        env, policy, episodes, seed, on_step: as in `play`. Infos of `env` must contain `forward_velocity` and
            `commanded_velocity`, m/s, and `straight_distance`, m. They may contain the measurements of REPORTED.
        goal: distance from the start, m, for a success; None: the command decides.
        min_pace: least mean speed on the way to the goal, as a share of the commanded speed.

    Returns:
        One record per episode, without entries whose measurements `env` does not report: `distance_m` along the heading of
        the start, `straight_distance_m`, `time_s`, `success`, `fall`, `survived` (no fall and not off the tile, at the
        goal or not), `commanded_mps`, `mean_speed_mps`, `speed_error_mps`, `speed_rmse_mps`, `lateral_error_mps` (mean),
        `yaw_rate_error` (mean, rad/s), `max_roll_deg`, `max_pitch_deg`, `max_heading_error_deg`, `max_tilt_deg` (the larger
        of roll and pitch), `cost_of_transport`, `residual_rms_mm` (mean over steps of the RMS over all residuals),
        `joint_limit_violations` (steps with a servo past its hard range), `terrain_level`, `steps`, `return`, `seed`.

        The cost of transport is energy / (weight x straight distance), dimensionless (G. Gabrielli and T. von Karman,
        Mechanical Engineering 72, 1950). Energy is the positive mechanical work at the servos' shafts: negative work is not
        subtracted, heat in the motors is not counted. Power is sampled once per control step, at its end; for the gait
        alone on flat ground this gives 5 to 11 % less than a sample in every physics step.
    """
    return play(env, policy, episodes, seed, WalkTally(env.num_envs, goal, min_pace, control_dt(env)), on_step)


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
