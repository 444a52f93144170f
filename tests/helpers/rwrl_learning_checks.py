"""Runs the checks of logs and learning curves of the Real-World RL suite's recorded numbers."""

from dataclasses import asdict

import numpy as np

from envs.wrappers.challenge_logs.log import ChallengeLog
from evaluation.learning_curve import learning_statistics


class LearningChecks:
    """Implements the checker's methods about the log and the statistics."""

    def evaluate(self, returns):
        """Returns the statistics of a learning curve by name."""
        return asdict(learning_statistics(returns))

    def accumulate(self, episodes):
        """Returns statistics of episodes from constraints, objectives and reward of each row; the first is the reset."""
        log = ChallengeLog()
        for episode in episodes:
            for reward, info in zip(episode["rewards"], _infos(episode)):
                if reward is None:
                    log.begin(info)
                else:
                    log.add(np.array([reward]), info)
            log.end(np.array([0]))
        return _as_recorded(log.stats())


def _infos(episode):
    """Returns the info of each row, in the format of a vector environment of size one."""
    for satisfied, objectives in zip(episode["constraints"], episode["multiobj"]):
        constraints = {f"constraint {k}": np.array([value]) for k, value in enumerate(satisfied)}
        yield {"constraints": constraints, "objectives": np.array([objectives])}


def _as_recorded(stats):
    violations = {"total_violations": stats.violations, "per_step_violations": stats.violations_per_step()}
    return {
        "safety_stats": violations,
        "multiobj_stats": {"episode_totals": stats.objectives},
        "return_stats": {"episode_totals": stats.returns},
    }
