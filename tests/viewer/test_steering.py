"""Every task with command_rows can be steered: the command is where it was put, in the frame that the rows name."""

import gymnasium as gym
import numpy as np
import pytest

from utils.rotations import euler_from_matrix, rotation_matrix

VELOCITY = {"vx": 0.3, "vy": -0.1, "yaw_rate": 0.2}
TURN = {"target_roll": 0.3, "target_pitch": -0.2, "target_yaw": 1.0}


@pytest.fixture
def made():
    """Returns a function that makes environments, which are closed at the end."""
    envs = []

    def make(env_id, **arguments):
        envs.append(gym.make(f"envs:{env_id}", **arguments))
        envs[-1].reset(seed=0)
        return envs[-1]

    yield make
    for env in envs:
        env.close()


def test_a_walker_gets_its_velocity(made):
    env = made("AdaptiveWalk-v0")
    env.unwrapped.steer(VELOCITY)
    _, _, _, _, info = env.step(np.zeros(16))
    assert info["commanded_velocity"] == 0.3 and info["commanded_yaw_rate"] == 0.2


def test_the_ranges_of_a_walkers_rows_cover_what_it_was_trained_for(made):
    rows = made("ResidualWalk-v0", command_vx=(0.2, 0.8), command_yaw_rate=(-1.5, 0.0)).unwrapped.command_rows
    assert [(row.name, row.low, row.high) for row in rows] == [("vx", -1.6, 1.6), ("vy", -0.5, 0.5), ("yaw_rate", -2.0, 2.0)]


def test_an_ants_target_lies_ahead_and_to_the_left_of_it(made):
    env = made("RealAnt-v0")
    for _ in range(5):
        env.step(np.full(8, 0.2))
    env.unwrapped.steer({"target_ahead": 2.0, "target_left": 1.0})
    task = env.unwrapped.task
    data = env.unwrapped.data
    ahead = data.site("imu").xmat.reshape(3, 3)[:2, 0]
    ahead /= np.linalg.norm(ahead)
    wanted = data.sensor("body_pos").data[:2] + 2.0 * ahead + np.array([-ahead[1], ahead[0]])
    np.testing.assert_allclose(task.command.position[0], wanted, atol=1e-9)
    observation, reward, *_ = env.step(np.zeros(8))
    np.testing.assert_allclose(observation[env.unwrapped.observation_rows["target"]], [2.0, 1.0], atol=0.2)
    assert abs(reward) < 5.0  # the jump of the target is no progress


def test_a_cubes_target_has_the_angles(made):
    env = made("CubeInHand-v0")
    env.unwrapped.steer(TURN)
    quat = env.unwrapped.task.sim.bind("mocap_quat")[0, 0]
    np.testing.assert_allclose(euler_from_matrix(rotation_matrix(quat)), [*TURN.values()], atol=1e-12)
    observation, *_ = env.step(np.zeros(12))
    rows = env.unwrapped.observation_rows
    np.testing.assert_allclose(observation[rows["target_quat"]], quat, atol=1e-6)
    assert observation[rows["difference"]][0] >= 0.0


def test_a_shadow_hands_target_has_the_angles(made):
    env = made("ShadowHandBlock-v0")
    before = env.unwrapped.hand.goal[:3].copy()
    env.unwrapped.steer(TURN)
    observation, *_ = env.step(np.zeros(20))
    pose = observation[env.unwrapped.observation_rows["desired_goal"]]
    np.testing.assert_allclose(euler_from_matrix(rotation_matrix(pose[3:])), [*TURN.values()], atol=1e-6)
    np.testing.assert_allclose(pose[:3], before, atol=1e-6)


@pytest.mark.parametrize(
    ("env_id", "values", "words"),
    [
        ("ResidualWalk-v0", {"vx": np.nan, "vy": 0.0, "yaw_rate": 0.0}, "vx must"),
        ("RealAnt-v0", {"target_ahead": 1.0}, "a command needs target_ahead, target_left; got target_ahead"),
        ("CubeInHand-v0", {}, "got nothing"),
        ("ShadowHandBlock-v0", TURN | {"target_yaw": 4.0}, "target_yaw must"),
        ("Toy-v0", {"vx": 1.0}, "this task has no command"),
    ],
)
def test_a_wrong_command_is_refused(made, env_id, values, words):
    with pytest.raises(ValueError, match=words):
        made(env_id).unwrapped.steer(values)
