"""Collects statistics of episodes under challenges while they run, and saves them in one file."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from envs.wrappers.challenge_logs.stats import (
    ChallengeStats,
    VariableStatistics,
    enlarged,
    joined,
    no_episodes,
    read_stats,
    write_stats,
)

GROUPS = ("constraints", "safety_vars", "objectives")


class ChallengeLog:
    """Log of the episodes of n simulations: `begin` with a reset's info, `add` at every step, `end` with the episode.

    Infos are those of a vector environment: `constraints` name -> (n,) bool, True where satisfied, `safety_vars`
    name -> (n,) or (n, k), `objectives` (n, m). Entries may be missing. An episode that is reset before its end is not
    counted. The file is written completely or not at all, every `log_every` episodes and at `close`; an existing file is
    continued. The rows of running episodes stay in memory: 8 bytes per number, step and simulation.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        log_every: int = 100,
        num_envs: int = 1,
        environment: str = "",
        safety_vars: bool = True,
    ):
        """Continues the log at `path`, or stays in memory if it is None. Safety variables are ignored if not `safety_vars`.

        Raises:
            ValueError: an existing file cannot be read or belongs to another environment, or `log_every` is below 1.
        """
        if not isinstance(log_every, (int, np.integer)) or log_every < 1:
            raise ValueError(f"log_every must be a whole number of episodes, 1 or more, got {log_every!r}")
        self.path, self._log_every, self._environment = path and Path(path), log_every, environment
        self._everyone = np.arange(num_envs)
        self._returns, self._lengths = np.zeros(num_envs), np.zeros(num_envs, int)
        self._rows = {key: _Rows(key, num_envs) for key in GROUPS}
        self._read = [key for key in GROUPS if safety_vars or key != "safety_vars"]
        self._episodes: list[dict] = []
        self._violations, self._reached = np.zeros((0, 0), int), np.zeros(0, int)  # per row of an episode
        self._unwritten = 0
        self._mark = _mark(self.path)
        self._earlier = read_stats(self.path) if self._mark else None
        if self._earlier and self._earlier.environment != environment:
            raise ValueError(f"{path} is a log of {self._earlier.environment!r}, not of {environment!r}; name another file")

    def begin(self, info: Mapping, ids: np.ndarray | None = None) -> None:
        """Starts episodes in simulations `ids` (all by default); entries that `info` lacks have no reset row."""
        ids = self._everyone if ids is None else ids
        self._returns[ids] = self._lengths[ids] = 0
        for rows in self._rows.values():
            rows.reported[ids] = False
        self._keep(info, ids)

    def add(self, reward: np.ndarray, info: Mapping, ids: np.ndarray | None = None) -> None:
        """Records a step of simulations `ids` (all by default) with `reward` (n,)."""
        ids = self._everyone if ids is None else ids
        self._returns[ids] += reward[ids]
        self._lengths[ids] += 1
        self._keep(info, ids)

    def end(self, ids: np.ndarray) -> None:
        """Ends the episodes of simulations `ids`; writes the file if `log_every` episodes have ended since the last writing.

        Raises:
            ValueError: the file has other columns, or another log has written to it in the meantime.
        """
        for i in ids:
            self._count_rows(i)
            self._episodes.append(self._episode(i))
        self._unwritten += len(ids)
        if len(ids) and len(self._episodes) == len(ids):
            self.stats()  # raises at the first episode, not at the hundredth, if the file has other columns
        if self.path and self._unwritten >= self._log_every:
            self.write()

    def stats(self) -> ChallengeStats:
        """Returns the statistics of all finished episodes, with those of the existing file."""
        new = self._stats() if self._episodes else no_episodes(self._environment)
        if self._earlier and self._episodes:
            return joined(self._earlier, new)
        return self._earlier or new

    def write(self) -> None:
        """Writes the file.

        Raises:
            ValueError: another log has written to it in the meantime.
        """
        if _mark(self.path) not in (None, self._mark):
            raise ValueError(f"another log has written to {self.path} meanwhile; give every environment another file")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_stats(self.path, self.stats())
        self._mark, self._unwritten = _mark(self.path), 0

    def close(self) -> None:
        """Writes the file if episodes have ended since the last writing."""
        if self.path and self._unwritten:
            self.write()

    def _keep(self, info, ids):
        """Stores the current row of simulations `ids`."""
        for key in self._read:
            group, rows = _named(info.get(key, {})), self._rows[key]
            present = ids[info["_" + key][ids]] if "_" + key in info else ids  # Gymnasium's mask of an entry
            if group and len(present):
                if self._episodes and not rows.widths:
                    raise ValueError(f"infos must have {key} from the first episode on, got it after {len(self._episodes)}")
                rows.put(group, present, self._lengths[present])

    def _count_rows(self, i):
        """Adds the episode in simulation `i` to the counts per row."""
        rows = self._rows["constraints"]
        reported, values = rows.reported[i], rows.values[i]
        if len(reported) > len(self._reached):
            self._violations = enlarged(self._violations, values.shape)
            self._reached = enlarged(self._reached, reported.shape)
        self._violations += (values == 0) & reported[:, None]
        self._reached += reported

    def _episode(self, i):
        """Returns the statistics of the episode in simulation `i`."""
        satisfied, variables, objectives = (rows.values[i][rows.reported[i]] for rows in self._rows.values())
        return {
            "violations": np.sum(satisfied == 0, axis=0),
            "safety_vars": _statistics(variables),
            "objectives": objectives.sum(axis=0),
            "returns": self._returns[i],
            "lengths": self._lengths[i],
        }

    def _stats(self):
        """Returns the statistics of the episodes that this log has recorded."""
        columns = {name: np.array([episode[name] for episode in self._episodes]) for name in self._episodes[0]}
        widths, variables = self._rows["safety_vars"].widths, columns.pop("safety_vars")
        parts = np.split(variables, np.cumsum([*widths.values()])[:-1], axis=2)
        longest = np.flatnonzero(self._reached).max(initial=-1) + 1
        return ChallengeStats(
            environment=self._environment,
            constraints=tuple(self._rows["constraints"].widths),
            step_violations=self._violations[:longest].copy(),
            step_episodes=self._reached[:longest].copy(),
            safety_vars={name: VariableStatistics(*np.moveaxis(part, 1, 0)) for name, part in zip(widths, parts)},
            **columns,
        )


