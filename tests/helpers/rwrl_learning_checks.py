"""What the checker of the Real-World RL suite's recorded numbers asks of logs and of learning curves."""

from dataclasses import asdict

import numpy as np

from envs.wrappers.challenge_logs.log import ChallengeLog
from evaluation.learning_curve import learning_statistics


class LearningChecks:
    """Shows the log and the statistics as the checker wants to see them."""

    def evaluate(self, returns):
        """Returns the statistics of a learning curve by name."""
        return asdict(learning_statistics(returns))

    def accumulate(self, episodes):
        """Returns the numbers of episodes given by constraints, objectives and reward of every row, the reset's first."""
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
    """Returns the info of each row, as a vector environment of one hands it out."""
    for satisfied, objectives in zip(episode["constraints"], episode["multiobj"]):
        constraints = {f"constraint {k}": np.array([value]) for k, value in enumerate(satisfied)}
        yield {"constraints": constraints, "multiobj": np.array([objectives])}


def _as_recorded(stats):
    violations = {"total_violations": stats.violations, "per_step_violations": stats.violations_per_step()}
    return {
        "safety_stats": violations,
        "multiobj_stats": {"episode_totals": stats.objectives},
        "return_stats": {"episode_totals": stats.returns},
    }
