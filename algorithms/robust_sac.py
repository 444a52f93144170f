"""Robust SAC: the target loses what the value can lose if the next observation moves within an uncertainty set.

The sets and the ways to estimate the loss are in `algorithms.robust_value`. Without a regulariser it trains as `SAC` does,
weight for weight: additional random numbers come from a separate random state.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from gymnasium.spaces import Box

from algorithms.robust_value import (
    ESTIMATORS,
    PENALTIES,
    VALUE_METHODS,
    adaptive_coefficient,
    linear_coefficient,
    movable,
    slope,
)
from algorithms.sac import SAC, Logged, Minibatch, SacConfig
from utils.fields import FieldError, checked, span, within

PENALTY_COEF = 1e-4  # default coefficient of the weight penalties
EPISODES = 250  # returns in the buffer of the adaptive coefficient
AT_BOUND = 0.99  # actions in [-1, 1] count as being at a bound from this absolute value on


@dataclass(frozen=True)
class RobustSacConfig(SacConfig):
    """Config of robust SAC, its network and its normalisation."""

    robust_method: Literal["no", *VALUE_METHODS, *PENALTIES] = "l2_param"
    """Regulariser. The name gives the uncertainty set of the next observation: l1_param subtracts the largest |component| of
    the value's gradient, l2_param its Euclidean norm, linf_param the sum of its |components|; adv: radii proportional to the
    gradient. l2_reg and l1_reg penalise the critics' weights."""
    robust_coef: float | None = within(None, 0)
    """Coefficient of the regulariser: for autograd and smoothed, the radius of the set in standard deviations of the
    observations. Default: 0.01 for these two, 0.0001 for legacy and for penalties."""
    weight_penalty: Literal["no", *PENALTIES] = "no"
    """Penalty of the critics' weights in addition to the robust_method of a value."""
    weight_coef: float = within(PENALTY_COEF, 0)
    """Coefficient of weight_penalty, relative to the sum of the critics' mean squared errors."""
    estimator: Literal[*ESTIMATORS] = "autograd"
    """autograd: norm of the value's gradient. smoothed: the same for the value averaged over a Gaussian. legacy: formulas of
    the original code, which mostly shrink the value, with a factor (1 - robust_coef) on the value for every method."""
    sigma: float | None = within(None, above=0)
    """Standard deviation of the samples of smoothed (default 0.1) and legacy (default 1.0), in standard deviations of the
    observations."""
    samples: int = within(8, 1)
    """Number of pairs of samples of smoothed."""
    coef_schedule: Literal["constant", "linear", "adaptive"] = "constant"
    """constant: robust_coef. linear: rises from 0 to robust_coef. adaptive: rises in coef_range while returns improve."""
    coef_rise: int = within(100_000, 1)
    """Control steps over which the linear schedule rises."""
    coef_range: tuple[float, float] = span((1e-5, 1e-3), 0, 1e6)
    """Lowest and highest coefficient of the adaptive schedule. The default suits legacy and penalties. It hardly changes
    autograd and smoothed: 0.001 to 0.1 is a range around their robust_coef."""
    target_update_interval: int = within(1, 1)
    """Updates between two updates of the target critics."""
    log_std_range: tuple[float, float] | None = checked(
        None, lambda ends: ends is None or -20 <= ends[0] < ends[1] <= 2, "be None, or low and high in -20 to 2"
    )
    """Range into which a tanh squashes the logarithm of the standard deviation of actions; None clips it to -20 to 2."""

    @property
    def idle(self) -> dict[str, str]:
        estimator, schedule = ESTIMATORS[self.estimator], self.coef_schedule
        method, values = f"robust_method is {self.robust_method}", self.robust_method in VALUE_METHODS
        rules = [
            (self.weight_penalty == "no", ("weight_coef",), "weight_penalty is no"),
            (estimator.sigma is None, ("sigma",), f"estimator is {self.estimator}"),
            (not estimator.averages, ("samples",), f"estimator is {self.estimator}"),
            (not values, ("sigma", "samples"), method),
            (not values and not estimator.shrinks, ("estimator",), method),
            (schedule == "adaptive", ("robust_coef",), "coef_schedule is adaptive, and coef_range gives the coefficient"),
            (schedule != "linear", ("coef_rise",), f"coef_schedule is {schedule}"),
            (schedule != "adaptive", ("coef_range",), f"coef_schedule is {schedule}"),
            (
                self.robust_method == "no" and not estimator.shrinks,
                ("robust_coef", "coef_schedule", "coef_rise", "coef_range"),
                method,
            ),
        ]
        return {name: reason for holds, names, reason in rules if holds for name in names}

    @property
    def highest_coef(self) -> float:
        """The coefficient of the constant schedule, and the last of the linear one."""
        if self.robust_coef is not None:
            return self.robust_coef
        return PENALTY_COEF if self.robust_method in PENALTIES else ESTIMATORS[self.estimator].coef

    def check(self) -> None:
        """Raises FieldError as SacConfig does, or if there are two penalties of the weights."""
        super().check()
        if self.robust_method in PENALTIES and self.weight_penalty != "no":
            words = f"must be no: robust_method {self.robust_method} penalises the weights already"
            raise FieldError("weight_penalty", words)

    def arguments(self) -> dict:
        """Returns the arguments of `RobustSAC`."""
        return super().arguments() | self.named("target_update_interval") | {"options": self}

    def coefficient(self, steps: int, returns: list[float]) -> float:
        """Returns the coefficient after `steps` control steps, with the returns of the latest episodes."""
        if self.robust_method == "no" and not ESTIMATORS[self.estimator].shrinks:
            return 0.0
        if self.coef_schedule == "adaptive":
            return adaptive_coefficient(returns, *self.coef_range)
        if self.coef_schedule == "linear":
            return linear_coefficient(steps, self.coef_rise, self.highest_coef)
        return self.highest_coef


