"""Episodes of a walk, counted: what each one reached, and their means with an interval."""

from collections.abc import Callable

import numpy as np
from gymnasium.vector import VectorEnv

GOAL_DISTANCE = 10.0  # m from the start, without a fall: a success

Policy = Callable[[np.ndarray], np.ndarray]  # observations (n, k) -> actions (n, a)


def gait_alone(env: VectorEnv) -> Policy:
    """Returns the policy that adds nothing to the gait: the baseline."""
    zeros = np.zeros(env.action_space.shape)
    return lambda observation: zeros


def evaluate(
    env: VectorEnv,
    policy: Policy,
    episodes: int,
    seed: int,
    goal: float = GOAL_DISTANCE,
    on_step: Callable[[dict], None] | None = None,
) -> list[dict]:
    """Plays episode e from the env's seed `seed` + e, as many at once as `env` has simulations.

    An episode ends at the goal, at a fall (terminated), or when it is truncated. Until then it is measured at every
    step; a simulation that is done waits for the others and is no longer looked at.

    Args:
        env: a vector environment of a walking task with same-step restarts, whose infos hold its measurements.
        policy: called with all observations at every step.
        episodes: how many.
        seed: of the first.
        goal: distance from the start, m, that makes an episode a success.
        on_step: called with each step's info, for instance to film it.

    Returns:
        One record an episode: `distance_m` along the heading of the start, `straight_distance_m`, `time_s`, `success`,
        `fall`, `commanded_mps`, `mean_speed_mps`, `speed_error_mps`, `speed_rmse_mps`, `max_roll_deg`, `max_pitch_deg`,
        `max_heading_error_deg`, `terrain_level`, `steps`, `return`, `seed`.
    """
    records = []
    while len(records) < episodes:
        first = seed + len(records)
        count = min(env.num_envs, episodes - len(records))
        records += _play_together(env, policy, first, goal, on_step)[:count]
    return records


def summarise(records: list[dict]) -> dict:
    """Returns the mean of every number over `records`; success and fall become rates, with Wilson's 95 % intervals."""
    summary = {name: float(np.mean([record[name] for record in records])) for name in records[0] if name != "seed"}
    for name in ("success", "fall"):
        summary[f"{name}_interval"] = wilson_interval(sum(record[name] for record in records), len(records))
    return summary | {"episodes": len(records)}


def wilson_interval(successes: int, trials: int, z: float = 1.96) -> tuple[float, float]:
    """Returns Wilson's score interval for a rate (E. B. Wilson, J. Am. Stat. Assoc. 22, 1927), at 95 % for z = 1.96."""
    rate, weight = successes / trials, z * z / trials
    middle = (rate + weight / 2) / (1 + weight)
    half = z / (1 + weight) * np.sqrt(rate * (1 - rate) / trials + weight / (4 * trials))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def table(rows: dict[str, dict]) -> str:
    """Returns summaries by title as a Markdown table."""
    lines = [
        "| | success | falls | distance (m) | speed (m/s) | speed error, RMS (m/s) | roll (deg) | pitch (deg) | steps |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for title, s in rows.items():
        low, high = s["success_interval"]
        lines.append(
            f"| {title} | {s['success']:.0%} ({low:.0%} to {high:.0%}) | {s['fall']:.0%} | {s['distance_m']:.2f} "
            f"| {s['mean_speed_mps']:.3f} | {s['speed_rmse_mps']:.3f} | {s['max_roll_deg']:.1f} "
            f"| {s['max_pitch_deg']:.1f} | {s['steps']:.0f} |"
        )
    return "\n".join(lines)


def _play_together(env, policy, seed, goal, on_step):
    tally = _Tally(env.num_envs, goal)
    observation, _ = env.reset(seed=seed)
    while tally.running.any():
        observation, reward, terminated, truncated, info = env.step(policy(observation))
        tally.add(reward, terminated, truncated, info)
        if on_step is not None:
            on_step(info)
    return tally.records(seed, 1 / env.metadata["render_fps"])


class _Tally:
    """Running sums over n episodes, each of which stops counting at its end."""

    def __init__(self, n: int, goal: float):
        self.running = np.ones(n, bool)
        self._goal = goal
        self._success, self._fall, self._steps = np.zeros(n, bool), np.zeros(n, bool), np.zeros(n, int)
        self._sums = {name: np.zeros(n) for name in ("reward", "speed", "error", "squared_error")}
        self._largest = {name: np.zeros(n) for name in ("roll", "pitch", "heading_error")}
        self._last = {name: np.zeros(n) for name in _LAST}

    def add(self, reward, terminated, truncated, info):
        on = self.running.copy()
        error = info["forward_velocity"] - info["commanded_velocity"]
        values = (reward, info["forward_velocity"], error, error**2)
        for sums, value in zip(self._sums.values(), values):
            sums[on] += value[on]
        for name, largest in self._largest.items():
            largest[on] = np.maximum(largest, np.abs(info[name]))[on]
        for name, last in self._last.items():
            last[on] = info[name][on]
        self._steps[on] += 1
        self._fall |= on & terminated
        self._success |= on & ~terminated & (info["straight_distance"] >= self._goal)
        self.running &= ~(terminated | truncated | self._success)

    def records(self, seed: int, dt: float) -> list[dict]:
        mean = {name: sums / self._steps for name, sums in self._sums.items() if name != "reward"}
        columns = {
            "distance_m": self._last["distance"],
            "straight_distance_m": self._last["straight_distance"],
            "time_s": self._steps * dt,
            "success": self._success,
            "fall": self._fall,
            "commanded_mps": self._last["commanded_velocity"],
            "mean_speed_mps": mean["speed"],
            "speed_error_mps": mean["error"],
            "speed_rmse_mps": np.sqrt(mean["squared_error"]),
            **{f"max_{name}_deg": np.degrees(largest) for name, largest in self._largest.items()},
            "terrain_level": self._last["terrain_level"],
            "steps": self._steps,
            "return": self._sums["reward"],
            "seed": seed + np.arange(len(self._steps)),
        }
        rows = zip(*(column.tolist() for column in columns.values()))
        return [dict(zip(columns, row)) for row in rows]


_LAST = ("distance", "straight_distance", "commanded_velocity", "terrain_level")
