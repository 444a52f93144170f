"""Commands: drawn, drawn again within an episode, fixed from outside, released, and seen from their heading."""

import gymnasium as gym
import numpy as np
import pytest

from envs.locomotion.commands import CommandSegments, TargetCommand, VelocityCommand
from envs.residual_walk_env import ResidualWalkEnv, ResidualWalkVectorEnv
from utils.rotations import quat_from_euler

RANGES = ((0.2, 0.6), (-0.1, 0.1), (-0.5, 0.5))
SEGMENTS = CommandSegments(duration=(0.5, 1.0), stand_share=0.3)


def generators(n, seed=0):
    return [np.random.default_rng(seed + i) for i in range(n)]


def started(n=4, segments=CommandSegments(), seed=0, heading=0.0):
    command = VelocityCommand(n, RANGES, segments)
    draws = np.array([generator.random(3) for generator in generators(n, seed)])
    command.reset(np.arange(n), draws, np.full(n, heading), generators(n, seed))
    return command


def test_a_command_is_its_draw_within_its_range_and_stays_for_the_episode():
    command = VelocityCommand(3, RANGES)
    command.reset(np.array([0, 2]), np.array([[0.0, 0.5, 1.0], [0.5, 0.0, 0.25]]), np.zeros(2), [])
    np.testing.assert_allclose(command.value, [[0.2, 0.0, 0.5], [0, 0, 0], [0.4, -0.1, -0.25]], atol=1e-12)
    before = command.value.copy()
    assert all(len(command.advance(0.1)) == 0 for _ in range(100))
    np.testing.assert_array_equal(command.value, before)


def test_the_heading_turns_at_the_commanded_yaw_rate_and_its_axes_with_it():
    command = started(heading=0.3)
    for _ in range(50):
        command.advance(0.01)
    np.testing.assert_allclose(command.heading, 0.3 + 0.5 * command.value[:, 2], atol=1e-12)
    np.testing.assert_allclose(command.ahead, np.stack([np.cos(command.heading), np.sin(command.heading)], axis=1))
    np.testing.assert_allclose(np.vecdot(command.ahead, command.left), 0.0, atol=1e-12)


def test_an_orientation_seen_from_the_heading_has_the_difference_in_yaw():
    command = started(heading=2.0)
    quat = np.tile(quat_from_euler(0.1, -0.2, 2.7), (4, 1))
    seen = command.seen_from_heading(np.concatenate([quat[:2], -quat[2:]]))  # either sign means the same orientation
    np.testing.assert_allclose(seen, np.tile(quat_from_euler(0.1, -0.2, 0.7), (4, 1)), atol=1e-12)


def test_segments_last_as_long_as_drawn_and_stand_in_their_share():
    command, n, begun = started(300, SEGMENTS), 300, [np.zeros(300, int)]
    values, last = [command.value.copy()], np.zeros(n, int)
    lengths = []
    for step in range(1, 401):
        ids = command.advance(0.01)
        lengths += (step - last[ids]).tolist()
        last[ids] = step
        others = np.setdiff1d(np.arange(n), ids)
        np.testing.assert_array_equal(command.value[others], values[-1][others])
        values.append(command.value.copy())
        begun.append(ids)
    assert 50 <= min(lengths) <= 51 and 99 <= max(lengths) <= 100
    at_start = np.concatenate([value[ids] for value, ids in zip(values[1:], begun[1:])])
    standing = ~at_start.any(axis=1)
    assert standing.mean() == pytest.approx(0.3, abs=0.04)
    walking = at_start[~standing]
    low, high = np.array(RANGES).T
    assert (walking >= low).all() and (walking <= high).all()
    np.testing.assert_allclose([walking.min(axis=0), walking.max(axis=0)], [low, high], atol=0.02)


def test_segments_of_a_robot_are_the_same_alone_and_among_others():
    together, alone = started(3, SEGMENTS, seed=5), started(1, SEGMENTS, seed=7)
    for _ in range(300):
        together.advance(0.01), alone.advance(0.01)
        np.testing.assert_array_equal(together.value[2], alone.value[0])
        assert together.heading[2] == alone.heading[0]


def test_a_fixed_command_outlasts_segments_and_resets_until_it_is_released():
    command, free = started(3, SEGMENTS), started(3, SEGMENTS)
    command.fix((0.1, 0.2, -0.3), np.array([1]))
    for step in range(200):
        if step == 100:
            for own in (command, free):
                own.reset(np.arange(3), np.full((3, 3), 0.5), np.zeros(3), generators(3, 50))
        command.advance(0.01), free.advance(0.01)
        assert command.value[1].tolist() == [0.1, 0.2, -0.3]
        np.testing.assert_array_equal(command.value[[0, 2]], free.value[[0, 2]])
    command.release()
    np.testing.assert_array_equal(command.value, free.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"duration": (2.0, 1.0)}, "low <= high"),
        ({"duration": (0.0, 1.0)}, "0.1 s or more"),
        ({"stand_share": 0.5}, "no effect without a duration"),
        ({"duration": (1.0, 2.0), "stand_share": 1.5}, "0.0 to 1.0"),
    ],
)
def test_segments_that_cannot_be_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        CommandSegments(**changes)


