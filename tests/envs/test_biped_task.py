"""Biped-v0: the observation, the gait clock, histories, commands, and the reward by hand."""

import gymnasium as gym
import mujoco
import numpy as np
import pytest

import envs  # noqa: F401
from envs.biped import rewards
from envs.biped.clock import GaitClock
from envs.biped.scene import JOINTS
from envs.biped_env import BipedEnv, BipedVectorEnv, biped
from tests.helpers.bipeds import AHEAD, HOME, STILL, posed
from utils.rotations import quat_from_euler

LEFT_SWING = np.array([0.25, 0.05, -0.11, 0.35, -0.16, 0.0])


def stepped(steps=25, **config):
    env = BipedEnv(**config)
    env.reset(seed=0)
    for action in np.random.default_rng(0).uniform(-1, 1, (steps, 12)):
        row, *_, info = env.step(action)
    return env, row, info, action


def test_the_47_values_are_those_of_the_source_in_its_order_and_scale():
    env, row, _, action = stepped(command_yaw_rate=(0.3, 0.3))
    data, task = env.data, env.task
    roll, pitch, yaw = task.roll[0], task.pitch[0], task.heading_error[0]
    phase = 2 * np.pi * 0.25 / 0.7
    side = np.sign(row[0])
    command = task.command.value[0] * [2, 2, 1]
    wanted = [side * np.sin(phase), side * np.cos(phase), *command, *(data.qpos[7:] - HOME), *(0.05 * data.qvel[6:])]
    wanted += [*action, *data.qvel[3:6], roll, pitch, yaw]
    assert row.shape == (47,) and np.abs([roll, pitch, yaw]).min() > 1e-3
    np.testing.assert_allclose(row, wanted, atol=2e-5)
    np.testing.assert_allclose(quat_from_euler(roll, pitch, yaw + 0.3 * 0.25), data.qpos[3:7], atol=1e-6)


def test_the_true_velocity_is_an_option_without_noise_and_lag():
    late = {"variation": {"noise": (1.0, 1.0), "joint_lag": (0.02, 0.02), "imu_lag": (0.03, 0.03)}}
    env, row, *_ = stepped(20, observe_linvel=True, **late)
    turn = np.zeros(9)
    mujoco.mju_quat2Mat(turn, env.data.qpos[3:7])
    assert row.shape == (50,) and np.abs(row[47:]).max() > 0.05
    np.testing.assert_allclose(row[47:], 2 * turn.reshape(3, 3).T @ env.data.qvel[:3], atol=1e-5)
    np.testing.assert_array_equal(row[:47], stepped(20, **late)[1])


def test_the_privileged_values_are_what_the_simulator_knows():
    offsets = {f"mass_offset_{axis}": (-0.05, 0.05) for axis in "xyz"}
    varied = {"noise": (1.0, 1.0), "joint_lag": (0.02, 0.02), "mass": (0.9, 1.1)} | offsets
    env = BipedVectorEnv(2, privileged=True, variation=varied)
    env.reset(seed=0)
    for action in np.random.default_rng(0).uniform(-1, 1, (20, 2, 12)):
        seen, *_ = env.step(action)
    assert seen.shape == (2, 47 + 76)  # the 73 of the source, and the offset of the centre of mass
    rows, task = {name: seen[:, place] for name, place in env.observation_rows.items()}, env.task
    qpos, qvel = task.sim.bind("qpos"), task.sim.bind("qvel")
    np.testing.assert_allclose(rows["true_joint_pos"], qpos[:, 7:] - HOME, atol=1e-5)
    np.testing.assert_allclose(rows["true_angvel"], qvel[:, 3:6], atol=1e-5)
    assert np.abs(rows["joint_pos"] - rows["true_joint_pos"]).max() > 0.01
    for i in range(2):
        model = task.sim.get_model(i)
        turn = np.zeros(9)
        mujoco.mju_quat2Mat(turn, qpos[i, 3:7])
        np.testing.assert_allclose(rows["body_linvel"][i], 2 * turn.reshape(3, 3).T @ qvel[i, :3], atol=1e-5)
        assert rows["trunk_mass"][i, 0] == pytest.approx(model.body("trunk").mass[0] / 10, rel=1e-6)
        moved = model.body("trunk").ipos - task.sim.model.body("trunk").ipos
        np.testing.assert_allclose(rows["mass_offset"][i], 20.0 * moved, atol=1e-5)
        assert np.abs(moved).min() > 1e-4
        assert rows["friction"][i, 0] == pytest.approx(model.geom("ground").friction[0], rel=1e-6)
    np.testing.assert_array_equal(rows["contact"], task.feet.force > 5.0)


