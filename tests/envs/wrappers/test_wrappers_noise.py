"""Noise against theory and by hand: strength, frequency, duration, and the components without noise."""

import gymnasium as gym
import numpy as np
import pytest

import envs  # noqa: F401
from envs.wrappers import Noise
from tests.helpers.challenge_toys import SAME_STEP, TellingToy, toy, toys

N, STEPS = 50, 400


def observed(name="y", **noise):
    """Returns a component of a toy's observation (STEPS, N), its true value (STEPS,), and the executed actions."""
    env = Noise(toys(N, SAME_STEP, steps=10_000), **noise)
    env.reset(seed=0)
    shown = np.array([env.step(np.full((N, 2), 0.001 * (step % 900)))[0][name][:, 0] for step in range(STEPS)])
    executed = np.array([own.unwrapped.applied for own in env.unwrapped.envs])
    return shown, np.arange(1, STEPS + 1)[:, None] + 100.0, executed


def test_gaussian_noise_has_the_mean_and_spread_that_were_asked_for():
    shown, true, executed = observed(gaussian={"observations": 0.5, "actions": 0.05})
    noise = shown - true
    assert noise.mean() == pytest.approx(0.0, abs=5 * 0.5 / noise.size**0.5) and noise.std() == pytest.approx(0.5, rel=0.03)
    assert np.corrcoef(noise[:-1].ravel(), noise[1:].ravel())[0, 1] == pytest.approx(0.0, abs=0.04)
    sent = 0.001 * (np.arange(STEPS) % 900)
    middle = executed[:, 200:, 0] - sent[200:]
    assert middle.std() == pytest.approx(0.05, rel=0.03) and np.abs(executed).max() <= 1.0


def test_every_sensor_has_its_own_spread_and_the_others_none():
    shown, true, _ = observed(gaussian={"observations": {"y": 0.2}})
    assert (shown - true).std() == pytest.approx(0.2, rel=0.03)
    assert (observed("x", gaussian={"observations": {"y": 0.2}})[0] == true - 100.0).all()


@pytest.mark.parametrize(("prob", "steps"), [(0.01, 1), (0.05, 5), (0.1, 10), (0.3, 3)])
def test_faults_last_and_happen_as_often_as_theory_says(prob, steps):
    fraction = prob * steps / (prob * steps + 1 - prob)
    keys = {"observations_prob": prob, "observations_steps": steps}
    dropped, stuck = observed(dropped=keys)[0] == 0.0, np.diff(observed(stuck=keys)[0], axis=0) == 0.0
    for faulty in (dropped, stuck):
        tolerance = 5 * (fraction * (1 - fraction) * 2 * steps / faulty.size) ** 0.5
        assert faulty[10 * steps :].mean() == pytest.approx(fraction, abs=tolerance)
    for column in dropped.T:  # from one change to the next
        edges = np.flatnonzero(np.diff(column.astype(int)))
        lengths = np.diff(edges)[~column[edges[:-1]]]
        assert (lengths % steps == 0).all() or steps == 1


def test_repetition_counts_all_executions():
    _, _, executed = observed(repetition={"actions_prob": 1.0, "actions_steps": 3})
    np.testing.assert_allclose(executed[:, :9, 0] * 1000, np.tile([0, 0, 0, 3, 3, 3, 6, 6, 6], (N, 1)), atol=1e-9)
    _, _, executed = observed(repetition={"actions_prob": 0.5, "actions_steps": 3})
    assert (np.diff(executed[..., 0]) == 0).mean() == pytest.approx(0.5 * 2 / (0.5 * 3 + 0.5), abs=0.02)


def test_a_stuck_value_is_the_last_one_shown_and_a_reset_forgets_it():
    env = Noise(toy(5), stuck={"observations_prob": 1.0, "observations_steps": 9})
    for episode in range(2):
        observation, _ = env.reset()
        for _ in range(5):
            assert observation["x"].tolist() == [1000 * episode, 1000 * episode + 10, 1000 * episode + 20]
            observation, *_ = env.step(np.zeros(2))


def test_the_original_keeps_what_is_stuck_over_a_reset():
    env = Noise(toy(5), stuck={"observations_prob": 1.0, "observations_steps": 9}, random=np.random.RandomState(0))
    env.reset(), env.step(np.zeros(2))
    assert env.reset()[0]["x"].tolist() == [0, 10, 20]


