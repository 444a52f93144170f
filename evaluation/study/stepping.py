"""Episodes of a biped that follows commands, under the conditions of a study: errors, falls, and what its feet do."""

from collections.abc import Mapping

import numpy as np

from envs.biped.feet import Feet
from evaluation.episodes import play
from evaluation.study.conditions import Condition, Nominal, simulations
from evaluation.walk_tally import MIN_PACE, WalkTally
from run_folder.runs import Run

METRICS = (
    "success",
    "fall",
    "velocity_error_mps",
    "yaw_rate_error",
    "drift_mps",
    "left_duty",
    "right_duty",
    "swing_height_m",
    "slip_mps",
    "cost_of_transport",
    "return",
)
# Largest errors of a success: of the mean velocity, m/s, of the mean yaw rate, rad/s, and of a standing robot's place, m/s.
VELOCITY_ERROR, YAW_RATE_ERROR, DRIFT = 0.1, 0.15, 0.05
_MEDIANS = ("velocity_error_mps", "yaw_rate_error", "drift_mps")


class StepTally(WalkTally):
    """Running sums over one episode of each of n bipeds on flat ground, also of their feet, except in the last step.

    Args:
        n: number of simulations.
        dt: duration of a control step, s.
        feet: the feet of the simulations.
    """

    def __init__(self, n: int, dt: float, feet: Feet):
        super().__init__(n, None, MIN_PACE, dt)
        self._feet, self._stands = feet, np.zeros(n, bool)
        self._contacts, self._slip, self._peak, self._heights, self._landings = np.zeros((5, n, 2))
        self._counted = np.zeros(n)

    def begin(self, seeds):
        super().begin(seeds)
        for sums in (self._contacts, self._slip, self._peak, self._heights, self._landings, self._counted):
            sums[[*seeds]] = 0.0

    def add(self, reward, terminated, truncated, info):
        self._stands[self.running] = info["stands"][self.running]
        self._add_feet(self.running & ~(terminated | truncated))  # the feet of the others belong to their next episodes
        return super().add(reward, terminated, truncated, info)

    def records(self, ids):
        """Adds the measures METRICS to the records. A mean over steps that a robot did not take is not a number."""
        with np.errstate(invalid="ignore"):
            duty, slip = self._contacts[ids] / self._counted[ids, None], self._slip[ids].sum(1) / self._contacts[ids].sum(1)
            height = self._heights[ids].sum(1) / self._landings[ids].sum(1)
        own = {"left_duty": duty[:, 0], "right_duty": duty[:, 1], "slip_mps": slip, "swing_height_m": height}
        rows = (dict(zip(own, values)) for values in zip(*(column.tolist() for column in own.values())))
        every = zip(super().records(ids), rows, self._stands[ids])
        return [measured({**record, **row}, stands) for record, row, stands in every]

    def _add_feet(self, on):
        feet = self._feet
        self._counted[on] += 1.0
        self._contacts[on] += feet.contact[on]
        self._slip[on] += (feet.speed * feet.contact)[on]
        landed = feet.landed & on[:, None]
        self._heights[landed] += self._peak[landed]
        self._landings[landed] += 1.0
        self._peak = np.where(feet.contact, 0.0, np.maximum(self._peak, feet.sole[:, :, 2]))


def measured(record: Mapping, stands: bool) -> dict:
    """Returns a record of an episode with the sizes of its errors, and whether it is a success."""
    errors = {
        "velocity_error_mps": float(np.hypot(record["speed_error_mps"], record["lateral_error_mps"])),
        "yaw_rate_error": abs(record["yaw_rate_error"]),
        "drift_mps": record["straight_distance_m"] / record["time_s"],
    }
    near = errors["velocity_error_mps"] <= VELOCITY_ERROR and errors["yaw_rate_error"] <= YAW_RATE_ERROR
    return {**record, **errors, "success": not record["fall"] and near and (errors["drift_mps"] <= DRIFT or not stands)}


def command_cell(
    run: Run, condition: Condition, nominal: Nominal, episodes: int, episode_steps: int, seed: int, num_threads: int = 1
) -> dict[str, float | None]:
    """Plays episodes of a biped; returns the measures METRICS: medians of the errors and the drift, means of the others.

    An episode is a success if the robot does not fall, its mean velocity and its mean yaw rate are within VELOCITY_ERROR and
    YAW_RATE_ERROR of the command, and, on the command to stand, it moves away by less than DRIFT. A duty is the share of
    time in which a foot touches the ground, `swing_height_m` the mean of the highest point of a sole in each step, and
    `slip_mps` the mean speed of feet on the ground. Arguments are those of `evaluation.study.conditions.target_cell`.
    """
    with simulations(run, condition, nominal, episodes, episode_steps, num_threads) as env:
        task = env.unwrapped.task
        records = play(env, run.act, episodes, seed, StepTally(episodes, task.control_dt, task.feet))
    values = {name: np.array([record[name] for record in records], float) for name in METRICS}
    known = {name: column[np.isfinite(column)] for name, column in values.items()}
    middle = {name: np.median if name in _MEDIANS else np.mean for name in METRICS}
    return {name: float(middle[name](column)) if len(column) else None for name, column in known.items()}
