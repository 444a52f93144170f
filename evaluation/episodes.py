"""Plays episodes of any environment; makes records, summaries with intervals, and tables."""

from collections import deque
from collections.abc import Callable
from typing import Protocol

import numpy as np
from gymnasium.vector import VectorEnv
from scipy.special import stdtrit  # scipy.stats takes half a second to import, in every program

from utils.vector_infos import successes

Policy = Callable[[np.ndarray], np.ndarray]  # observations (n, k) -> actions (n, a)


class Tally(Protocol):
    """Running sums over one episode of each of n simulations; a simulation stops counting at the end of its episode."""

    running: np.ndarray  # (n,) bool

    def begin(self, seeds: dict[int, int]) -> None:
        """Starts to count an episode in each simulation that is a key of `seeds`."""

    def add(self, reward: np.ndarray, terminated: np.ndarray, truncated: np.ndarray, info: dict) -> np.ndarray:
        """Counts a step of the running episodes; returns the simulations whose episodes ended in this step."""

    def records(self, ids: np.ndarray) -> list[dict]:
        """Returns a record, with its "seed", of the finished episode of each simulation in `ids`."""


def play(
    env: VectorEnv,
    policy: Policy,
    episodes: int,
    seed: int,
    tally: Tally,
    on_step: Callable[[dict], None] | None = None,
) -> list[dict]:
    """Plays episodes in parallel on all simulations of `env`; returns their records, sorted by seed.

    Episode e is reset with the seed `seed` + e. A simulation that has finished an episode starts the next one; if none is
    left, its later steps are ignored.

    Args:
        env: vector environment with same-step autoreset, which accepts `reset_mask`.
        policy: called with all observations at every step.
        episodes: number of episodes.
        seed: seed of the first episode.
        tally: adds up the steps of each episode, and decides when an episode has ended.
        on_step: called with the info of each step, for instance to film it.
    """
    records: list[dict] = []
    observation, _ = env.reset(seed=seed)
    tally.begin({i: seed + i for i in range(min(env.num_envs, episodes))})
    waiting = deque(range(seed + env.num_envs, seed + episodes))
    while tally.running.any():
        observation, reward, terminated, truncated, info = env.step(policy(observation))
        ended = tally.add(reward, terminated, truncated, info)
        if on_step is not None:
            on_step(info)
        records += tally.records(ended)
        if seeds := {i: waiting.popleft() for i in ended[: len(waiting)].tolist()}:
            observation = _restart(env, seeds)
            tally.begin(seeds)
    return sorted(records, key=lambda record: record["seed"])


def evaluate_returns(
    env: VectorEnv, policy: Policy, episodes: int, seed: int, on_step: Callable[[dict], None] | None = None
) -> list[dict]:
    """Plays episodes until the environment ends them; returns `return`, `steps`, `terminated` and `seed` of each.

    If infos contain `successes` or `is_success`, records also have `successes`: the value at the last step, 0 if that step
    has no value.
    """
    records = play(env, policy, episodes, seed, ReturnTally(env.num_envs), on_step)
    if any("successes" in record for record in records):  # some environments report nothing before the first success
        records = [{**record, "successes": record.get("successes", 0.0)} for record in records]
    return records


def summarise_returns(records: list[dict]) -> dict:
    """Returns the mean of every number over `records`, and Student's 95 % interval of the mean return.

    If records have `successes`, `successes_per_1000_steps` is the total of successes by the total of steps, times 1000.
    """
    summary = {name: float(np.mean([record[name] for record in records])) for name in records[0] if name != "seed"}
    if "successes" in summary:
        summary["successes_per_1000_steps"] = 1000 * summary["successes"] / summary["steps"]
    low, high = mean_interval([record["return"] for record in records])
    return summary | {"return_interval": (low, high), "episodes": len(records)}


def mean_interval(values: list[float], confidence: float = 0.95) -> tuple[float, float]:
    """Returns Student's interval of the mean ("Student", Biometrika 6, 1908); for a single value, (-inf, inf)."""
    mean, error = float(np.mean(values)), _standard_error(values) if len(values) > 1 else np.inf
    if error == 0.0:
        return mean, mean
    half = error * float(stdtrit(max(1, len(values) - 1), (1 + confidence) / 2))
    return mean - half, mean + half


def returns_table(rows: dict[str, dict]) -> str:
    """Returns summaries by title as a Markdown table."""
    lines = ["| | return | 95 % | steps | terminated | successes |", "|" + "---|" * 6]
    for title, s in rows.items():
        successes = f"{s['successes']:.2f}" if "successes" in s else "-"
        ends = f"{s['steps']:.0f} | {s['terminated']:.0%} | {successes} |"
        lines.append(f"| {title} | {s['return']:.1f} | {interval_text(s['return_interval'])} | {ends}")
    return "\n".join(lines)


def interval_text(interval: tuple[float, float], digits: int = 1) -> str:
    """Returns an interval as text for a table; a dash for an infinite interval."""
    low, high = interval
    return f"{low:.{digits}f} to {high:.{digits}f}" if np.isfinite([low, high]).all() else "-"


class ReturnTally:
    """Sums rewards and steps until the environment ends the episode."""

    def __init__(self, n: int):
        self.running, self._terminated = np.zeros(n, bool), np.zeros(n, bool)
        self._return, self._steps, self._seed = np.zeros(n), np.zeros(n, int), np.zeros(n, int)
        self._successes, self._reported = np.zeros(n), False

    def begin(self, seeds):
        ids = [*seeds]
        self.running[ids], self._seed[ids] = True, [*seeds.values()]
        self._return[ids], self._steps[ids], self._terminated[ids] = 0.0, 0, False

    def add(self, reward, terminated, truncated, info):
        on = self.running.copy()
        self._return[on] += reward[on]
        self._steps[on] += 1
        self._terminated |= on & terminated
        self.running &= ~(terminated | truncated)
        ended = np.flatnonzero(on & ~self.running)
        if len(ended):
            reached = successes(info.get("final_info", {}), len(on))[ended]
            self._reported |= bool(np.isfinite(reached).any())
            self._successes[ended] = np.nan_to_num(reached)
        return ended

    def records(self, ids):
        columns = {"return": self._return, "steps": self._steps, "terminated": self._terminated, "seed": self._seed}
        if self._reported:
            columns["successes"] = self._successes
        return [dict(zip(columns, row)) for row in zip(*(column[ids].tolist() for column in columns.values()))]


def _standard_error(values):
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def _restart(env, seeds):
    """Resets the simulations that are keys of `seeds`, each with its seed; returns all observations."""
    mask = np.zeros(env.num_envs, bool)
    mask[[*seeds]] = True
    return env.reset(seed=[seeds.get(i) for i in range(env.num_envs)], options={"reset_mask": mask})[0]