def test_actions_are_clipped_where_there_is_noise_and_the_caller_s_are_never_written_to():
    env, action = Noise(toy(9), dropped={"actions_prob": [0.0, 1.0]}), np.array([2.7, 0.5])
    env.reset()
    env.step(action)
    assert env.unwrapped.applied[-1].tolist() == [1.0, 0.0] and action.tolist() == [2.7, 0.5]
    env = Noise(toy(9), dropped={"observations_prob": 0.1})
    env.reset()
    env.step(action)
    assert env.unwrapped.applied[-1].tolist() == [2.7, 0.5]


def test_an_environment_s_own_arrays_are_never_written_to():
    class Keeping(TellingToy):
        def _observation(self):
            self.kept = super()._observation()
            return self.kept

    env = Noise(Keeping(flat=True), dropped={"observations_prob": 1.0})
    assert not env.reset()[0].any() and env.unwrapped.kept.tolist() == [0, 10, 20, 100]


def test_the_original_clips_only_with_gaussian_noise_and_writes_to_the_caller_s_action():
    env, action = Noise(toy(9), dropped={"actions_prob": 1.0}, random=np.random.RandomState(0)), np.array([2.7, 0.5])
    env.reset()
    env.step(action)
    assert action.tolist() == [0.0, 0.0]
    env, action = Noise(toy(9), gaussian={"actions": 0.0}, random=np.random.RandomState(0)), np.array([2.7, 0.5])
    env.reset()
    env.step(action)
    assert env.unwrapped.applied[-1].tolist() == [1.0, 0.5] and action.tolist() == [2.7, 0.5]


def test_the_original_draws_call_for_call():
    keys = {"observations_prob": 0.5, "observations_steps": 2, "actions_prob": 0.5}
    env = Noise(toy(9), gaussian={"observations": 2.0, "actions": 0.1}, dropped=keys, random=np.random.RandomState(3))
    observation, _ = env.reset()
    env.step(np.zeros(2))
    np.random.seed(3)
    x, y = np.random.normal([0.0, 10.0, 20.0], 2.0), np.random.normal([100.0], 2.0)
    x[np.random.binomial(n=1, p=0.5, size=3) == 1] = 0.0
    y[np.random.binomial(n=1, p=0.5, size=1) == 1] = 0.0
    np.testing.assert_array_equal(observation["x"], x)
    np.testing.assert_array_equal(observation["y"], y)
    action = np.clip(np.random.normal([0.0, 0.0], 0.1), -1, 1)
    action[np.random.binomial(n=1, p=0.5, size=2) == 1] = 0.0
    np.testing.assert_array_equal(env.unwrapped.applied[-1], action)


def test_spaces_hold_what_noise_makes_of_observations():
    walk = gym.make("ResidualWalk-v0")
    env = Noise(walk, gaussian={"observations": {"foot_contact": 0.5}}, dropped={"observations_prob": {"joint_pos": 0.5}})
    slices, space = env.layout.slices, env.observation_space
    assert (
        space.low[slices["foot_contact"]].tolist() == [-5.0] * 4 and space.high[slices["foot_contact"]].tolist() == [6.0] * 4
    )
    np.testing.assert_array_equal(space.low[slices["joint_vel"]], walk.observation_space.low[slices["joint_vel"]])
    env.reset(seed=0)
    assert all(space.contains(env.step(env.action_space.sample())[0]) for _ in range(50))


@pytest.mark.parametrize(
    ("noise", "words"),
    [
        ({"dropped": {"observations_prob": 1.2}}, "noise_spec.dropped.observations_prob must lie in 0 to 1, got 1.2"),
        ({"stuck": {"action_step": 2}}, "noise_spec.stuck has no key 'action_step', did you mean actions_steps"),
        (
            {"stuck": {"action_steps": 0}},
            "noise_spec.stuck.actions_steps must be a whole number of steps, at least 1, at most 1e9, got 0",
        ),
        (
            {"gaussian": {"actions": -0.1}},
            "noise_spec.gaussian.actions must be .* >= 0, at most 1e.06, got -0.1",
        ),
        ({"gaussian": {"observations": {"z": 0.1}}}, "noise_spec.gaussian.observations names 'z', which is no block"),
        ({"gaussian": {"actions": [0.1, 0.2, 0.3]}}, "noise_spec.gaussian.actions must be one number or 2 of them"),
        ({"repetition": {"actions_prob": np.nan}}, "noise_spec.repetition.actions_prob must lie in 0 to 1, got nan"),
    ],
)
def test_wrong_noise_is_refused_in_a_sentence_that_says_where(noise, words):
    with pytest.raises(ValueError, match=words):
        Noise(toy(), **noise)


def test_exact_noise_of_a_vector_is_refused():
    with pytest.raises(ValueError, match="put those into a SyncVectorEnv"):
        Noise(toys(2, SAME_STEP), gaussian={"actions": 0.1}, random=np.random.RandomState(0))
