"""Regularisers of robust SAC against closed forms, and against a transcription of the original formulas."""

import math

import numpy as np
import pytest
import torch

from algorithms.robust_value import (
    ESTIMATORS,
    PENALTIES,
    VALUE_METHODS,
    adaptive_coefficient,
    gradient,
    movable,
    slope,
    smoothed_gradient,
)

SLOPE = torch.tensor([1.0, -2.0, 3.0, 0.5], dtype=torch.double)
A = SLOPE.numpy()
ADVERSARIAL = 2 * A * A / np.linalg.norm(A)  # |a * d| with d = -a / ||a|| sqrt(4)
CLOSED = {  # method -> dual norm of the gradient of a.s + b, by hand
    "l1_param": 3.0,
    "l2_param": math.sqrt(1 + 4 + 9 + 0.25),
    "linf_param": 6.5,
    "l1_adv_param": ADVERSARIAL.max(),
    "l2_adv_param": 2 * np.linalg.norm(A * A) / np.linalg.norm(A),
    "linf_adv_param": ADVERSARIAL.sum(),
}
every_method = pytest.mark.parametrize("name", CLOSED)


def linear(x):
    return (x @ SLOPE.to(x.dtype))[:, None] + 7


def regulariser(estimator, name, value, x, sigma=1.0, samples=1):
    return ESTIMATORS[estimator].regulariser(value, x, VALUE_METHODS[name], sigma, samples)


@every_method
def test_the_regulariser_of_a_linear_value_is_the_dual_norm_of_its_slope(name):
    torch.manual_seed(0)
    x = torch.randn(5, 4, dtype=torch.double)
    np.testing.assert_allclose(regulariser("autograd", name, linear, x), np.full((5, 1), CLOSED[name]))
    many = regulariser("smoothed", name, linear, x, 0.3, 50_000)
    np.testing.assert_allclose(many, np.full((5, 1), CLOSED[name]), rtol=0.03)


@every_method
def test_a_constant_value_has_no_regulariser_except_in_legacy(name):
    """legacy: mean |b| E||z|| with z ~ N(0, I_24); l1 as E max z = 1.948 of tables of order statistics."""
    torch.manual_seed(0)
    n, b, x = 24, -7.0, torch.randn(20_000, 24)
    constant = lambda x: 0 * x[:, :1] + b  # noqa: E731
    for estimator in ("autograd", "smoothed"):
        assert not regulariser(estimator, name, constant, x, samples=3).any()
    wanted = {
        "l1": 1.948,
        "l2": math.sqrt(2) * math.gamma((n + 1) / 2) / math.gamma(n / 2),
        "linf": n * math.sqrt(2 / math.pi),
    }
    found, method = regulariser("legacy", name, constant, x), VALUE_METHODS[name]
    if method.adversarial:  # the direction of a gradient of 0 is 0, in the original 0 / 0
        assert not found.any()
    else:
        assert found.mean().item() == pytest.approx(abs(b) * wanted[method.set], rel=0.01)


@pytest.mark.parametrize("samples", [1, 10, 100, 1000, 10_000])
def test_more_samples_help_only_outside_of_the_norm(samples):
    """V = a.s + 100 with ||a|| = 5 and n = 24, whose regulariser is 5.

    The mean squared norm of the mean of M samples (a.z) z is ||a||^2 (1 + (n + 1) / M). The mean of the norms of legacy is
    100 E||z|| = 485 for every number of samples.
    """
    torch.manual_seed(0)
    a, copies = torch.nn.functional.normalize(torch.randn(24), dim=0) * 5, max(8, 30_000 // samples)
    value = lambda x: (x @ a)[:, None] + 100  # noqa: E731
    outside = regulariser("smoothed", "l2_param", value, torch.zeros(copies, 24), 1.0, samples)
    assert outside.square().mean().sqrt() == pytest.approx(5 * math.sqrt(1 + 25 / samples), rel=0.02)
    torch.manual_seed(1)
    inside = regulariser("legacy", "l2_param", value, torch.zeros(3000, 24), 1.0, samples)
    torch.manual_seed(1)
    assert torch.equal(inside, regulariser("legacy", "l2_param", value, torch.zeros(3000, 24)))
    assert inside.mean() == pytest.approx(485, rel=0.01)


def test_both_values_of_a_pair_draw_the_same_actions():
    noisy = lambda x: linear(x) + 100 * torch.randn(len(x), 1)  # noqa: E731
    torch.manual_seed(0)
    quiet = smoothed_gradient(linear, torch.zeros(3, 4), 0.1, 5)
    torch.manual_seed(0)
    np.testing.assert_allclose(smoothed_gradient(noisy, torch.zeros(3, 4), 0.1, 5), quiet, atol=1e-3)


@every_method
@pytest.mark.parametrize("sigma", [1.0, 0.5])
def test_legacy_is_the_original_formula(name, sigma):
    """Transcribed in numpy: norm of V(s' + delta) (delta / sigma^2) d; l1: max without an absolute value."""
    x = torch.randn(6, 4, dtype=torch.double, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(4)
    found = regulariser("legacy", name, lambda x: (torch.sin(x) @ SLOPE)[:, None] - 2, x, sigma)
    torch.manual_seed(4)
    s, delta = x.numpy(), sigma * torch.randn_like(x).numpy()
    u = ((np.sin(s + delta) @ A) - 2)[:, None] * delta / sigma**2
    if "adv" in name:
        slopes = np.cos(s) * A
        u = u * (-slopes / np.sqrt((slopes**2).sum(1, keepdims=True)) * np.sqrt(4))
    kinds = {"l2": lambda u: np.sqrt((u**2).sum(1)), "l1": lambda u: u.max(1), "linf": lambda u: np.abs(u).sum(1)}
    np.testing.assert_allclose(found[:, 0], kinds[name.split("_")[0]](u))
    assert name != "l1_param" or (found < u.max()).any()


@pytest.mark.parametrize("name", PENALTIES)
def test_the_gradient_of_a_penalty_of_weights_that_are_0_is_0(name):
    parameters = [torch.zeros(3, 2, requires_grad=True), torch.zeros(2, requires_grad=True)]
    PENALTIES[name](parameters).backward()
    assert not any(parameter.grad.any() for parameter in parameters)


def test_the_effective_discount_is_a_least_squares_slope():
    values = torch.tensor([[1.0], [-2.0], [0.5]])
    assert slope(values, 0.9 * values) == pytest.approx(0.9) and slope(0 * values, values) == 1.0
    assert slope(values, values + 1) == pytest.approx(1 - 0.5 / 5.25)


def test_a_desired_goal_is_not_moved():
    seen = {"achieved_goal": torch.ones(2, 1), "desired_goal": torch.full((2, 1), 5.0), "observation": torch.zeros(2, 3)}
    seen["desired_goal"][1] = 6.0
    vectors, restored = movable(seen)
    assert vectors.shape == (2, 4) and all(torch.equal(restored(vectors)[name], part) for name, part in seen.items())
    twice = restored(torch.cat([vectors, vectors + 1]))
    assert twice["desired_goal"].ravel().tolist() == [5, 6, 5, 6] and twice["achieved_goal"].ravel().tolist() == [1, 1, 2, 2]
    value = lambda x: restored(x)["desired_goal"] * restored(x)["observation"].sum(1, keepdim=True)  # noqa: E731
    assert gradient(value, vectors).tolist() == [[0, 5, 5, 5], [0, 6, 6, 6]]


def test_the_adaptive_coefficient_follows_the_latest_fifth_of_the_returns():
    returns = [*np.zeros(200), *np.ones(50)]  # mean 0.2, standard deviation 0.4, mean of the latest fifth 1: z = 2
    assert adaptive_coefficient(returns, 1e-5, 1e-3) == pytest.approx(1e-5 + (math.tanh(1.0) + 1) / 2 * (1e-3 - 1e-5))
    assert adaptive_coefficient(returns[::-1], 0, 1) == pytest.approx((math.tanh(-0.25) + 1) / 2)  # z = -0.5
    assert adaptive_coefficient([], 0, 1) == adaptive_coefficient([3.0] * 7, 0, 1) == 0.5
