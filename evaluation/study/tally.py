"""Measures episodes of robots that walk to a target: success, time, falls, net and path distance, smoothness."""

from collections.abc import Sequence

import numpy as np

from evaluation.episodes import Policy
from evaluation.study.smoothness import ActionSmoothness
from evaluation.study.statistics import cvar

# Columns of a cell, in the order of the results.
METRICS = (
    "success",
    "time_to_target_s",
    "fall",
    "net_m",
    "path_m",
    "return",
    "return_cvar10",
    "smoothness",
    "mean_da",
)


class TargetTally:
    """Running sums over one episode of each of n simulations; a simulation stops counting at the end of its episode.

    Infos need `is_success`, and `distance` and `sideways` of `envs.locomotion.measures.Travel`.

    Args:
        n, size: number of simulations, and of components of an action.
        control_dt: duration of a control step, s.
        limit: most control steps of an episode.
    """

    def __init__(self, n: int, size: int, control_dt: float, limit: int):
        self.running = np.zeros(n, bool)
        self._dt, self._limit, self._actions = control_dt, limit, np.zeros((n, size))
        self._smoothness = ActionSmoothness(n, size, 1.0 / control_dt)
        self._seed, self._steps, self._first = np.zeros((3, n), int)  # _first: steps until the first target, 0 for none
        self._return, self._path = np.zeros((2, n))
        self._fall, self._place = np.zeros(n, bool), np.zeros((n, 2))

    def watched(self, policy: Policy) -> Policy:
        """Returns the policy that this tally reads the actions of, clipped to [-1, 1] as the environment clips them."""

        def act(observation):
            action = policy(observation)
            self._actions = np.clip(action, -1.0, 1.0)
            return action

        return act

    def begin(self, seeds):
        """Starts to count an episode in each simulation that is a key of `seeds`."""
        ids = [*seeds]
        self.running[ids], self._seed[ids] = True, [*seeds.values()]
        for counts in (self._steps, self._first, self._return, self._path, self._fall, self._place):
            counts[ids] = 0
        self._smoothness.begin(ids)

    def add(self, reward, terminated, truncated, info):
        """Counts a step of the running episodes; returns the simulations whose episodes ended in this step."""
        on = self.running.copy()
        self._smoothness.add(self._actions, on)
        self._steps[on] += 1
        self._return[on] += reward[on]
        self._first = np.where(on & info["is_success"] & (self._first == 0), self._steps, self._first)
        place = np.stack([info["distance"], info["sideways"]], axis=1)
        self._path[on] += np.sqrt(np.vecdot(place - self._place, place - self._place))[on]
        self._place[on] = place[on]
        self._fall |= on & terminated
        self.running &= ~(terminated | truncated | (self._steps >= self._limit))
        return np.flatnonzero(on & ~self.running)

    def records(self, ids) -> list[dict]:
        """Returns a record of the finished episode of each simulation in `ids`.

        A robot that does not reach its target has the time limit as its time to the target.
        """
        reached = self._first[ids] > 0
        columns = {
            "seed": self._seed[ids],
            "steps": self._steps[ids],
            "success": reached,
            "time_to_target_s": np.where(reached, self._first[ids], self._limit) * self._dt,
            "fall": self._fall[ids],
            "net_m": np.sqrt(np.vecdot(self._place[ids], self._place[ids])),
            "path_m": self._path[ids],
            "return": self._return[ids],
            **self._smoothness.measured(ids),
        }
        return [dict(zip(columns, row)) for row in zip(*(column.tolist() for column in columns.values()))]


def cell(records: Sequence[dict]) -> dict[str, float | None]:
    """Returns the mean of every measure over episodes, and the CVaR of the return; None where no episode has the measure."""
    measured = {name: np.array([record[name] for record in records], float) for name in METRICS if name != "return_cvar10"}
    whole = {name: values[np.isfinite(values)] for name, values in measured.items()}
    means = {name: float(values.mean()) if len(values) else None for name, values in whole.items()}
    means["return_cvar10"] = float(cvar(measured["return"]))
    return {name: means[name] for name in METRICS}
