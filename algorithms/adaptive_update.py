"""Options of PPO's update: a learning rate that follows the KL divergence, and limits of the standard deviation."""

from dataclasses import dataclass

from utils.fields import Checked, FieldError, checked, span, within

FACTOR, FAR = 1.5, 2.0  # of the training configuration of AgiBot's X1 (2024), as in rsl_rl (Rudin et al., 2021)


@dataclass(frozen=True)
class UpdateOptions(Checked):
    """Options of the update."""

    desired_kl: float | None = within(None, above=0)
    """KL divergence that the learning rate follows: after a minibatch above twice this value the rate is divided by 1.5,
    below half of it multiplied by 1.5. None for the schedule of the learning rate."""
    rate_range: tuple[float, float] = span((1e-5, 1e-2), 0.0, 1.0)
    """Lowest and highest learning rate, with desired_kl."""
    std_floor: float | None = within(None, above=0)
    """Lowest standard deviation of an action in [-1, 1]; None for no limit."""
    std_schedule: tuple[float, float] | None = checked(
        None, lambda ends: ends is None or all(0 < end <= 10 for end in ends), "be None, or two numbers above 0, up to 10"
    )
    """Standard deviations of an action in [-1, 1] at the start and at the end of the training, which changes by equal
    factors between them; None learns it. A policy that learned with much noise may need that noise."""

    @property
    def idle_limits(self) -> dict[str, str]:
        """Fields of this class that have no effect -> the reason."""
        return {"rate_range": "desired_kl is not set"} if self.desired_kl is None else {}

    def check_first(self, learning_rate: float, std: float) -> None:
        """Raises FieldError if the first learning rate or the first standard deviation is out of its range."""
        low, high = self.rate_range
        if self.desired_kl is not None and not low <= learning_rate <= high:
            raise FieldError("learning_rate", f"must be inside of rate_range, {low} to {high}, got {learning_rate}")
        if self.std_floor is not None and self.std_schedule is not None:
            raise FieldError("std_floor", "must be None: std_schedule replaces it")
        if self.std_floor is not None and std < self.std_floor:
            words = f"must be at most the initial standard deviation, exp(log_std_init) = {std:.3g}, got {self.std_floor}"
            raise FieldError("std_floor", words)

    def std(self, progress: float) -> float:
        """Returns the scheduled standard deviation after this share of the training, 0 to 1."""
        first, last = self.std_schedule
        return first ** (1.0 - progress) * last**progress

    def adapted(self, rate: float, divergence: float) -> float:
        """Returns the learning rate after a minibatch with this KL divergence from the rollout's policy."""
        low, high = self.rate_range
        if divergence > FAR * self.desired_kl:
            return max(low, rate / FACTOR)
        return min(high, rate * FACTOR) if 0.0 < divergence < self.desired_kl / FAR else rate
