"""Schedules the weight and the radius of a smoothness loss, in control steps of all simulations together."""

import math

from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import safe_mean


class SR2LCallback(BaseCallback):
    """Raises the weight and the radius of a smoothness loss linearly, before each rollout.

    It serves SR2L (Shen et al., 2020, arXiv:2003.09534) and every other smoothness loss of a learner with the attributes
    `coef_share` and `radius_share`, 0 to 1. The learner logs weight, radius and loss of each update under smooth/.

    Args:
        warm_up_steps: steps before the loss has a weight.
        rise_steps: steps after the warm-up over which the weight rises from 0 to its final value; 0 sets it at once.
        radius_rise_steps: the same for the radius.
        return_margin: both rise only while the mean return of recent episodes is at most this percentage below the best
            mean return so far, and keep their values otherwise; None lets them always rise.

    Raises:
        ValueError: a number is negative.
    """

    def __init__(
        self, warm_up_steps: int = 0, rise_steps: int = 0, radius_rise_steps: int = 0, return_margin: float | None = None
    ):
        super().__init__()
        numbers = (warm_up_steps, rise_steps, radius_rise_steps, return_margin or 0.0)
        if not all(number >= 0 for number in numbers):
            raise ValueError(f"a schedule of smoothness needs numbers of at least 0, got {numbers}")
        self._warm_up, self._rise, self._radius_rise = warm_up_steps, rise_steps, radius_rise_steps
        self._margin = return_margin
        self._seen, self._risen, self._best = 0, 0, -math.inf

    @property
    def state(self) -> dict:
        """The number of steps, how many of them were part of the rise, and the best mean return, as plain data."""
        return {"steps": self._seen, "risen": self._risen, "best": self._best}

    def restore(self, state: dict) -> None:
        """Continues from a `state`."""
        self._seen, self._risen, self._best = state["steps"], state["risen"], state["best"]

    def _on_rollout_start(self) -> None:
        steps = self.num_timesteps
        if self._may_rise():
            self._risen += max(0, steps - max(self._seen, self._warm_up))
        self._seen = steps
        self.model.coef_share = self._share(self._rise) if steps >= self._warm_up else 0.0
        self.model.radius_share = self._share(self._radius_rise)

    def _may_rise(self):
        """Returns whether the mean return is near its best value, which it updates; False before the first episode."""
        if self._margin is None:
            return True
        if not self.model.ep_info_buffer:
            return False
        mean = float(safe_mean([episode["r"] for episode in self.model.ep_info_buffer]))
        self._best = max(self._best, mean)
        return mean >= self._best - self._margin / 100.0 * abs(self._best)

    def _share(self, steps):
        return min(1.0, self._risen / steps) if steps else 1.0

    def _on_step(self) -> bool:
        return True
