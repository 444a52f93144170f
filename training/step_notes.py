"""Notes on the number of steps: SB3 trains whole rollouts, and learners with a replay buffer first act at random."""

from algorithms.learners import LEARNERS
from training.config import TrainConfig


def steps_taken(config: TrainConfig) -> int:
    """Returns the number of steps of the whole training: the whole rollouts that have at least total_timesteps."""
    rollout = config.learner.num_envs * _rollout_length(config)
    return -(-config.total_timesteps // rollout) * rollout


def step_notes(config: TrainConfig) -> list[str]:
    """Returns a sentence for each difference between the steps of a training and total_timesteps."""
    numbers, asked = config.learner, config.total_timesteps
    title = LEARNERS[config.algo].title
    each, taken, notes = _rollout_length(config), steps_taken(config), []
    if taken != asked:
        rollouts = f"rollouts of {numbers.num_envs * each:,} steps (num_envs {numbers.num_envs} x {each})"
        notes.append(f"{title} takes whole {rollouts}: {taken:,} steps, not {asked:,}.")
    if getattr(numbers, "learning_starts", 0) >= taken:
        random = f"its first {numbers.learning_starts:,} are random ({config.algo}.learning_starts)"
        notes.append(f"{title} learns nothing in {taken:,} steps: {random}.")
    return notes


def _rollout_length(config):
    return getattr(config.learner, "n_steps", 1)  # learners with a replay buffer update after every step