def test_the_clock_swings_one_leg_after_the_other_and_waits_while_the_robot_stands():
    clock, walking = GaitClock(2, 0.7), np.array([True, True])
    clock.reset(np.arange(2), np.array([0.2, 0.8]), walking)
    for step in range(1, 141):
        clock.advance(0.01, walking)
        sine = np.sin(2 * np.pi * step / 70) * np.array([1.0, -1.0])
        np.testing.assert_allclose(clock.phase[:, 0], sine, atol=1e-9)
        swings = np.stack([-sine, sine], axis=1)  # left, right
        if np.abs(np.abs(sine) - 0.1).min() > 1e-6:
            np.testing.assert_array_equal(clock.stance, swings < 0.1)
        legs = np.where(swings < 0.1, 0.0, swings)[:, :, None] * [LEFT_SWING, LEFT_SWING * [-1, -1, -1, 1, 1, -1]]
        np.testing.assert_allclose(clock.reference(HOME), HOME + legs.reshape(2, 12), atol=1e-9)
    clock.advance(0.01, np.array([False, True]))
    assert clock.stance[0].all() and not clock.phase[0].any() and clock.phase[1].any()


def test_a_robot_stands_on_a_zero_command_and_steps_on_another():
    env = BipedEnv(**AHEAD)
    _, info = env.reset(seed=0)
    assert not info["stands"] and env.task.clock.phase.any()
    env.command_velocity(0.03)
    seen, *_, info = env.step(np.zeros(12))
    assert info["stands"] and not seen[:2].any()
    env.command_velocity(0.06)
    assert env.step(np.zeros(12))[0][:2].any()


def test_commands_change_within_an_episode_and_some_mean_standing():
    env = BipedVectorEnv(32, command_segments={"duration": (0.1, 0.2), "stand_share": 0.3})
    env.reset(seed=0)
    infos = [env.step(np.zeros((32, 12)))[4] for _ in range(50)]
    commands = np.array([info["commanded_velocity"] for info in infos])
    changes = (np.diff(commands, axis=0) != 0).sum(axis=0)
    assert changes.mean() > 1.5 and commands.min() < -0.3 and commands.max() > 1.1
    stands = np.array([info["stands"] for info in infos])
    assert 0.2 < stands.mean() < 0.4 and not commands[stands].any()


def test_a_scale_of_commands_shrinks_the_following_draws():
    env = BipedVectorEnv(64)
    env.set_command_scale(0.25)
    _, info = env.reset(seed=0)
    assert 0.2 < info["commanded_velocity"].max() <= 0.3 and -0.1 <= info["commanded_velocity"].min() < 0.0
    env.set_command_scale(1.0)
    assert env.reset(seed=0)[1]["commanded_velocity"].max() > 0.9


def test_the_history_has_66_frames_oldest_first_that_begin_with_the_first():
    env, plain = gym.make("Biped-v0", frames=66), gym.make("Biped-v0")
    frame, _ = plain.reset(seed=3)
    stack, _ = env.reset(seed=3)
    assert stack.shape == (3102,)
    np.testing.assert_array_equal(stack.reshape(66, 47), np.tile(frame, (66, 1)))
    frames = [frame] * 65
    for action in np.random.default_rng(0).uniform(-1, 1, (3, 12)):
        frames.append(plain.step(action)[0])
        stack = env.step(action)[0]
    np.testing.assert_array_equal(stack.reshape(66, 47), [frame, *frames][-66:])


def test_the_critic_of_the_source_sees_three_frames_of_its_rows():
    env = gym.make_vec("Biped-v0", 2, frames=66, privileged=True, privileged_frames=3)
    seen, _ = env.reset(seed=0)
    assert seen.shape == (2, 3102 + 228) and env.observation_groups["policy"] == slice(0, 3102)
    with pytest.raises(ValueError, match="privileged_frames has no effect without privileged=True"):
        biped(privileged_frames=3)
    with pytest.raises(ValueError, match="frames must be a whole number, at least 1 and at most 10000, got 0"):
        biped(frames=0)