def test_the_walk_follows_new_segments_and_a_single_walks_as_in_a_vector():
    changes = {"command_segments": {"duration": (0.2, 0.4), "stand_share": 0.5}, "command_yaw_rate": (-0.5, 0.5)}
    vector, single = ResidualWalkVectorEnv(3, **changes), ResidualWalkEnv(**changes)
    rows, _ = vector.reset(seed=3)
    row, _ = single.reset(seed=5)
    speeds, cycles = [], []
    for _ in range(150):
        np.testing.assert_array_equal(rows[2], row)
        rows, *_, info = vector.step(np.zeros((3, 12)))
        row = single.step(np.zeros(12))[0]
        speeds.append(info["commanded_velocity"][2])
        cycles.append(vector.controller.base_controller.cycle_time[2])
    assert len(set(speeds)) > 2 and 0.0 in speeds
    assert len(set(cycles)) > 2  # the gait follows


def test_a_user_commands_all_three_parts_of_the_velocity_and_lets_go_again():
    env = ResidualWalkEnv()
    env.reset(seed=0)
    drawn, command = env.target_velocity, env.task.observation.slices["command"]
    env.command_velocity(0.3, -0.05, 0.4)
    for _ in range(2):
        observation = env.step(np.zeros(12))[0]
        np.testing.assert_allclose(observation[command], [0.3, -0.05, 0.4], atol=1e-6)
    assert env.task.command.heading[0] == pytest.approx(0.008)
    env.release_command()
    assert env.target_velocity == drawn
    np.testing.assert_allclose(env.step(np.zeros(12))[0][command], [drawn, 0.0, 0.0], atol=1e-6)
    env.command_velocity(0.3)
    assert env.reset(seed=4)[1]["commanded_velocity"] == 0.3
    for wrong in ((3.0,), (0.0, np.nan), (0.0, 0.0, "fast")):
        with pytest.raises(ValueError, match="a commanded"):
            env.command_velocity(*wrong)


@pytest.mark.parametrize("ids", [1, -2, [1], slice(1, 2), np.array([False, True, False])])
def test_a_command_reaches_robots_chosen_by_number_list_slice_or_mask(ids):
    task = ResidualWalkVectorEnv(num_envs=3).task
    task.command_velocity(0.3, ids=ids)
    np.testing.assert_array_equal(task.command.value[:, 0] == 0.3, [False, True, False])
    task.release_command(ids)
    assert not (task.command.value[:, 0] == 0.3).any()


@pytest.mark.parametrize("ids", [3, [0, 99], "a", 1.5, None, [True, False]])
def test_robots_that_do_not_exist_are_refused_and_no_command_changes(ids):
    task = ResidualWalkVectorEnv(num_envs=3).task
    before = task.command.value.copy()
    for change in (lambda: task.command_velocity(0.3, ids=ids), lambda: task.release_command(ids)):
        with pytest.raises(ValueError, match="ids must choose among 3 robots"):
            change()
    np.testing.assert_array_equal(task.command.value, before)


def test_targets_are_drawn_in_their_ring_and_seen_from_the_body():
    command = TargetCommand(500, distance=(2.0, 4.0), direction=(-0.5, 1.0), radius=0.3)
    position, yaw = np.tile([5.0, -1.0], (500, 1)), np.linspace(-3.0, 3.0, 500)
    command.reset(np.arange(500), position, yaw, generators(500))
    seen = command.in_body(position, yaw)
    np.testing.assert_allclose(np.hypot(*seen.T), command.distance(position))
    angle = np.arctan2(seen[:, 1], seen[:, 0])
    ends = [command.distance(position).min(), command.distance(position).max(), angle.min(), angle.max()]
    np.testing.assert_allclose(ends, [2.0, 4.0, -0.5, 1.0], atol=0.02)
    ahead, left = np.stack([np.cos(yaw), np.sin(yaw)], axis=1), np.stack([-np.sin(yaw), np.cos(yaw)], axis=1)
    np.testing.assert_allclose(position + seen[:, :1] * ahead + seen[:, 1:] * left, command.position)


def test_a_reached_target_is_counted_and_replaced_for_that_robot_alone():
    command = TargetCommand(3, distance=(2.0, 4.0), radius=0.3)
    position, yaw = np.zeros((3, 2)), np.zeros(3)
    command.reset(np.arange(3), position, yaw, generators(3))
    before = command.position.copy()
    position = command.position + [[0.31, 0.0], [0.0, 0.29], [5.0, 5.0]]
    assert command.advance(position, yaw).tolist() == [False, True, False]
    assert (command.position != before).any(axis=1).tolist() == [False, True, False]
    assert 2.0 <= command.distance(position)[1] <= 4.0 and command.reached.tolist() == [0, 1, 0]
    command.reset(np.array([1]), position[1:2], yaw[1:2], generators(1))
    assert command.reached.tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="above the radius"):
        TargetCommand(1, distance=(0.2, 4.0), radius=0.3)


@pytest.mark.parametrize("env_id", ["ResidualWalk-v0", "Biped-v0", "A1-v0"])
def test_what_a_caller_does_with_infos_changes_no_simulation(env_id):
    twins = [gym.make_vec(f"envs:{env_id}", num_envs=2) for _ in range(2)]
    for env in twins:
        env.reset(seed=0)
    action = np.full(twins[0].action_space.shape, 0.1, np.float32)
    for _ in range(5):
        (first, *_, info), (second, *_) = (env.step(action) for env in twins)
        np.testing.assert_array_equal(first, second)
        for value in info.values():
            if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                value *= 180 / np.pi
