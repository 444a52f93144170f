"""Notes on the number of steps: SB3 trains whole rollouts, and learners with a replay buffer first act at random."""

from algorithms.learners import LEARNERS
from training.config import TrainConfig


def step_notes(config: TrainConfig) -> list[str]:
    """Returns a sentence for each difference between the steps of a training and total_timesteps."""
    numbers, asked = config.learner, config.total_timesteps
    title = LEARNERS[config.algo].title
    each = getattr(numbers, "n_steps", 1)  # learners with a replay buffer update after every step
    rollout = numbers.num_envs * each
    taken, notes = -(-asked // rollout) * rollout, []
    if taken != asked:
        rollouts = f"rollouts of {rollout:,} steps (num_envs {numbers.num_envs} x {each})"
        notes.append(f"{title} takes whole {rollouts}: {taken:,} steps, not {asked:,}.")
    if getattr(numbers, "learning_starts", 0) >= taken:
        random = f"its first {numbers.learning_starts:,} are random ({config.algo}.learning_starts)"
        notes.append(f"{title} learns nothing in {taken:,} steps: {random}.")
    return notes
