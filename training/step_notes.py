"""Where the steps of a training differ from those asked for: SB3 trains whole rollouts, and SAC acts at random at first."""

from training.config import TrainConfig


def step_notes(config: TrainConfig) -> list[str]:
    """Returns a sentence for each way in which a training takes other steps than total_timesteps says."""
    numbers, asked = config.learner, config.total_timesteps
    rollout = numbers.num_envs * getattr(numbers, "n_steps", 1)  # SAC updates after every step of its simulations
    taken, notes = -(-asked // rollout) * rollout, []
    if taken != asked:
        name, each = config.algo.upper(), getattr(numbers, "n_steps", 1)
        rollouts = f"rollouts of {rollout:,} steps (num_envs {numbers.num_envs} x {each})"
        notes.append(f"{name} takes whole {rollouts}: {taken:,} steps, not {asked:,}.")
    if getattr(numbers, "learning_starts", 0) >= taken:
        random = f"its first {numbers.learning_starts:,} are random (sac.learning_starts)"
        notes.append(f"SAC learns nothing in {taken:,} steps: {random}.")
    return notes
