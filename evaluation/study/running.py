"""Episodes of robots that run ahead, under the conditions of a study."""

from collections.abc import Mapping

import numpy as np

from evaluation.study.conditions import Condition, Nominal, simulations
from evaluation.study.statistics import cvar
from evaluation.walks import evaluate
from run_folder.runs import Run

METRICS = ("success", "mean_speed_mps", "fall", "distance_m", "return", "return_cvar10", "cost_of_transport")


def run_cell(
    run: Run,
    condition: Condition,
    nominal: Nominal,
    least_speed: float,
    episodes: int,
    episode_steps: int,
    seed: int,
    num_threads: int = 1,
) -> Mapping[str, float]:
    """Plays episodes of a robot that runs ahead; returns the measures METRICS, means over the episodes.

    An episode is a success if the robot did not fall and its mean speed ahead was at least `least_speed`, m/s.
    `return_cvar10` is the mean of the lowest tenth of the returns. The other arguments are those of
    `evaluation.study.conditions.target_cell`.
    """
    with simulations(run, condition, nominal, episodes, episode_steps, num_threads) as env:
        records = evaluate(env, run.act, episodes, seed, goal=None)
    measured = {name: np.array([record[name] for record in records], float) for name in METRICS if name in records[0]}
    measured["success"] = (measured["fall"] == 0.0) & (measured["mean_speed_mps"] >= least_speed)
    means = {name: float(values.mean()) for name, values in measured.items()}
    return {name: means.get(name) for name in METRICS} | {"return_cvar10": float(cvar(measured["return"]))}
