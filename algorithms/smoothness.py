"""Smoothness losses of a Gaussian policy: how much its actions at an observation s differ from those at a near s'.

They compare means of actions. With sampled actions, E|a - a'|^2 = |mu(s) - mu(s')|^2 + 2 sum(sigma^2): minimising that
would mostly minimise the entropy. The standard deviation gets no gradient, so that no loss falls by changing it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

Policy = Callable[[Tensor], tuple[Tensor, Tensor]]  # observations (b, k) -> means and standard deviations of actions (b, a)
Distance = Callable[[Tensor, Tensor, Tensor], Tensor]  # two means and the standard deviation, each (b, a) -> (b,)


def jeffreys(mean: Tensor, other: Tensor, std: Tensor) -> Tensor:
    """Returns KL(p|q) / 2 + KL(q|p) / 2 = sum(((mean - other) / std)^2) / 2 of Gaussians with equal std, (b,)."""
    return 0.5 * ((mean - other) / std).square().sum(dim=1)


def l2(mean: Tensor, other: Tensor, std: Tensor) -> Tensor:
    """Returns sum((mean - other)^2), (b,), in squared units of the action."""
    return (mean - other).square().sum(dim=1)


DISTANCES: dict[str, Distance] = {"jeffreys": jeffreys, "l2": l2}


@dataclass(frozen=True)
class Steps:
    """b control steps of a rollout, and everything that a smoothness loss may use.

    Attributes:
        policy: the current policy; the gradient of a loss goes through its means alone.
        observations: (b, k), normalised.
        actions: (b, a).
        following: (b, k) observations of the same simulations one step later; None for methods that do not read them.
        same_episode: (b,) whether the step later belongs to the same episode; None as above.
        radius: (k,) half-widths of the ball around an observation, in units of the normalised observation.
        chosen: (k,) whether the loss looks at an entry of the observation.
        distance: distance between the policy at two observations.
        inner_steps: number of steps of the inner maximum.
        generator: source of random numbers.
    """

    policy: Policy
    observations: Tensor
    actions: Tensor
    following: Tensor | None
    same_episode: Tensor | None
    radius: Tensor
    chosen: Tensor
    distance: Distance
    inner_steps: int
    generator: torch.Generator

    def uniform(self, *shape: int) -> Tensor:
        """Returns numbers of this shape between 0 and 1."""
        return torch.rand(shape, generator=self.generator).to(self.observations.device)


def ball_random(steps: Steps) -> tuple[Tensor, Tensor]:
    """Returns s and a uniform draw from the ball |s' - s| <= radius.

    Spatial term of CAPS (Mysore et al., 2021), which draws s' from a Gaussian.
    """
    return steps.observations, steps.observations + _delta(steps)


def ball_max(steps: Steps) -> tuple[Tensor, Tensor]:
    """Returns s and the s' with the largest distance that projected gradient steps find in the ball |s' - s| <= radius.

    SR2L (Shen et al., 2020, arXiv:2003.09534). Each step moves every entry by 2 radius / inner_steps in the direction of
    the gradient's sign, so that a maximum in a corner is reached from any random start. The best point on the way counts:
    it is never nearer than the random start. s' has no gradient, and no weight gets one.
    """
    deltas, distances = [_delta(steps)], []
    with torch.no_grad():
        mean, std = steps.policy(steps.observations)
    for _ in range(steps.inner_steps):
        distance, slope = _distance_and_slope(steps, mean, std, deltas[-1])
        distances.append(distance)
        moved = deltas[-1] + 2.0 * steps.radius / steps.inner_steps * slope.sign()
        deltas.append(torch.clamp(moved, -steps.radius, steps.radius))
    with torch.no_grad():
        distances.append(steps.distance(mean, steps.policy(steps.observations + deltas[-1])[0], std))
    best = torch.stack(distances).argmax(dim=0)  # (b,)
    return steps.observations, steps.observations + torch.stack(deltas)[best, torch.arange(len(best))]


def following(steps: Steps) -> tuple[Tensor, Tensor]:
    """Returns s and the observation of the same episode one step later; steps that end an episode have no pair.

    Temporal term of CAPS (Mysore et al., 2021), with a squared distance.
    """
    return steps.observations[steps.same_episode], steps.following[steps.same_episode]


def interpolated(steps: Steps) -> tuple[Tensor, Tensor]:
    """Returns s and a point s + u (s_next - s) on the way to the next observation, u uniform in [0, 1] for each pair.

    Policy term of L2C2 (Kobayashi, 2022).
    """
    first, second = following(steps)
    return first, first + steps.uniform(len(first), 1) * (second - first)


def compared(pairs: Callable[[Steps], tuple[Tensor, Tensor]], steps: Steps) -> Tensor:
    """Returns the mean distance of the policy at pairs of observations, a scalar; 0 without pairs."""
    first, second = pairs(steps)
    means, std = steps.policy(torch.cat([first, second]))
    distances = steps.distance(*means.chunk(2), std[: len(first)])
    return distances.sum() / max(len(first), 1)


def gradient_penalty(steps: Steps) -> Tensor:
    """Returns E|d log pi(a|s) / ds|^2 over the actions of the rollout, a scalar.

    Lipschitz-constrained policies (LCP, Chen et al., 2024).
    """
    observations = steps.observations.detach().clone().requires_grad_()
    mean, std = steps.policy(observations)
    log_prob = -0.5 * ((steps.actions - mean) / std).square().sum()  # without terms that do not depend on s
    (slope,) = torch.autograd.grad(log_prob, observations, create_graph=True)
    return (slope * steps.chosen).square().sum(dim=1).mean()


@dataclass(frozen=True)
class Method:
    """A smoothness loss: steps -> scalar, and the options that have an effect on it."""

    loss: Callable[[Steps], Tensor]
    uses: tuple[str, ...]
    reads_next: bool = False


METHODS: dict[str, Method] = {
    "ball_max": Method(partial(compared, ball_max), ("distance", "radius", "rows", "inner_steps")),
    "ball_random": Method(partial(compared, ball_random), ("distance", "radius", "rows")),
    "next": Method(partial(compared, following), ("distance",), reads_next=True),
    "interpolated": Method(partial(compared, interpolated), ("distance",), reads_next=True),
    "lcp": Method(gradient_penalty, ("rows",)),
}


def _delta(steps):
    """Returns uniform draws from the ball, (b, k)."""
    return steps.radius * (2.0 * steps.uniform(*steps.observations.shape) - 1.0)


def _distance_and_slope(steps, mean, std, delta):
    """Returns the distances (b,) at s + delta, and their gradient (b, k) with respect to delta."""
    delta = delta.detach().requires_grad_()
    distance = steps.distance(mean, steps.policy(steps.observations + delta)[0], std)
    (slope,) = torch.autograd.grad(distance.sum(), delta)
    return distance.detach(), slope
