"""Regularisers of a value function and of critics' weights for robust SAC, as pure functions.

The next observation has a mean mu, and mu may move by any vector of a set `{||d||_p <= coefficient}`. To first order, the
worst of these moves lowers the expected value by coefficient * ||grad_mu E V||_q with 1/p + 1/q = 1 (the support function
of the set). The names of the methods give the set: l1 -> max|g_i|, l2 -> ||g||_2, linf -> sum|g_i|. For adversarial methods
the radius of coordinate i is proportional to |g_i|, so that the norm is that of g * d, with d = -g / ||g||_2 sqrt(n).

Observations x are (b, n), values (b, 1). Every random number comes from torch's global generator.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.utils import parameters_to_vector

Value = Callable[[torch.Tensor], torch.Tensor]  # (b, n) -> (b, 1)
Norm = Callable[[torch.Tensor], torch.Tensor]  # (b, n) -> (b, 1)

TINY = 1e-12  # smallest divisor
FIXED = "desired_goal"  # part of a dictionary observation that does not depend on the transition


def _largest(vectors):
    return vectors.abs().amax(dim=1, keepdim=True)


def _euclidean(vectors):
    return torch.linalg.vector_norm(vectors, dim=1, keepdim=True)


def _sum(vectors):
    return vectors.abs().sum(dim=1, keepdim=True)


def _largest_signed(vectors):
    return vectors.amax(dim=1, keepdim=True)


# Uncertainty set -> its dual norm.
NORMS: dict[str, Norm] = {"l1": _largest, "l2": _euclidean, "linf": _sum}
LEGACY_NORMS = NORMS | {"l1": _largest_signed}  # the guide takes no absolute value


@dataclass(frozen=True)
class ValueMethod:
    """Uncertainty set of a method, l1, l2 or linf, and whether its radii follow the gradient of the value."""

    set: str
    adversarial: bool


VALUE_METHODS = {f"{name}_param": ValueMethod(name, False) for name in ("l2", "l1", "linf")}
VALUE_METHODS |= {f"{name}_adv_param": ValueMethod(name, True) for name in ("l2", "l1", "linf")}


def gradient(value: Value, x: torch.Tensor) -> torch.Tensor:
    """Returns the gradients (b, n) of the values at x. No gradient reaches the parameters of a network."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        return torch.autograd.grad(value(x).sum(), x)[0]


def smoothed_gradient(value: Value, x: torch.Tensor, sigma: float, samples: int) -> torch.Tensor:
    """Returns the gradients (b, n) of E V(x + sigma z), z ~ N(0, I), with respect to x, by Stein's identity.

    The mean over `samples` of (V(x + sigma z) - V(x - sigma z)) z / (2 sigma). A baseline such as V(x) cancels in the
    difference. Both values of a pair draw their actions from the same random numbers.
    """
    z = torch.randn((samples, *x.shape), dtype=x.dtype, device=x.device)
    before = torch.get_rng_state()
    above = value((x + sigma * z).flatten(0, 1))
    torch.set_rng_state(before)
    below = value((x - sigma * z).flatten(0, 1))
    return ((above - below).view(samples, -1, 1) * z).mean(0) / (2 * sigma)


def adversarial_direction(gradients: torch.Tensor) -> torch.Tensor:
    """Returns -g / ||g||_2 sqrt(n), (b, n); 0 where g is 0."""
    return -gradients / _euclidean(gradients).clamp_min(TINY) * gradients.shape[1] ** 0.5


def _dual_norm(gradients, method):
    if method.adversarial:
        gradients = gradients * adversarial_direction(gradients)
    return NORMS[method.set](gradients)


def autograd(value: Value, x: torch.Tensor, method: ValueMethod, sigma: float, samples: int) -> torch.Tensor:
    """Returns the dual norms (b, 1) of the gradients of the values at x."""
    return _dual_norm(gradient(value, x), method)


def smoothed(value: Value, x: torch.Tensor, method: ValueMethod, sigma: float, samples: int) -> torch.Tensor:
    """Returns the dual norms (b, 1) of the smoothed gradients. The norm of a mean of few samples is too large."""
    return _dual_norm(smoothed_gradient(value, x, sigma, samples), method)