def test_finer_physics_takes_more_steps_of_the_same_control_step_and_moves_alike():
    coarse, fine = BipedVectorEnv(1, **STILL), BipedVectorEnv(1, sim_dt=0.001, **STILL)
    heights = []
    for env, substeps in ((coarse, 4), (fine, 10)):
        env.reset(seed=0)
        for _ in range(50):
            env.step(np.zeros((1, 12)))
        assert env.task.substeps == substeps and env.task.sim.bind("time")[0] == pytest.approx(0.5)
        heights.append(env.task.sim.bind("qpos")[0].copy())
    np.testing.assert_allclose(*heights, atol=0.02)
    with pytest.raises(ValueError, match="control_dt must be a whole multiple of 0"):
        BipedEnv(sim_dt=0.003)


def test_a_negative_sum_of_rewards_is_raised_to_zero_by_a_term_of_that_name():
    heavy = {"weights": {"action_smoothness": -1.0}}
    actions = np.random.default_rng(0).uniform(-1, 1, (20, 12))
    clipped, plain = BipedEnv(**heavy), BipedEnv(clip_reward=False, **heavy)
    clipped.reset(seed=0), plain.reset(seed=0)
    for action in actions:
        _, paid, *_, info = clipped.step(action)
        _, sum_of_terms, *_, others = plain.step(action)
        assert paid == max(sum_of_terms, 0.0) and info["reward_terms"]["clip"] == max(-sum_of_terms, 0.0)
        assert "clip" not in others["reward_terms"]
    assert sum_of_terms < 0.0


def test_a_step_pays_the_weight_times_its_duration_and_a_fall_once():
    env, _, info, _ = stepped(1, **STILL)
    assert info["reward_terms"]["reference_pose"] == pytest.approx(2.2 * 0.01)  # 1 for standing
    for scale in (0.5, 2.0):  # 0.25 rad, which is 0.5 in the unit of the source, after two actions of 0
        env = BipedEnv(action_scale=scale, **STILL)
        env.reset(seed=0)
        terms = env.step(np.full(12, 0.25 / scale))[4]["reward_terms"]
        assert terms["action_smoothness"] == pytest.approx(-0.002 * 0.01 * (12 * 0.25 + 12 * 0.25 + 0.05 * 12 * 0.5))
    env = BipedEnv(clip_reward=False, weights={"fall": -3.0})
    posed(env, pitch=1.55, z=0.8)
    assert env.step(np.zeros(12))[4]["reward_terms"]["fall"] == -3.0


def test_the_mean_velocity_forgets_over_a_gait_cycle_and_starts_anew_with_an_episode():
    env = BipedVectorEnv(2, gait_cycle=0.5, weights={"mean_velocity": 4.0}, clip_reward=False, **AHEAD)
    env.reset(seed=0)
    wanted = np.zeros((2, 2))
    for action in np.random.default_rng(0).uniform(-0.3, 0.3, (20, 2, 12)):
        env.step(action)
        wanted = 0.98 * wanted + 0.02 * env.task.trunk_velocity[:, :2]  # 10 ms of 0.5 s
        np.testing.assert_allclose(env.task.mean_velocity, wanted, atol=1e-12)
        error = env.task.command.value[:, :2] - wanted
        np.testing.assert_allclose(env.task.reward_terms()["mean_velocity"], 0.04 * np.exp(-10 * np.hypot(*error.T)))
    assert (np.abs(wanted) > 0.01).any()
    env.task.reset(np.array([1]), [np.random.default_rng(1)], {})
    np.testing.assert_allclose(env.task.mean_velocity, [wanted[0], [0.0, 0.0]], atol=1e-12)


def one(function, *arguments):
    """Returns the value of a term for one robot."""
    (value,) = function(*(np.array([a]) if not np.isscalar(a) else a for a in arguments))
    return value