class RobustSAC(SAC):
    """SAC with a regularised target or penalised critics.

    The units of robust_coef and sigma are those of the observations that it trains on: standard deviations if the
    environment is in a VecNormalize, as in all trainings of train.py, and the environment's units otherwise. It logs the
    coefficient, means of regulariser and penalty, and

    - value_scale: mean absolute value V of the next observations;
    - effective_discount: gamma <V', V> / <V, V>, the discount whose product with V is nearest, in least squares, to gamma
      times the robust value V'; gamma if all values are 0;
    - actions_at_bounds: share of the components of the actor's actions beyond 0.99 of the way to a bound.

    Values of earlier steps in an observation do not move: the next transition does not decide them.

    Args:
        options: regulariser, its estimator, coefficient and schedule. Further arguments are those of SB3's class.
    """

    def __init__(self, *args, options: RobustSacConfig | None = None, **kwargs):
        self.options = options or RobustSacConfig()
        super().__init__(*args, **kwargs)

    @property
    def coefficient(self) -> float:
        """The current coefficient of the regulariser."""
        return self.options.coefficient(self.num_timesteps, self.episode_returns)

    def _setup_model(self) -> None:
        super()._setup_model()
        self.extra_random = torch.Generator().manual_seed(_derived(self.seed)).get_state()
        self.episode_returns: list[float] = []
        self.movable_columns = _current(self.get_env()) if isinstance(self.observation_space, Box) else None
        if self.options.log_std_range is not None:
            bound_log_std(self.actor, *self.options.log_std_range)

    def _update_info_buffer(self, infos, dones=None) -> None:
        super()._update_info_buffer(infos, dones)
        ended = [float(info["episode"]["r"]) for info in infos if "episode" in info]
        self.episode_returns = (self.episode_returns + ended)[-EPISODES:]

    def _targets_are_due(self, step: int) -> bool:
        """Returns whether to update the target critics; counts all updates, those of earlier calls of `train` included."""
        return (self._n_updates + step) % self.target_update_interval == 0

    def _next_values(self, observations, entropy: torch.Tensor, logged: Logged) -> torch.Tensor:
        """Returns V - coefficient R, (b, 1); the estimator legacy gives (1 - coefficient) V - coefficient R."""
        values, coefficient = super()._next_values(observations, entropy, logged), self.coefficient
        regulariser = self._regulariser(observations, entropy)
        share = 1 - coefficient if ESTIMATORS[self.options.estimator].shrinks else 1.0
        robust = share * values - coefficient * regulariser
        logged["robust_coef"].append(coefficient)
        logged["robust_regulariser"].append(regulariser.mean().item())
        logged["value_scale"].append(values.abs().mean().item())
        logged["effective_discount"].append(self.gamma * slope(values, robust))
        return robust

    def _regulariser(self, observations, entropy: torch.Tensor) -> torch.Tensor:
        """Returns the regulariser R of the values, (b, 1), without a gradient; 0 for methods that have none."""
        method, estimator = VALUE_METHODS.get(self.options.robust_method), ESTIMATORS[self.options.estimator]
        if method is None:
            return torch.zeros(())
        vectors, restored = movable(observations, self.movable_columns)
        with self._extra_draws():
            sigma, samples = self.options.sigma or estimator.sigma, self.options.samples
            return estimator.regulariser(lambda x: self._value(restored(x), entropy), vectors, method, sigma, samples)

    def _critic_loss(self, batch: Minibatch, target: torch.Tensor, logged: Logged) -> torch.Tensor:
        """Returns half the sum of all critics' mean squared errors and of coefficient * penalty.

        The original adds the penalty to the sum of the errors, not to half of it: the same coefficient has the same effect.
        """
        loss = super()._critic_loss(batch, target, logged)
        for name, coefficient in self._penalties().items():
            penalty = PENALTIES[name](self.critic.parameters())
            logged["weight_penalty"].append(penalty.item())
            loss = loss + 0.5 * coefficient * penalty
        return loss

    def _actor_loss(self, batch: Minibatch, entropy: torch.Tensor, logged: Logged) -> torch.Tensor:
        logged["actions_at_bounds"].append((batch.actions.abs() > AT_BOUND).float().mean().item())
        return super()._actor_loss(batch, entropy, logged)

    def _penalties(self):
        """Returns the penalties of the weights by name -> coefficient."""
        asked = {self.options.weight_penalty: self.options.weight_coef, self.options.robust_method: self.coefficient}
        return {name: coefficient for name, coefficient in asked.items() if name in PENALTIES}

    @contextmanager
    def _extra_draws(self) -> Iterator[None]:
        """Draws from `extra_random` inside the `with`; torch's global generator, on the CPU, is unchanged afterwards."""
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self.extra_random)
            yield
            self.extra_random[...] = torch.get_rng_state()


def bound_log_std(actor: torch.nn.Module, low: float, high: float) -> None:
    """Squashes the logarithm of the standard deviation of an SB3 actor's actions into a range, by a tanh.

    The weights keep their names and shapes, so that the policy is saved and loaded as any other.

    Raises:
        ValueError: the actor uses gSDE, whose standard deviation is a parameter.
    """
    if actor.use_sde:
        raise ValueError("log_std_range has no effect with use_sde")
    actor.log_std.register_forward_hook(lambda _, __, output: low + 0.5 * (high - low) * (torch.tanh(output) + 1))


def _current(env):
    """Returns the columns of a flat observation that repeat no earlier step; None if these are all, or not known."""
    columns = getattr(env, "current_columns", None)  # SB3's vectors have none
    whole = columns is None or len(columns) == env.observation_space.shape[0]
    return None if whole else torch.from_numpy(columns)


def _derived(seed):
    """Returns a seed that differs from the training's `seed`; a random one if that is None."""
    return int(np.random.SeedSequence(seed, spawn_key=(1,)).generate_state(1)[0])
