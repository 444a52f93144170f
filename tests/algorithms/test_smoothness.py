"""Smoothness losses equal formulas by hand, and the inner maximum stays in its ball."""

import numpy as np
import pytest
import torch

from algorithms.smoothness import DISTANCES, METHODS, ball_max, ball_random
from tests.helpers.smoothness_steps import A, B, K, steps


def linear(weights, std=0.3):
    """Returns the policy with means W s and a fixed standard deviation."""
    return lambda observations: (observations @ weights.T, torch.full((len(observations), len(weights)), std))


def network(seed=0):
    """Returns a policy that is far from linear, and its weights."""
    torch.manual_seed(seed)
    net = torch.nn.Sequential(torch.nn.Linear(K, 16), torch.nn.Tanh(), torch.nn.Linear(16, A))
    net[0].weight.data *= 8.0
    return lambda observations: (net(observations), torch.ones(len(observations), A)), [*net.parameters()]


@pytest.fixture
def weights():
    return torch.randn(A, K, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("std", [1e-3, 0.3, 10.0])
def test_a_constant_policy_has_no_loss_at_any_standard_deviation(name, std):
    constant = lambda s: (s @ torch.zeros(K, A) + 0.7, torch.full((len(s), A), std))  # noqa: E731
    for distance in DISTANCES:
        assert METHODS[name].loss(steps(constant, distance=distance)) == 0.0


@pytest.mark.parametrize("inner_steps", [1, 2, 5])
@pytest.mark.parametrize("radius", [0.2, (0.0, 0.1, 0.3, 0.0, 0.5)])
def test_the_inner_maximum_of_a_linear_policy_is_that_of_the_closed_form(weights, inner_steps, radius):
    row = weights[:1]
    largest = (row.abs() * torch.tensor(radius)).sum().item()  # max |w d| over |d_i| <= r_i
    for distance, wanted in (("jeffreys", 0.5 * (largest / 0.3) ** 2), ("l2", largest**2)):
        given = steps(linear(row), radius=radius, actions=1, distance=distance, inner_steps=inner_steps)
        _, near = ball_max(given)
        moved = ((near - given.observations) @ row.T)[:, 0].abs()
        torch.testing.assert_close(moved, torch.full((B,), largest))
        assert METHODS["ball_max"].loss(given).item() == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("inner_steps", [1, 3])
def test_the_inner_maximum_is_inside_the_ball_and_never_below_its_random_start(inner_steps):
    radius = (0.0, 0.6, 0.9, 0.0, 1.5)  # large, so that some gradient steps lead down
    policy, parameters = network()
    (first, start), (_, worst) = (
        pairs(steps(policy, radius=radius, inner_steps=inner_steps)) for pairs in (ball_random, ball_max)
    )
    mean, near, far = (policy(s)[0] for s in (first, start, worst))
    gain = ((far - mean).square().sum(1) - (near - mean).square().sum(1)).detach()
    assert gain.min() >= -1e-4 and (gain > 0.1).float().mean() > 0.6
    for s in (start, worst):
        moved = (s - first).abs()
        assert (moved <= torch.tensor(radius) + 1e-6).all() and torch.equal(s[:, [0, 3]], first[:, [0, 3]])
        assert moved[:, [1, 2, 4]].min() > 0.0
    assert not worst.requires_grad and all(weight.grad is None for weight in parameters)


@pytest.mark.parametrize("distance", DISTANCES)
def test_the_loss_of_every_pair_equals_the_formula_by_hand(weights, distance):
    def wanted(moves):
        """Returns the mean distance of W s and W (s + moves), moves (n, k)."""
        change = (moves @ weights.T).numpy()
        return np.mean((0.5 * (change / 0.3) ** 2 if distance == "jeffreys" else change**2).sum(axis=1))

    given = lambda: steps(linear(weights), seed=9, distance=distance)  # noqa: E731
    draws = torch.Generator().manual_seed(9)
    deltas = 0.2 * (2 * torch.rand(B, K, generator=draws) - 1)
    assert METHODS["ball_random"].loss(given()).item() == pytest.approx(wanted(deltas), rel=1e-4)
    same = np.arange(B) % 4 != 3
    way = (given().following - given().observations)[same]
    assert METHODS["next"].loss(given()).item() == pytest.approx(wanted(way), rel=1e-4)
    share = torch.rand(48, 1, generator=torch.Generator().manual_seed(9))
    assert METHODS["interpolated"].loss(given()).item() == pytest.approx(wanted(share * way), rel=1e-4)
    assert METHODS["ball_max"].loss(given()) > METHODS["ball_random"].loss(given())


def test_lcp_is_the_gradient_of_the_log_probability_of_a_linear_policy(weights):
    weights.requires_grad_()
    for radius, columns in ((0.2, slice(None)), ((0.0, 1.0, 0.0, 1.0, 1.0), [1, 3, 4])):
        given = steps(linear(weights), radius=radius)
        slope = (given.actions - given.observations @ weights.T) / 0.3**2 @ weights  # W^T S^-1 (a - W s)
        wanted = slope[:, columns].square().sum(1).mean()
        loss = METHODS["lcp"].loss(given)
        torch.testing.assert_close(loss, wanted)
        torch.testing.assert_close(*(torch.autograd.grad(each, weights)[0] for each in (loss, wanted)))


def test_without_a_pair_the_loss_is_0(weights):
    given = steps(linear(weights.requires_grad_()))
    given.same_episode[:] = False
    for name in ("next", "interpolated"):
        loss = METHODS[name].loss(given)
        assert loss == 0.0 and not torch.autograd.grad(loss, weights)[0].any()
