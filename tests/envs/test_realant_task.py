"""RealAnt-v0: the document's observation, targets, the mended reward and the document's flaw, ends, and actions."""

import gymnasium as gym
import mujoco
import numpy as np
import pytest

from envs.realant.config import RealAntConfig
from envs.realant.scene import JOINTS
from envs.realant.task import RealAntTask
from envs.realant_env import RealAntEnv, RealAntVectorEnv
from evaluation.judges import SUCCESSES
from training.tasks import find_task
from utils.rotations import quat_from_euler

VEL = int(mujoco.mjtStage.mjSTAGE_VEL)
ZERO = np.zeros((1, 8))


class Glider(RealAntTask):
    """A robot that glides along x at `speed`, m/s, without physics."""

    speed = 0.2

    def advance(self):
        self.sim.bind("qpos")[:, 0] += self.speed * self.control_dt
        self.sim.forward(stage=VEL)


def glide(steps, stop_at=None, **config):
    """Returns the reward of every step of a glider, and its task; it stops at `stop_at`, m."""
    task = Glider(RealAntConfig(start_spread=0.0, **config))
    task.start(np.array([0]), [np.random.default_rng(0)])
    rewards = []
    for _ in range(steps):
        if stop_at is not None and task.body_position[0, 0] >= stop_at:
            task.speed = 0.0
        rewards.append(task.step(ZERO).reward.item())
    return np.array(rewards), task


def placed(x=0.0, y=0.0, z=0.1422, roll=0.0, pitch=0.0, yaw=0.0, **config):
    """Returns an environment whose robot has this pose after its reset, and the task's view of it."""
    env = RealAntEnv(start_spread=0.0, **config)
    env.reset(seed=0)
    task = env.task
    task.sim.bind("qpos")[0, :7] = [x, y, z, *quat_from_euler(roll, pitch, yaw)]
    task.sim.forward(stage=VEL)
    task.sense()
    return env, {name: block[0] for name, block in task.observe().items()}


def test_the_first_29_values_are_those_of_the_document_in_its_order():
    env = RealAntEnv()
    env.reset(seed=0)
    for action in np.random.default_rng(0).uniform(-1, 1, (30, 8)):
        row = env.step(action)[0]
    data = env.data
    turn = np.zeros(9)
    mujoco.mju_quat2Mat(turn, data.qpos[3:7])
    velocity = turn.reshape(3, 3).T @ data.qvel[:3]
    quat = data.qpos[3:7] * np.sign(data.qpos[3])
    expected = np.concatenate([data.qpos[:3], quat, velocity, data.qvel[3:6], data.qpos[7:], data.qvel[6:]])
    assert expected.shape == (29,) and np.abs(expected[7:]).min() > 1e-4
    np.testing.assert_allclose(row[:29], expected, rtol=1e-5, atol=1e-6)
    slices = env.task.observation.slices
    assert (slices["joint_pos"], slices["joint_vel"]) == (slice(13, 21), slice(21, 29))
    assert [row.size for row in env.task.observation.rows] == [3, 4, 3, 3, 8, 8, 2, 1]


def test_the_target_is_seen_ahead_and_to_the_left_of_the_torso():
    _, seen = placed(x=1.0, y=2.0, yaw=np.pi / 2)  # the target is at (5, 0)
    np.testing.assert_allclose(seen["target"], [-2.0, -4.0], atol=1e-9)
    np.testing.assert_allclose(seen["target_distance"], [20**0.5], atol=1e-9)


def test_targets_lie_in_the_ranges_of_the_config():
    env = RealAntVectorEnv(200, target_distance=(2.0, 4.0), target_direction=(-0.5, 1.0))
    rows, _ = env.reset(seed=0, options={"randomize": True})
    target = rows[:, env.task.observation.slices["target"]]
    distance, direction = np.hypot(*target.T), np.arctan2(*target.T[::-1])
    assert 2.0 <= distance.min() < 2.1 and 3.9 < distance.max() <= 4.0
    assert -0.5 - 1e-6 <= direction.min() < -0.4 and 0.9 < direction.max() <= 1.0 + 1e-6


def test_the_last_step_of_the_legacy_reward_pays_101_and_the_next_costs_450():
    rewards, _ = glide(452, legacy_reward=True)
    goal = int(rewards.argmax())
    assert goal in (449, 450) and rewards[goal] == pytest.approx(101, abs=0.1)
    assert rewards[goal + 1] == pytest.approx(-450, abs=1.0)
    np.testing.assert_allclose(rewards[:400], 1.0 - 0.1 * (5 - 0.01 * np.arange(1, 401)), atol=1e-9)


