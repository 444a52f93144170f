"""Returns of every episode under the conditions of a study, and the robustness measures of pooled trainings."""

from collections.abc import Mapping, Sequence

import numpy as np

from evaluation.episodes import evaluate_returns
from evaluation.robustness.metrics import robust_auc, robust_auc_spread
from evaluation.study.conditions import Condition, Nominal, simulations
from evaluation.study.results import Results
from run_folder.runs import Run

MOST_EPISODES = 20
EPISODES = tuple(f"return_{number}" for number in range(1, MOST_EPISODES + 1))
METRICS = ("return", *EPISODES)


def returns_cell(
    run: Run, condition: Condition, nominal: Nominal, episodes: int, episode_steps: int, seed: int, num_threads: int = 1
) -> Mapping[str, float | None]:
    """Plays up to MOST_EPISODES episodes under a condition; returns the mean return, and the return of every episode.

    The arguments are those of `evaluation.study.conditions.target_cell`.
    """
    with simulations(run, condition, nominal, episodes, episode_steps, num_threads) as env:
        returns = [record["return"] for record in evaluate_returns(env, run.act, episodes, seed)]
    return dict.fromkeys(METRICS) | {"return": float(np.mean(returns))} | dict(zip(EPISODES, returns))


def pooled(results: Results, method: str, conditions: Sequence[str]) -> list[np.ndarray]:
    """Returns the returns of all episodes of all trainings of a method, (e,) for each condition."""
    parts = np.stack([results.values(method, name, conditions=conditions) for name in EPISODES])  # (episodes, s, c)
    return [part[np.isfinite(part)] for part in np.moveaxis(parts, 2, 0)]


def auc_text(values: Sequence[float], returns: Sequence[np.ndarray]) -> str:
    """Returns the Robust-AUC and, in brackets, its uncertainty, as `evaluation.robustness.metrics` defines them."""
    return f"{robust_auc(values, returns):.0f} [{robust_auc_spread(values, returns):.0f}]"
