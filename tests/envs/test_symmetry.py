"""A task that declares a left-right symmetry has it: mirrored actions lead to mirrored observations and equal rewards."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import load_env_creator

from algorithms.vec_env import BatchVecEnv, make_vector
from envs.a1.variation import VariationConfig
from envs.locomotion import privileged
from envs.residual_walk.task import ResidualWalkTask
from envs.wrappers import Delay, Dimensionality, History, Noise
from tests.envs.test_registered_envs import VECTOR_IDS
from utils.mirror import Mirror, Symmetry, unchanged

STEPS = 60
COMMAND = (0.3, 0.1, -0.4)  # m/s, m/s, rad/s


def symmetric_ids():
    """Returns the ids whose tasks declare a symmetry."""
    tasks = {
        env_id: getattr(load_env_creator(gym.spec(env_id).vector_entry_point), "task_class", None) for env_id in VECTOR_IDS
    }
    return [env_id for env_id, task in tasks.items() if getattr(task, "action_mirror", None) is not None]


SYMMETRIC = symmetric_ids()


def follow_mirrored_velocities(task):
    task.controller.base_controller.phase[:] = [0.1, 0.6]  # the other pair of legs swings half a cycle later
    for i, side in enumerate((1, -1)):
        task.command_velocity(COMMAND[0], side * COMMAND[1], side * COMMAND[2], ids=[i])


def turn_to_mirrored_sides(task):
    for i, side in enumerate((1, -1)):
        task.command_velocity(0.5, 0.0, side * COMMAND[2], ids=[i])


def walk_to_mirrored_targets(task):
    task.command.position[:] = [[3.0, 1.0], [3.0, -1.0]]


def step_on_mirrored_sides(task):
    task.clock.reset(np.arange(2), np.array([0.0, 0.9]), np.ones(2, bool))  # the other leg swings first
    for i, side in enumerate((1, -1)):
        task.command_velocity(COMMAND[0], side * COMMAND[1], side * COMMAND[2], ids=[i])


# Arguments with which both simulations start alike, and a function that commands the second as the image of the first.
MIRRORED = {
    "ResidualWalk-v0": ({}, follow_mirrored_velocities),
    "AdaptiveWalk-v0": ({}, follow_mirrored_velocities),
    "RealAnt-v0": ({"start_spread": 0.0}, walk_to_mirrored_targets),
    "Biped-v0": ({"observe_linvel": True}, step_on_mirrored_sides),
    "A1-v0": ({"variation": VariationConfig(), "observe_command": True, "start_spread": 0.0}, turn_to_mirrored_sides),
}


def mirror_pair(env_id, **changes):
    """Returns two simulations on level ground: the second starts, and is commanded, as the mirror image of the first."""
    arguments, command = MIRRORED[env_id]
    env = gym.make_vec(env_id, 2, **arguments, **changes)
    env.reset(seed=0)
    command(env.unwrapped.task)
    return env


def test_the_robots_that_walk_declare_a_symmetry():
    assert {*MIRRORED} <= {*SYMMETRIC}


@pytest.mark.parametrize("rows", ["plain", "privileged", "three frames"])
@pytest.mark.parametrize("env_id", SYMMETRIC)
def test_mirrored_actions_lead_to_mirrored_observations_and_equal_rewards(env_id, rows):
    env = mirror_pair(env_id, privileged=rows != "plain")
    env = History(env, 3) if rows == "three frames" else env
    check_symmetry(env, BatchVecEnv(env).symmetry)


def test_privileged_frames_have_mirror_images_too():
    env = make_vector("Biped-v0", 2, privileged=True, privileged_frames=3, frames=2)
    env.reset(seed=0), step_on_mirrored_sides(env.unwrapped.task)
    symmetry = BatchVecEnv(env).symmetry
    assert len(symmetry.observation) == 2 * 47 + 3 * 76 and len(symmetry.observation.part(slice(0, 94))) == 94
    check_symmetry(env, symmetry, first=3)  # from here on no frame shows the reset, before the command


def check_symmetry(env, symmetry, first=0):
    """Checks that the second of two robots, whose actions are the images of those of the first, is its mirror image.

    Observations count from step `first` on.
    """
    random = np.random.default_rng(1)
    for step, action in enumerate(random.uniform(-1, 1, (STEPS, len(symmetry.action))).astype(np.float32)):
        seen, reward, *_ = env.step(np.stack([action, symmetry.action(action)]))
        if step >= first:
            np.testing.assert_array_equal(symmetry.observation(seen[0]), seen[1])
        assert reward[0] == pytest.approx(reward[1], rel=1e-12)
    assert np.abs(seen[0] - seen[1]).max() > 0.1  # the robot does not move symmetrically


def test_the_image_of_the_ground_swaps_the_points_on_both_sides():
    mirror = privileged.privileged_table({}, unchanged(4)).rows[0].mirror
    np.testing.assert_array_equal(mirror(privileged._LEFT), -privileged._LEFT)
    np.testing.assert_array_equal(mirror(privileged._AHEAD), privileged._AHEAD)


def test_a_shift_of_mass_to_the_left_becomes_one_to_the_right():
    table = ResidualWalkTask.privileged
    image = table.mirror(np.ones(table.space.shape))
    changed = [name for name, place in table.slices.items() if (image[place] == -1).any()]
    assert changed == ["factor_mass_offset_y"]


@pytest.mark.parametrize("wrap", [lambda env: Noise(env, {"observations": 0.1}), lambda env: Delay(env, 1)])
def test_wrappers_of_the_same_size_keep_the_symmetry(wrap):
    env = make_vector("ResidualWalk-v0", 2)
    assert BatchVecEnv(wrap(env)).get_attr("symmetry", [0])[0] == env.unwrapped.symmetry


def test_wrappers_that_add_entries_have_no_symmetry():
    env = Dimensionality(make_vector("ResidualWalk-v0", 2), 3)
    assert env.symmetry is None and BatchVecEnv(env).symmetry is None
    assert History(env, 2).symmetry is None


def test_a_wrapper_around_a_history_keeps_its_symmetry():
    env = History(make_vector("ResidualWalk-v0", 2), 2)
    assert Noise(env, {"observations": 0.1}).symmetry == env.symmetry and len(env.symmetry.observation) == 2 * 98
    assert Dimensionality(env, 3).symmetry is None


def test_a_history_of_some_rows_has_a_symmetry_unless_the_image_of_a_row_is_another_row(monkeypatch):
    env = History(make_vector("RealAnt-v0", 2), 2, ["joint_pos"])
    assert len(env.symmetry.observation) == env.layout.size
    size, action = env.env.unwrapped.task.observation.space.shape[0], env.symmetry.action
    backwards = Mirror(tuple(reversed(range(size))), (1.0,) * size)
    monkeypatch.setattr(type(env.env.unwrapped), "symmetry", Symmetry(backwards, action))
    assert env.symmetry is None


def test_a_task_without_a_mirror_of_every_row_has_no_symmetry():
    assert gym.make_vec("CubeInHand-v0", 1).unwrapped.symmetry is None
    assert BatchVecEnv(make_vector("Toy-v0", 1)).symmetry is None
