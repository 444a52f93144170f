"""The toy: its three inertia distributions in closed form, the motion of a point, and the reward."""

import gymnasium as gym
import numpy as np
import pytest
from scipy.stats import kstest, uniform

import envs  # noqa: F401
from envs.toy_env import FIELD, TARGET_RADIUS, ToyConfig, ToyEnv, draw_inertia
from envs.wrappers import Perturbation

STRENGTH, SAMPLES = 0.2, 20000


def spread(method):
    """Returns the deviations of inertias (SAMPLES, 2) from 1, in units of perturb_val."""
    generators = [np.random.default_rng(0)] * SAMPLES
    return (draw_inertia(ToyConfig(method, STRENGTH), generators) - 1.0) / STRENGTH


def is_distributed(values, cdf):
    return kstest(values, cdf).pvalue > 0.01


def half_circle(x):
    """The cumulative distribution of one coordinate of a point that is uniform in the unit disc."""
    return 0.5 + (x * np.sqrt(1 - x**2) + np.arcsin(x)) / np.pi


def test_l2_fills_a_disc_evenly():
    x = spread("l2")
    radius, angle = np.hypot(*x.T), np.arctan2(*x.T)
    assert radius.max() <= 1 and is_distributed(radius, lambda r: r**2)
    assert is_distributed(angle, uniform(-np.pi, 2 * np.pi).cdf)
    assert all(is_distributed(axis, half_circle) for axis in x.T)
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=0.015)
    np.testing.assert_allclose(np.cov(x.T), np.eye(2) / 4, atol=0.01)


def test_ellipsoid_fills_a_sheared_ellipse_evenly():
    x, y = spread("ellipsoid").T
    unit_x, unit_y = x - y / 2, y / 2  # (x, y) = (u + v, 2 v) for (u, v) in the unit disc, solved by hand
    assert np.hypot(unit_x, unit_y).max() <= 1 and is_distributed(unit_x**2 + unit_y**2, uniform.cdf)
    assert is_distributed(np.arctan2(unit_y, unit_x), uniform(-np.pi, 2 * np.pi).cdf)
    assert is_distributed(x / np.sqrt(2), half_circle) and is_distributed(y / 2, half_circle)
    np.testing.assert_allclose([x.mean(), y.mean()], 0, atol=0.03)
    np.testing.assert_allclose(np.cov(x, y), np.array([[2, 2], [2, 4]]) / 4, atol=0.03)


def test_l_plus_fills_a_box_evenly_twice_as_wide_as_high():
    x, y = spread("l+").T
    assert is_distributed(x, uniform(-2, 4).cdf) and is_distributed(y, uniform(-1, 2).cdf)
    assert is_distributed(y[x > 1], uniform(-1, 2).cdf)  # independent of the other axis
    np.testing.assert_allclose([x.mean(), y.mean()], 0, atol=0.02)
    np.testing.assert_allclose(np.cov(x, y), np.diag([4, 1]) / 3, atol=0.02)


@pytest.mark.parametrize("method", ["l2", "ellipsoid", "l+"])
def test_every_episode_draws_anew_and_strength_zero_is_nominal(method):
    env = ToyEnv(perturb_method=method, perturb_val=0.3)
    infos = [env.reset(seed=1)[1]] + [env.reset()[1] for _ in range(2)]
    assert len({info["inertia_x"] for info in infos}) == len({info["inertia_y"] for info in infos}) == 3
    _, info = ToyEnv(perturb_method=method, perturb_val=0.0).reset(seed=1)
    assert info["inertia_x"] == info["inertia_y"] == 1.0


def test_a_step_moves_by_action_times_inertia_and_noise_of_a_tenth():
    env = gym.make_vec("Toy-v0", 4000, perturb_val=0.3)
    env.reset(seed=0)
    env.unwrapped.task.position[:] = 5.0
    env.step(np.tile([0.5, -3.0], (4000, 1)))  # the second is clipped at -1
    task = env.unwrapped.task
    noise = task.position - 5.0 - np.array([0.5, -1.0]) * task.inertia
    assert all(is_distributed(axis / 0.1, "norm") for axis in noise.T)
    second = task.position.copy()
    env.step(np.zeros((4000, 2)))
    again = task.position - second
    assert is_distributed(again[:, 0] / 0.1, "norm") and abs(np.corrcoef(noise[:, 0], again[:, 0])[0, 1]) < 0.05


def test_starts_fill_the_field_and_walls_hold():
    env = gym.make_vec("Toy-v0", 4000)
    rows, _ = env.reset(seed=0)
    assert all(is_distributed(axis, uniform(-FIELD, 2 * FIELD).cdf) for axis in rows.T)
    for _ in range(30):
        rows, *_ = env.step(np.ones((4000, 2)))
    assert rows.max() == env.unwrapped.task.position.max() == FIELD


