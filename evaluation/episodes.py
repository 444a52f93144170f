"""Episodes of any environment: how many are played from which seeds, and what each one gave."""

from collections import deque
from collections.abc import Callable
from typing import Protocol

import numpy as np
from gymnasium.vector import VectorEnv
from scipy import stats

from utils.vector_infos import successes

Policy = Callable[[np.ndarray], np.ndarray]  # observations (n, k) -> actions (n, a)


class Tally(Protocol):
    """Running sums over the episodes of n simulations, each of which stops counting at its end."""

    running: np.ndarray  # (n,) bool

    def begin(self, seeds: dict[int, int]) -> None:
        """Begins an episode in each of the simulations that are the keys of `seeds`."""

    def add(self, reward: np.ndarray, terminated: np.ndarray, truncated: np.ndarray, info: dict) -> np.ndarray:
        """Counts a step of the running episodes; returns the simulations whose episode ended with it."""

    def records(self, ids: np.ndarray) -> list[dict]:
        """Returns a record, with its "seed", of the episode that ended in each of simulations `ids`."""


def play(
    env: VectorEnv,
    policy: Policy,
    episodes: int,
    seed: int,
    tally: Tally,
    on_step: Callable[[dict], None] | None = None,
) -> list[dict]:
    """Plays episode e from the env's seed `seed` + e, as many at once as `env` has simulations; returns their records.

    A simulation that is done begins the next episode; when none is left it is no longer looked at.

    Args:
        env: a vector environment with same-step restarts and resets by `reset_mask`.
        policy: called with all observations at every step.
        episodes: how many.
        seed: of the first.
        tally: counts, and says when an episode has ended.
        on_step: called with each step's info, for instance to film it.
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
        if begun := {i: waiting.popleft() for i in ended[: len(waiting)].tolist()}:
            observation = _restart(env, begun)
            tally.begin(begun)
    return sorted(records, key=lambda record: record["seed"])


def evaluate_returns(
    env: VectorEnv, policy: Policy, episodes: int, seed: int, on_step: Callable[[dict], None] | None = None
) -> list[dict]:
    """Plays episodes to their own ends, as `play` does; returns for each its `return`, `steps`, `terminated` and `seed`.

    Where infos report `successes` or `is_success`, a record holds what its last step reported, as `successes`; 0 if that
    step reported nothing.
    """
    records = play(env, policy, episodes, seed, ReturnTally(env.num_envs), on_step)
    if any("successes" in record for record in records):  # some environments report nothing before the first success
        records = [{**record, "successes": record.get("successes", 0.0)} for record in records]
    return records


def summarise_returns(records: list[dict]) -> dict:
    """Returns the mean of every number over `records`, and Student's 95 % interval of the mean return.

    Where successes are told, `successes_per_1000_steps` are those of all episodes by the steps of all.
    """
    summary = {name: float(np.mean([record[name] for record in records])) for name in records[0] if name != "seed"}
    if "successes" in summary:
        summary["successes_per_1000_steps"] = 1000 * summary["successes"] / summary["steps"]
    low, high = mean_interval([record["return"] for record in records])
    return summary | {"return_interval": (low, high), "episodes": len(records)}


def mean_interval(values: list[float], confidence: float = 0.95) -> tuple[float, float]:
    """Returns Student's interval of the mean ("Student", Biometrika 6, 1908); of one value alone, everything."""
    mean, error = float(np.mean(values)), float(stats.sem(values)) if len(values) > 1 else np.inf
    if error == 0.0:
        return mean, mean
    half = error * float(stats.t.ppf((1 + confidence) / 2, max(1, len(values) - 1)))
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
    """Returns an interval as a table shows it; a dash for one that says nothing."""
    low, high = interval
    return f"{low:.{digits}f} to {high:.{digits}f}" if np.isfinite([low, high]).all() else "-"


class ReturnTally:
    """Sums of rewards and steps, to the end that the environment itself sets."""

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


def _restart(env, seeds):
    """Starts simulations anew, the keys of `seeds`, each from its own; returns all observations."""
    mask = np.zeros(env.num_envs, bool)
    mask[[*seeds]] = True
    return env.reset(seed=[seeds.get(i) for i in range(env.num_envs)], options={"reset_mask": mask})[0]
