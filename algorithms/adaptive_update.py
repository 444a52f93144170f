"""Options of PPO's update: a learning rate that follows the KL divergence, and a floor of the standard deviation."""

from dataclasses import dataclass

from utils.fields import Checked, FieldError, span, within

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

    @property
    def idle_limits(self) -> dict[str, str]:
        """Fields of this class that have no effect -> the reason."""
        return {"rate_range": "desired_kl is not set"} if self.desired_kl is None else {}

    def check_first(self, learning_rate: float, std: float) -> None:
        """Raises FieldError if the first learning rate or the first standard deviation is out of its range."""
        low, high = self.rate_range
        if self.desired_kl is not None and not low <= learning_rate <= high:
            raise FieldError("learning_rate", f"must be inside of rate_range, {low} to {high}, got {learning_rate}")
        if self.std_floor is not None and std < self.std_floor:
            words = f"must be at most the initial standard deviation, exp(log_std_init) = {std:.3g}, got {self.std_floor}"
            raise FieldError("std_floor", words)

    def adapted(self, rate: float, divergence: float) -> float:
        """Returns the learning rate after a minibatch with this KL divergence from the rollout's policy."""
        low, high = self.rate_range
        if divergence > FAR * self.desired_kl:
            return max(low, rate / FACTOR)
        return min(high, rate * FACTOR) if 0.0 < divergence < self.desired_kl / FAR else rate