def paid(env, policy):
    """Returns the return of an episode from (1, 0.5) without noise, and whether it ended at the target."""
    env.reset(seed=0)
    env.task.position[:], env.task._noise = [1.0, 0.5], lambda: 0.0
    total, ended, truncated = 0.0, False, False
    while not (ended or truncated):
        _, reward, ended, truncated, _ = env.step(policy(env.task.position[0]))
        total += reward
    return total, ended


def arrive(position):
    return -position


def hover(position):
    return np.array([2 * TARGET_RADIUS, 0]) - position


@pytest.mark.parametrize("legacy", [False, True])
def test_arriving_pays_best_and_in_the_legacy_reward_worst(legacy):
    env = ToyEnv(perturb_val=0.0, legacy_reward=legacy)
    (arriving, *ended), (hovering, *going_on), (resting, *_) = (paid(env, own) for own in (arrive, hover, np.zeros_like))
    assert ended == [True] and going_on == [False]
    if legacy:  # one payment instead of a hundred
        assert arriving == 50.0 < resting < hovering
    else:
        assert arriving > hovering > resting


def test_the_reward_is_minus_the_distance_and_the_legacy_one_50_more():
    mended, legacy = ToyEnv(), ToyEnv(legacy_reward=True)
    for env in (mended, legacy):
        env.reset(seed=3)
    row, reward, *_, info = mended.step([0.3, 0.4])
    _, other, *_, terms = legacy.step([0.3, 0.4])
    assert reward == pytest.approx(-np.linalg.norm(row), rel=1e-6) and info["distance"] == -reward
    assert other == reward + 50.0 and terms["reward_terms"] == {"distance": reward, "alive": 50.0}


def test_the_target_ends_the_episode_as_a_success():
    env = ToyEnv(perturb_val=0.0)
    env.reset(seed=0)
    for distance, ends in ((0.049, True), (0.051, False)):
        env.task.position[:], env.task._noise = [0.6, 0.8], lambda: 0.0
        _, _, terminated, truncated, info = env.step((distance - 1.0) * np.array([0.6, 0.8]))
        assert terminated == info["is_success"] == ends and not truncated


def test_a_perturbation_takes_the_place_of_a_draw_and_leaves_the_other_axis():
    env = Perturbation(gym.make("Toy-v0"), {"mode": "fixed", "params": {"inertia_x": 1.4}})
    plain = gym.make("Toy-v0")
    for seed in (0, None, None):
        info, wanted = env.reset(seed=seed)[1], plain.reset(seed=seed)[1]
        assert info["inertia_x"] == info["perturb_spec"]["inertia_x"] == 1.4 != wanted["inertia_x"]
        assert info["inertia_y"] == wanted["inertia_y"]


def test_pictures_show_the_point_where_it_is():
    env = ToyEnv(render_mode="rgb_array")
    env.reset(seed=0)
    env.task.position[:] = [5.0, 10.0]
    red = (env.render() == (220, 0, 0)).all(axis=-1)
    rows, columns = np.nonzero(red)
    assert rows.max() < 5 and columns.mean() == pytest.approx(0.75 * 239, abs=1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"perturb_method": "l1"}, "'l2' or 'ellipsoid' or 'l\\+', got 'l1'"),
        ({"perturb_val": -0.1}, "from 0 on, got -0.1"),
        ({"perturb_vale": 0.1}, "did you mean perturb_val"),
    ],
)
def test_a_wrong_setting_gets_one_sentence(changes, words):
    with pytest.raises(ValueError, match=words):
        gym.make("Toy-v0", **changes)


@pytest.mark.parametrize(("action", "words"), [(np.zeros(3), "shape"), ([0.0, np.nan], "NaN")])
def test_a_wrong_action_or_option_is_refused_and_loses_nothing(action, words):
    env = ToyEnv()
    row, _ = env.reset(seed=0)
    with pytest.raises(ValueError, match=words):
        env.step(action)
    with pytest.raises(ValueError, match="there are none"):
        env.reset(options={"randomise": True})
    np.testing.assert_array_equal(env.task.position[0].astype(np.float32), row)


@pytest.mark.parametrize("values", [{"inertia": np.ones(1)}, {"inertia_x": np.array([np.inf])}])
def test_a_wrong_perturbation_gets_one_sentence(values):
    with pytest.raises(ValueError, match="inertia_x"):
        ToyEnv().perturb(values, np.array([0]))