def legacy(value: Value, x: torch.Tensor, method: ValueMethod, sigma: float, samples: int) -> torch.Tensor:
    """Returns the guide's regulariser (b, 1): the norm of V(x + delta) delta / sigma^2 for one delta ~ N(0, sigma^2 I).

    The norm of one sample does not estimate the gradient: for a constant value b its mean is |b| E||z|| / sigma, not 0.
    Only the adversarial direction is 0 where the guide's is 0 / 0.
    """
    direction = adversarial_direction(gradient(value, x)) if method.adversarial else None
    delta = sigma * torch.randn_like(x)
    vectors = value(x + delta) * (delta / (sigma * sigma))
    return LEGACY_NORMS[method.set](vectors if direction is None else vectors * direction)


@dataclass(frozen=True)
class Estimator:
    """A way to compute the regulariser of values.

    Attributes:
        regulariser: value, x, method, sigma and number of samples -> (b, 1).
        coef: default coefficient.
        sigma: default standard deviation of samples, in the units of x; None if the estimator draws none.
        averages: whether it uses the number of samples.
        shrinks: whether the value is also multiplied by 1 - coefficient, for every method.
    """

    regulariser: Callable[[Value, torch.Tensor, ValueMethod, float, int], torch.Tensor]
    coef: float
    sigma: float | None
    averages: bool = False
    shrinks: bool = False


ESTIMATORS = {
    "autograd": Estimator(autograd, coef=1e-2, sigma=None),
    "smoothed": Estimator(smoothed, coef=1e-2, sigma=0.1, averages=True),
    "legacy": Estimator(legacy, coef=1e-4, sigma=1.0, shrinks=True),
}


def l2_reg(parameters: Iterable[torch.Tensor]) -> torch.Tensor:
    """Returns the square root of the sum of all squared weights and biases; its gradient at 0 is 0."""
    return torch.linalg.vector_norm(parameters_to_vector(parameters))


def l1_reg(parameters: Iterable[torch.Tensor]) -> torch.Tensor:
    """Returns the sum of the absolute values of all weights and biases."""
    return parameters_to_vector(parameters).abs().sum()


PENALTIES = {"l2_reg": l2_reg, "l1_reg": l1_reg}


def linear_coefficient(steps: int, rise: int, highest: float) -> float:
    """Returns a coefficient that rises from 0 to `highest` over the first `rise` steps."""
    return highest * min(1.0, steps / rise)


def adaptive_coefficient(returns: Sequence[float], low: float, high: float) -> float:
    """Returns low + (tanh(z / 2) + 1) / 2 (high - low), with z = (mean of the last 20 % - mean) / standard deviation.

    `returns` are those of the latest episodes, oldest first. z is 0 if they are all equal or if there is none.
    """
    spread = np.std(returns) if len(returns) else 0.0
    recent = returns[-max(1, len(returns) // 5) :]
    z = (np.mean(recent) - np.mean(returns)) / spread if spread > 0 else 0.0
    return float(low + (np.tanh(0.5 * z) + 1) / 2 * (high - low))


def movable(observations, columns: torch.Tensor | None = None) -> tuple[torch.Tensor, Callable]:
    """Returns the part of observations that a transition decides, (b, n), and a function from (k b, n) to observations.

    Of flat observations these are `columns` (n,); None for all. All parts of a dictionary are moved, except the desired
    goal, which does not depend on the transition.
    """
    if isinstance(observations, torch.Tensor):
        return (observations, lambda vectors: vectors) if columns is None else _columns(observations, columns)
    moved = {name: part for name, part in observations.items() if name != FIXED}
    sizes = [part.shape[1] for part in moved.values()]

    def restored(vectors):
        parts = dict(zip(moved, vectors.split(sizes, dim=1)))
        copies = len(vectors) // len(next(iter(moved.values())))
        return {name: parts.get(name, part.repeat(copies, 1)) for name, part in observations.items()}

    return torch.cat([*moved.values()], dim=1), restored


def _columns(observations, columns):
    def restored(vectors):
        whole = observations.repeat(len(vectors) // len(observations), 1)
        whole[:, columns] = vectors
        return whole

    return observations[:, columns], restored


def slope(values: torch.Tensor, robust: torch.Tensor) -> float:
    """Returns <V', V> / <V, V> of values V and robust values V'; 1 if all values are 0."""
    size = values.square().sum().item()
    return (values * robust).sum().item() / size if size > 0 else 1.0
