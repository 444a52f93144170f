"""Fallen start poses, and the reward and success of robots that get up, against their formulas."""

import numpy as np

from envs.a1_env import A1VectorEnv
from envs.locomotion.postures import draw_fallen

HOME_HEIGHT = 0.3213  # m, of the A1's keyframe


def posed(n, qpos=None, qvel=None):
    """Returns the task of `n` robots in the keyframe's pose, with changes {(robot, column): value} of qpos and qvel."""
    env = A1VectorEnv(n, task_name="stand")
    env.reset(seed=0)
    sim = env.task.sim
    sim.qpos[:], sim.qvel[:] = env.model.key("home").qpos, 0.0
    for (robot, column), value in (qpos or {}).items():
        sim.qpos[robot, column] = value
    for (robot, column), value in (qvel or {}).items():
        sim.qvel[robot, column] = value
    sim.forward()
    env.task.sense()
    return env.task


def tilted(robot, angle):
    """Returns the changes of qpos that tilt a robot by `angle`, rad, about its x axis."""
    return {(robot, 3): np.cos(angle / 2), (robot, 4): np.sin(angle / 2)}


def test_the_terms_of_standing_follow_their_formulas():
    task = posed(3, tilted(0, 0.8) | {(1, 2): 0.2, (2, 2): 0.5} | {(1, 7 + joint): 0.9 for joint in (1, 4)})
    task.previous_action, task.action = np.zeros((3, 12)), np.tile([0.0, 0.5, -1.0], (3, 4))
    up, heights = np.array([np.cos(0.8), 1.0, 1.0]), np.array([HOME_HEIGHT, 0.2, HOME_HEIGHT])  # more earns no more
    close = np.exp(-np.array([0.0, 2 * 0.2**2 / 12, 0.0]) / 0.5**2)  # two joints are 0.2 rad off
    terms = task.reward_terms()
    np.testing.assert_allclose(terms["upright"], 2.0 * (1.0 + up) / 2, rtol=1e-6)
    np.testing.assert_allclose(terms["height"], 4.0 * heights / HOME_HEIGHT * up, rtol=1e-4)
    np.testing.assert_allclose(terms["pose"], 4.0 * close * (1.0 + up) / 2, rtol=1e-6)
    np.testing.assert_allclose(terms["smoothness"], -0.02 * 4 * (0.25 + 1.0), rtol=1e-12)


def test_a_robot_stands_up_to_the_stated_tilt_height_and_speeds():
    limit = np.arccos(0.9)
    qpos = tilted(0, limit - 0.01) | tilted(1, limit + 0.01) | {(2, 2): 0.81 * HOME_HEIGHT, (3, 2): 0.79 * HOME_HEIGHT}
    qvel = {(4, 1): 0.29, (5, 1): 0.31, (6, 5): 0.97, (7, 5): 1.03}
    assert posed(8, qpos, qvel).measurements()["is_success"].tolist() == [True, False] * 4


def test_fallen_poses_are_even_over_up_vectors_and_joint_ranges():
    joints = np.array([0.5, -1.0]), np.array([0.5, 2.0])  # middles and half widths
    qpos = np.zeros((4000, 9))
    draw_fallen(qpos, joints, [np.random.default_rng(seed) for seed in range(4000)])
    w, x, y, z = qpos[:, 3:7].T
    up = np.stack([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)])
    np.testing.assert_allclose(np.linalg.norm(up, axis=0), 1.0, atol=1e-12)
    even = [(up[2] + 1.0) / 1.5, np.arctan2(up[1], up[0]) / (2 * np.pi) + 0.5, qpos[:, 7], (qpos[:, 8] + 3.0) / 4]
    for values in even:  # 4,000 values in ten equal classes: 400 +- 19 each
        counts, _ = np.histogram(values, 10, (0.0, 1.0))
        assert counts.sum() == 4000 and counts.min() > 320 and counts.max() < 480


def test_a_fallen_robot_is_sensed_where_it_was_laid():
    task = A1VectorEnv(4, task_name="reset").task
    task.start(np.arange(4), [np.random.default_rng(seed) for seed in range(4)])
    np.testing.assert_allclose(task.body_position, task.sim.qpos[:, :3], atol=1e-9)