def test_success_pays_and_the_next_target_costs_nothing():
    rewards, task = glide(1000, speed_threshold=0.3)
    reached = np.flatnonzero(rewards > 50)
    assert len(reached) == 2 == task.command.reached[0]
    assert rewards[reached] == pytest.approx(102, abs=0.1)  # progress 1, height 1, success 100, distance -0.05
    others = np.delete(rewards, reached)
    assert others.min() == pytest.approx(1.5, abs=0.02) and others.max() == pytest.approx(1.95, abs=0.02)


@pytest.mark.parametrize(("config", "pays"), [({"speed_threshold": 0.3}, True), ({"legacy_reward": True}, False)])
def test_only_the_mended_reward_pays_more_for_reaching_targets_than_for_stopping_before_them(config, pays):
    walks, stops = (glide(700, stop_at, **config)[0].sum() for stop_at in (None, 4.48))
    assert (walks > stops + 200) if pays else (walks < stops)


def test_the_speed_bonus_is_paid_above_its_threshold_only():
    below, above = (glide(3, speed_threshold=threshold)[0][-1] for threshold in (0.21, 0.19))
    assert above - below == pytest.approx(10 * 0.2)


def test_success_is_reported_from_the_first_target_on_and_targets_are_counted():
    env = RealAntVectorEnv(1, start_spread=0.0)
    env.reset(seed=0)
    flags = []
    for step in range(6):
        if step in (2, 4):
            env.task.sim.bind("qpos")[0, :2] = env.task.command.position[0] - [0.4, 0.0]
        *_, info = env.step(ZERO)
        flags.append((bool(info["is_success"][0]), int(info["successes"][0])))
    assert flags == [(False, 0)] * 2 + [(True, 1)] * 2 + [(True, 2)] * 2
    assert info["target_distance"][0] == pytest.approx(5.0, abs=0.02)
    _, info = env.reset(seed=1)
    assert not info["is_success"][0] and info["successes"][0] == 0


@pytest.mark.parametrize(
    ("pose", "ends"),
    [
        ({}, False),
        ({"roll": 1.2}, False),  # cos 1.2 = 0.36
        ({"roll": 1.3}, True),
        ({"roll": 1.0, "pitch": 1.0}, True),  # cos 1 squared = 0.29
        ({"z": 0.076}, False),
        ({"z": 0.074}, True),
    ],
)
def test_an_episode_ends_with_a_low_torso_or_a_tilted_one(pose, ends):
    env, _ = placed(**pose)
    task = env.task
    assert task.terminated()[0] == ends and task.reward_terms()["fall"][0] == (-10.0 if ends else 0.0)


def test_a_fallen_robot_reaches_no_target():
    env, _ = placed(x=4.8, roll=3.0, z=0.06)
    *_, terminated, _, info = env.step(ZERO[0])
    assert terminated and info["successes"] == 0 and info["reward_terms"]["success"] == 0.0


def test_actions_are_servo_targets_over_the_ranges_of_the_joints():
    env = RealAntEnv()
    low, high = np.array([[-40, 30] * 4, [40, 100] * 4])  # degrees
    for action in (np.linspace(-1, 1, 8), np.zeros(8), -np.ones(8)):
        env.reset(seed=0)
        env.step(action)
        np.testing.assert_allclose(env.task.sim.ctrl[0], np.radians(low + (action + 1) / 2 * (high - low)), atol=1e-9)
    assert env.task.describe()["action"] == list(JOINTS) and env.control_dt == 0.05
    np.testing.assert_allclose(env.task.describe()["target_high_rad"], np.radians([40, 100] * 4))


def test_it_starts_on_rough_ground_without_falling_or_sinking_in():
    env = RealAntVectorEnv(16, terrain={"kinds": ["rough", "stairs"], "levels": [0.0, 0.5]})
    env.reset(seed=0)
    for _ in range(20):
        _, _, terminated, truncated, info = env.step(np.zeros((16, 8)))
        assert not (terminated | truncated).any()
    assert info["body_height"].min() > 0.1 and info["terrain_level"].max() == 0.5


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"target_radius": 6.0}, "target_radius must be below the smallest target_distance, 5.0 m, got 6.0 m"),
        ({"legacy_reward": True, "speed_threshold": 0.3}, "speed_threshold has no effect with legacy_reward"),
        ({"legacy_reward": True, "height_window": (0.1, 0.2)}, "height_window has no effect with legacy_reward"),
        ({"variation": {"joint_failures": {"share": 0.5, "joints": (1, 9)}}}, "joint_failures.joints must be at most 8"),
        ({"command_vx": (0.1, 0.2)}, "command_vx"),
    ],
)
def test_an_option_that_is_wrong_or_has_no_effect_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        gym.make("envs:RealAnt-v0", **changes)


def test_policies_are_judged_by_the_targets_that_they_reach():
    judge = find_task("RealAnt-v0").judge
    assert (judge.score, judge.objectives) == (SUCCESSES.score, SUCCESSES.objectives)