class _Rows:
    """One group of named values in the running episodes, a matrix (steps, columns) for each simulation."""

    def __init__(self, key: str, num_envs: int):
        self.key, self.widths = key, {}  # columns of each name, known with the first row
        self.values = np.zeros((num_envs, 0, 0))
        self.reported = np.zeros((num_envs, 0), bool)  # which rows the infos reported

    def put(self, group: Mapping[str, np.ndarray], ids: np.ndarray, steps: np.ndarray) -> None:
        """Stores the current values of simulations `ids` as their rows `steps`."""
        if not self.widths:
            self.widths = {name: int(np.prod(np.shape(values)[1:])) for name, values in group.items()}
        if group.keys() != self.widths.keys():
            raise ValueError(f"{self.key} must always have {', '.join(self.widths)}, got {', '.join(group)}")
        if steps.max() >= self.reported.shape[1]:
            self._grow(2 * steps.max() + 1)
        columns = [np.asarray(group[name], float).reshape(len(self.reported), -1) for name in self.widths]
        self.values[ids, steps] = np.concatenate(columns, axis=1)[ids]
        self.reported[ids, steps] = True

    def _grow(self, steps):
        self.values = enlarged(self.values, (len(self.values), steps, sum(self.widths.values())))
        self.reported = enlarged(self.reported, (len(self.reported), steps))


def _statistics(rows):
    """Returns mean, standard deviation, minimum and maximum over the rows (t, k), as (4, k); NaN if there is no row."""
    if not len(rows):
        return np.full((4, rows.shape[1]), np.nan)
    with np.errstate(invalid="ignore"):  # the values may be infinite
        return np.array([reduce(rows, axis=0) for reduce in (np.mean, np.std, np.min, np.max)])


def _named(group):
    """Returns a group as name -> values, without the masks that Gymnasium adds."""
    if not isinstance(group, Mapping):
        return {"": group}
    return {name: values for name, values in group.items() if not (name[:1] == "_" and name[1:] in group)}


def _mark(path):
    """Returns a stamp that changes whenever a file is written; None if the file does not exist."""
    if path is None or not path.exists():
        return None
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns
