"""Robust SAC: updates against SAC and against the formulas; options; runs that are resumed and exported."""

import math
from collections import defaultdict
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from algorithms.robust_sac import EPISODES, RobustSAC, RobustSacConfig
from algorithms.robust_value import ESTIMATORS, PENALTIES, VALUE_METHODS, adversarial_direction, gradient
from algorithms.sac import SAC, Minibatch
from algorithms.vec_env import make_batch_vec_env
from tests.algorithms.test_ppo_and_sac import NET, flat, trained
from utils.fields import FieldError

SLOPE = torch.tensor([1.0, -2.0, 3.0])
every_estimator = pytest.mark.parametrize("estimator", ESTIMATORS)
NUMBERS = {"learning_starts": 60, "batch_size": 16, "buffer_size": 1000, "gradient_steps": 2}


def model(**options):
    """Returns an untrained model on a pendulum with two simulations."""
    env = VecNormalize(DummyVecEnv([lambda: gym.make("Pendulum-v1", max_episode_steps=40)] * 2))
    options = RobustSacConfig(**options)
    numbers = NUMBERS | {
        "policy_kwargs": NET | {"activation_fn": torch.nn.Tanh},
        "target_update_interval": options.target_update_interval,
    }
    return RobustSAC("MlpPolicy", env, seed=3, device="cpu", options=options, **numbers)


def test_the_adversarial_direction_goes_down_the_value_of_the_networks():
    made = model()
    value = lambda x: (torch.manual_seed(5), made._value(x, torch.tensor(0.2)))[1]  # noqa: E731
    x, h = torch.randn(4, 3), 1e-2
    with torch.no_grad():
        slopes = torch.cat([(value(x + step) - value(x - step)) / (2 * h) for step in torch.eye(3) * h], dim=1)
    wanted = -slopes / torch.linalg.vector_norm(slopes, dim=1, keepdim=True) * math.sqrt(3)
    np.testing.assert_allclose(adversarial_direction(gradient(value, x)), wanted, atol=2e-3)
    assert not adversarial_direction(torch.zeros(2, 3)).any()


def assert_same_training(ours, stock, equal=True):
    given, wanted = (flat(each.get_parameters()) for each, *_ in (ours, stock))
    assert given.keys() == wanted.keys()
    assert all(np.array_equal(given[name], wanted[name]) for name in wanted) == equal


@pytest.fixture(scope="module")
def plain():
    """Returns SAC after a short training, its logs and the state of torch's generator."""
    return *trained(SAC, "Pendulum-v1", 120, NUMBERS), torch.get_rng_state()


@pytest.mark.parametrize(
    "options",
    [
        {"robust_method": "no"},
        *({"estimator": name, "robust_method": "linf_adv_param", "robust_coef": 0.0} for name in ESTIMATORS),
        {"robust_method": "l1_reg", "robust_coef": 0.0},
        {"robust_coef": 0.0, "weight_penalty": "l2_reg", "weight_coef": 0.0},
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_without_a_regulariser_it_is_sac_weight_for_weight_and_draw_for_draw(options, plain):
    ours = trained(RobustSAC, "Pendulum-v1", 120, NUMBERS | {"options": RobustSacConfig(**options)})
    assert_same_training(ours, plain)
    assert torch.equal(torch.get_rng_state(), plain[2])
    assert all({*line.items()} >= {*wanted.items()} for (_, line), (_, wanted) in zip(ours[1], plain[1]))


def test_a_regulariser_is_in_use_and_its_draws_come_from_a_separate_state(plain):
    ours = trained(RobustSAC, "Pendulum-v1", 120, NUMBERS | {"options": RobustSacConfig(robust_coef=0.5)})
    assert torch.equal(torch.get_rng_state(), plain[2])
    assert_same_training(ours, plain, equal=False)
    first, used = model().extra_random, ours[0].extra_random
    assert not torch.equal(first, used) and torch.equal(first, model().extra_random)


def batch(made, size=6):
    """Returns a minibatch of random numbers; every second step ends an episode."""
    draws, dones = np.random.default_rng(0), torch.arange(size)[:, None] % 2.0
    rows = {
        name: torch.tensor(draws.normal(size=(size, 3)), dtype=torch.float) for name in ("observations", "next_observations")
    }
    actions, rewards = torch.tensor(draws.uniform(-1, 1, (2, size, 1)), dtype=torch.float)
    return Minibatch(SimpleNamespace(**rows, actions=actions, rewards=rewards, dones=dones, discounts=None), actions, None)


@pytest.mark.parametrize("name", ["no", *VALUE_METHODS, *PENALTIES])
@pytest.mark.parametrize("estimator", ["autograd", "legacy"])
def test_the_target_subtracts_the_regulariser_and_only_legacy_shrinks_the_value(name, estimator, monkeypatch):
    made = model(robust_method=name, estimator=estimator, robust_coef=0.2)
    value = lambda x, _: (x @ SLOPE)[:, None] + 7  # noqa: E731
    monkeypatch.setattr(made, "_value", value)
    step, method = batch(made), VALUE_METHODS.get(name)
    s, state = step.data.next_observations, made.extra_random.clone()
    found = made._target(step, torch.tensor(0.1), logged := defaultdict(list))
    values = value(s, None)
    torch.set_rng_state(state)
    reg = ESTIMATORS[estimator].regulariser(lambda x: value(x, None), s, method, 1.0, 1) if method else 0.0
    kept = {"autograd": 1.0, "legacy": 0.8}[estimator]
    wanted = step.data.rewards + (1 - step.data.dones) * 0.99 * (kept * values - 0.2 * reg)
    torch.testing.assert_close(found, wanted)
    used = 0.0 if (name, estimator) == ("no", "autograd") else 0.2
    assert logged["robust_coef"] == [used] and logged["value_scale"][0] == pytest.approx(values.abs().mean().item())
    (nearest,), *_ = np.linalg.lstsq(values.numpy(), (kept * values - 0.2 * reg).numpy()[:, 0])
    assert logged["effective_discount"][0] == pytest.approx(0.99 * nearest, rel=1e-5)
    assert logged["robust_regulariser"][0] == pytest.approx(reg.mean().item() if method else 0.0, rel=1e-5)


def test_actions_beyond_0_99_of_the_way_to_a_bound_are_at_it():
    made = model()
    actions = torch.tensor([[0.0], [-1.0], [0.98], [0.995], [1.0], [-0.9]], requires_grad=True)
    step = Minibatch(batch(made).data, actions, torch.zeros(6, 1))
    made._actor_loss(step, torch.tensor(0.1), logged := defaultdict(list))
    assert logged["actions_at_bounds"] == [0.5]


@every_estimator
def test_earlier_control_steps_of_an_observation_do_not_move(estimator, monkeypatch):
    env = VecNormalize(make_batch_vec_env("RWRLCartpoleSwingup-v0", 2, seed=0, frames=3))
    options = RobustSacConfig(robust_method="l2_param", estimator=estimator)
    made = RobustSAC("MlpPolicy", env, seed=3, device="cpu", options=options, policy_kwargs={**NET})
    given, weights, moved = torch.randn(4, 15), torch.arange(1.0, 16.0), set()

    def value(x, _):
        offsets = x.reshape(-1, 4, 15) - given
        moved.update(torch.nonzero(offsets.abs().amax(dim=(0, 1)) > 0).ravel().tolist())
        return (x @ weights)[:, None]

    monkeypatch.setattr(made, "_value", value)
    found = made._regulariser(given, torch.tensor(0.1))
    if estimator == "autograd":
        torch.testing.assert_close(found, torch.linalg.vector_norm(weights[10:]).expand(4, 1))
    else:
        assert moved == {10, 11, 12, 13, 14}
    env.close()


@pytest.mark.parametrize("wrapped", [{}, {"perturb_spec": {"params": {"object_mass": [0.9, 1.1]}}}])
def test_rows_that_repeat_an_earlier_step_do_not_move_whatever_wraps_the_environment(wrapped):
    env = VecNormalize(make_batch_vec_env("CubeInHand-v0", 2, seed=0, **wrapped))
    made = RobustSAC("MlpPolicy", env, device="cpu", policy_kwargs={**NET})
    rows = env.env.unwrapped.observation_rows
    now = [np.arange(place.start, place.stop) for name, place in rows.items() if not name.startswith("earlier_")]
    assert made.movable_columns.tolist() == np.concatenate(now).tolist() and len(now) < len(rows)
    env.close()


@every_estimator
@pytest.mark.parametrize("name", ["l2_param", "l1_adv_param"])
def test_no_gradient_reaches_a_network(name, estimator):
    made = model(robust_method=name, estimator=estimator)
    target = made._target(batch(made), torch.tensor(0.1), logged := defaultdict(list))
    networks = (made.actor, made.critic, made.critic_target)
    assert not target.requires_grad and torch.isfinite(target).all() and logged["robust_regulariser"][0] != 0
    assert all(parameter.grad is None for network in networks for parameter in network.parameters())


@pytest.mark.parametrize(
    ("options", "penalties"),
    [
        ({"robust_method": "l2_reg", "robust_coef": 0.3}, {"l2_reg": 0.3}),
        ({"robust_method": "l1_reg"}, {"l1_reg": 1e-4}),
        ({"robust_method": "linf_param", "weight_penalty": "l1_reg", "weight_coef": 0.2}, {"l1_reg": 0.2}),
        ({"robust_method": "no", "weight_penalty": "l2_reg"}, {"l2_reg": 1e-4}),
        ({"robust_method": "l2_adv_param"}, {}),
    ],
)
def test_penalties_weigh_half_as_the_errors_do_and_cover_both_critics_and_biases(options, penalties):
    made, stock = model(**options), model(robust_method="no")
    step, target = batch(made), torch.ones(6, 1)
    losses = [each._critic_loss(step, target, defaultdict(list)) for each in (made, stock)]
    weights = np.concatenate([parameter.detach().numpy().ravel() for parameter in made.critic.parameters()])
    assert len(weights) == 2 * ((4 * 16 + 16) + (16 * 8 + 8) + (8 + 1))
    sizes = {"l2_reg": np.sqrt((weights**2).sum()), "l1_reg": np.abs(weights).sum()}
    extra = sum(0.5 * coefficient * sizes[name] for name, coefficient in penalties.items())
    assert (losses[0] - losses[1]).item() == pytest.approx(extra, rel=1e-3, abs=1e-9)


@pytest.mark.parametrize(("interval", "wanted"), [(1, 10), (2, 5), (3, 4)])
def test_target_critics_follow_every_second_update_across_calls_of_train(interval, wanted, monkeypatch):
    made, calls = model(target_update_interval=interval), []
    made.learn(66, log_interval=None)
    made._n_updates = 0
    monkeypatch.setattr(made, "_update_targets", lambda: calls.append(made._n_updates))
    for _ in range(10):
        made.train(1, 8)
    assert len(calls) == wanted and calls[:2] == [0, interval]


def test_the_logarithm_of_the_standard_deviation_is_squashed_into_its_range():
    bounded, stock = model(log_std_range=(-5.0, 2.0)), model()
    x = 100 * torch.randn(50, 3)
    found, raw = (each.actor.get_action_dist_params(x)[1].detach() for each in (bounded, stock))
    torch.testing.assert_close(found, -5 + 3.5 * (torch.tanh(raw) + 1))
    assert bounded.policy.state_dict().keys() == stock.policy.state_dict().keys() and found.max() - found.min() > 1
    with pytest.raises(FieldError, match="log_std_range must be None, or low and high in -20 to 2, got"):
        RobustSacConfig(log_std_range=(2.0, -5.0))
    with pytest.raises(ValueError, match="log_std_range has no effect with use_sde"):
        RobustSAC("MlpPolicy", stock.env, use_sde=True, options=bounded.options)


def test_the_coefficient_rises_linearly_with_the_steps():
    config = RobustSacConfig(coef_schedule="linear", coef_rise=1000, robust_coef=0.4)
    assert [config.coefficient(steps, []) for steps in (0, 250, 1000, 9999)] == [0.0, 0.1, 0.4, 0.4]
    defaults = ({}, {"estimator": "legacy"}, {"robust_method": "l1_reg"})
    assert [RobustSacConfig(**options).highest_coef for options in defaults] == [0.01, 1e-4, 1e-4]


def test_the_adaptive_coefficient_follows_the_latest_250_episodes():
    made = model(coef_schedule="adaptive", coef_range=(0.0, 1.0))
    made.ep_info_buffer, made.ep_success_buffer = [], []
    for i in range(300):
        made._update_info_buffer([{}, {"episode": {"r": float(i)}}])
    assert made.episode_returns == [float(i) for i in range(300 - EPISODES, 300)] and made.coefficient > 0.6