WALKS, STANDS = np.array(False), np.array(True)
CASES = [  # term, arguments, value by hand
    (rewards.reference_pose, ([0.3, 0.4] + [0.0] * 10, WALKS), np.exp(-1.0) - 0.1),
    (rewards.reference_pose, ([3.0] * 12, STANDS), 1.0),
    (rewards.still_pose, ([1.0] + [0.0] * 11, STANDS), np.exp(-1.0)),
    (rewards.still_pose, ([0.0] * 12, WALKS), 0.0),
    (rewards.contact_schedule, ([True, False], [True, True]), 0.35),
    (rewards.velocity_tracking, ([0.3, 0.4], WALKS), np.exp(-1.25)),
    (rewards.velocity_tracking, ([0.3, 0.4], STANDS), np.exp(-5.0)),
    (rewards.strict_tracking, ([0.06, 0.08], [0.2]), (np.exp(-1.0) + np.exp(-2.0)) / 2 - 0.06),
    (rewards.mean_velocity, ([0.06, 0.08],), np.exp(-1.0)),
    (rewards.other_velocity, (np.array(0.1), [0.3, 0.4]), (np.exp(-0.1) + np.exp(-2.5)) / 2),
    (rewards.speed_range, (np.array(0.2), np.array(0.5)), -1.0),
    (rewards.speed_range, (np.array(0.4), np.array(0.5)), 1.2),
    (rewards.speed_range, (np.array(0.7), np.array(0.5)), 0.0),
    (rewards.speed_range, (np.array(-0.4), np.array(0.5)), -2.0),
    (rewards.speed_range, (np.array(-0.4), np.array(0.04)), 0.0),
    (rewards.air_time, ([0.3, 0.9], [True, True]), 0.8),
    (rewards.air_time, ([0.3, 0.9], [True, False]), 0.3),
    (rewards.clearance, ([0.04, 0.07], [False, False]), 1.0),
    (rewards.clearance, ([0.04, 0.05], [False, True]), 1.0),
    (rewards.slip, ([0.25, 4.0], [True, False]), 0.5),
    (rewards.impact, ([800.0, 2000.0],), 500.0),
    (rewards.flat_feet, ([0.1, 0.0], [0.0, 0.2]), np.exp(-0.75)),
    (rewards.spacing, ([0.0, 0.2], [0.0, -0.1], 0.5), 1.0),
    (rewards.spacing, ([0.0, 0.1], [0.0, -0.09], 0.5), (np.exp(-1.0) + 1) / 2),
    (rewards.spacing, ([0.0, 0.3], [0.0, -0.21], 0.5), (np.exp(-1.0) + 1) / 2),
    (rewards.straight_legs, ([0, 0, 0.11] + [0.0] * 9,), np.exp(-1.0) - 0.0011),
    (rewards.upright, (np.array(0.1), np.array(-0.1), [0.03, 0.04]), (np.exp(-2.0) + np.exp(-1.0)) / 2),
    (rewards.height, (np.array(0.62), 0.61), np.exp(-1.0)),
    (rewards.steady_trunk, ([0.3, 0.4, 0, 0, 0, 0],), np.exp(-1.5)),
    (rewards.action_smoothness, ([1.0, 0.0], [0.5, 0.0], [0.0, 0.0]), 0.25 + 0.0 + 0.05),
    (rewards.action_smoothness, ([-1.0, 0.0], [0.5, 0.0], [0.0, 0.0]), 2.25 + 4.0 + 0.05),
    (rewards.squares, ([3.0, -4.0],), 25.0),
    (rewards.beyond, ([3.0, -4.0], [2.0, 5.0]), 1.0),
    (rewards.collision, (np.array(0.2),), 1.0),
    (rewards.collision, (np.array(0.05),), 0.0),
]


@pytest.mark.parametrize(("term", "arguments", "value"), CASES)
def test_a_reward_term_equals_its_value_by_hand(term, arguments, value):
    assert one(term, *arguments) == pytest.approx(value, abs=1e-12)


def test_feet_land_after_their_time_in_the_air():
    env = BipedEnv(min_height=0.0)
    posed(env, z=0.75)  # falls 14 cm
    feet, flown, landings = env.task.feet, 0, []
    for _ in range(40):
        env.step(np.zeros(12))
        flown += not feet.contact.any()
        landings += [(flown, feet.seconds[0].copy())] if feet.landed.any() else []
    steps, seconds = landings[0]
    assert steps * 0.01 == pytest.approx(np.sqrt(2 * 0.14 / 9.81), abs=0.02)
    assert seconds.max() == pytest.approx(steps * 0.01, abs=0.015)


def test_a_description_has_what_a_controller_needs():
    described = BipedEnv(action_scale=0.3).task.describe()
    assert described["joint_order"] == list(JOINTS) and described["action_scale_rad"] == 0.3
    np.testing.assert_array_equal(described["default_pose_rad"], HOME)
    assert described["kp"][:4] == [30, 40, 35, 100] and described["kd"][:4] == [3, 3, 4, 10]
    assert described["received"]["joint_vel"] == {"scale": (0.05,), "noise": pytest.approx(0.075), "lag": "joint_lag"}
