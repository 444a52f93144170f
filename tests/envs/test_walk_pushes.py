"""Delayed controls and pushes: their times and strengths, and that they change nothing else."""

import numpy as np
import pytest

from envs.residual_walk_env import ResidualWalkVectorEnv

OFTEN = {"push_speed": 0.3, "push_interval": 0.2}


def started(num_envs=1, seed=0, **variation):
    env = ResidualWalkVectorEnv(num_envs, variation=variation)
    env.reset(seed=seed)
    return env


def test_late_controls_reach_the_servos_one_step_after_they_were_sent():
    env = started(2, action_delay=1.0)
    home, sent, arrived = env.model.key("home").ctrl, [], []
    for action in np.random.default_rng(0).uniform(-1, 1, (10, 2, 12)):
        observation, *_ = env.step(action)
        sent.append(env.task.commanded.copy())
        arrived.append(env.task.sim.ctrl.copy())
    np.testing.assert_array_equal(arrived[0], [home, home])
    np.testing.assert_array_equal(arrived[1:], sent[:-1])
    errors = observation[:, env.task.observation.slices["tracking_error"]][:, -12:]  # of the sent controls
    np.testing.assert_allclose(errors, sent[-1] - env.task.joint_pos, atol=1e-6)
    env.reset(seed=1), env.step(action)
    np.testing.assert_array_equal(env.task.sim.ctrl, [home, home])  # nothing remains from the previous episode


def test_what_is_late_is_what_a_punctual_robot_would_have_got():
    late, punctual = started(1, action_delay=1.0), started(1)
    action = np.full((1, 12), 0.7)
    punctual.step(action)
    for _ in range(2):
        late.step(action)
    np.testing.assert_array_equal(late.task.sim.ctrl, punctual.task.sim.ctrl)


def test_controls_are_late_in_the_given_share_of_episodes():
    env = started(400, action_delay=0.3)
    first = env.task.randomisation.steps_late.copy()
    env.reset()
    assert 0.2 < first.mean() < 0.4 and (first != env.task.randomisation.steps_late).any()


def pushes(n, calls, seed=0, **variation):
    """Returns (calls, n, 2) the velocity that each call of push added to the torsos; checks that it changed nothing else."""
    task, given = started(n, seed, **variation).task, []
    for _ in range(calls):
        before, velocity = task.sim.state.copy(), task.sim.qvel[:, :2].copy()
        task.randomisation.pushes.step()
        given.append(task.sim.qvel[:, :2] - velocity)
        task.sim.qvel[:, :2] = velocity
        np.testing.assert_array_equal(task.sim.state, before)
    return np.array(given)


def test_pushes_come_in_their_interval_from_every_side_and_are_no_stronger_than_told():
    given = pushes(50, 1000, **OFTEN)
    size = np.linalg.norm(given, axis=2)
    assert 0.29 < size.max() <= 0.3 + 1e-12
    for robot in size.T:
        steps = np.flatnonzero(np.append(True, robot > 0))  # counted from the reset
        assert 10 <= np.diff(steps).min() < 14 and 26 < np.diff(steps).max() <= 30
        assert np.mean(np.diff(steps)) == pytest.approx(20, rel=0.15)
    assert (size > 0).sum(axis=1).max() < 15  # not synchronous
    kicks = given[size > 0]
    quadrants = np.bincount((kicks[:, 0] > 0) * 2 + (kicks[:, 1] > 0)) / len(kicks)
    np.testing.assert_allclose(quadrants, 0.25, atol=0.03)


def test_pushes_follow_from_the_seed_and_are_the_same_alone_and_among_others():
    together = pushes(4, 100, seed=3, **OFTEN)
    np.testing.assert_array_equal(together[:, 2:3], pushes(1, 100, seed=5, **OFTEN))
    assert (together != pushes(4, 100, seed=4, **OFTEN)).any()


def test_a_robot_walks_like_one_that_is_not_pushed_until_it_is():
    pushed, left_alone = started(1, **OFTEN, action_delay=0.5), started(1, action_delay=0.5)
    pushes = int(pushed.task.randomisation.pushes.steps_left[0])
    for step in range(1, pushes + 1):
        rows, wanted = (env.step(np.zeros((1, 12)))[0] for env in (pushed, left_alone))
        assert (rows == wanted).all() == (step < pushes)


def test_how_often_a_robot_was_pushed_does_not_change_its_next_episode():
    env, other = started(2, seed=0, **OFTEN), started(2, seed=0, **OFTEN)
    for _ in range(60):
        env.step(np.zeros((2, 12)))
    np.testing.assert_array_equal(env.reset()[0], other.reset()[0])
