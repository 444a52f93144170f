"""A1-v0: the source's observation, reward, actions and ends, its tasks, and options without effect, which are refused."""

import gymnasium as gym
import numpy as np
import pytest
from dm_control.utils.rewards import tolerance
from scipy.signal import butter, lfilter, lfilter_zi

from controllers.leg_names import LEG_NAMES
from envs.a1.config import A1Config
from envs.a1.scene import JOINTS
from envs.a1.task import A1Task
from envs.a1.variation import DR_VARIATION, VariationConfig
from envs.a1_env import A1Env, A1VectorEnv

ZERO = np.zeros((1, 12))
INIT, OFFSET = np.array([0.05, 0.7, -1.4]), np.array([0.2, 0.4, 0.4])
RANGES = np.tile([[-0.802851, 0.802851], [-1.0472, 4.18879], [-2.69653, -0.916298]], (4, 1))  # rad


def random_steps(env, steps=20, seed=0):
    """Takes random steps; yields observations, rewards and infos."""
    env.reset(seed=seed)
    for action in np.random.default_rng(seed).uniform(-1, 1, (steps, env.num_envs, 12)):
        observation, reward, _, _, info = env.step(action)
        yield action, observation, reward, info


def test_the_observation_has_the_rows_of_the_source_in_its_order():
    env = A1VectorEnv(3)
    assert {name: s.stop - s.start for name, s in env.observation_rows.items()} == {
        "joint_pos": 12, "joint_vel": 12, "previous_action": 12, "body_quat": 4, "body_angvel": 3, "body_linvel": 3,
    }  # fmt: skip
    for _, observation, _, _ in random_steps(env):
        for i in range(3):
            data, model = env.task.sim.get_data(i), env.model
            joints = [model.joint(name) for name in JOINTS]
            sensors = [data.sensor(name).data for name in ("body_quat", "body_angvel", "body_linvel_body")]
            angles = data.qpos[[joint.qposadr[0] for joint in joints]], data.qvel[[joint.dofadr[0] for joint in joints]]
            np.testing.assert_allclose(observation[i], [*np.concatenate([*angles, data.ctrl, *sensors])], atol=1e-5)


def test_the_reward_of_locomotion_is_that_of_the_source():
    env, count = A1VectorEnv(4), 0
    for _, _, reward, info in random_steps(env):
        for i in range(4):
            speed, turning = env.sensor_reader.read_sensor("body_linvel_body")[i, 0], env.task.angvel[i, 2]
            full = tolerance(np.cos(info["pitch"][i]) * speed, (0.5, 1.0), 1.0, "linear", value_at_margin=0.0)
            assert reward[i] == pytest.approx(10 * (full - 0.1 * abs(turning)), abs=1e-9)
            count += 0.0 < full < 1.0
    assert count > 60


def test_the_terms_that_the_source_lacks_count_with_their_weights():
    env = A1VectorEnv(
        2, weights={"forward_velocity": 0.0, "yaw_rate": 0.0, "heading": 1.0, "smoothness": -0.05, "fall": -7.0}
    )
    before = np.zeros((2, 12))
    for action, _, reward, _ in random_steps(env, 10):
        x, y = env.task.rotation[:, :2, 0].T
        heading = np.exp(-((np.arctan2(y, x) / 0.2) ** 2))
        np.testing.assert_allclose(reward, heading - 0.05 * ((action - before) ** 2).sum(axis=1), rtol=1e-5)
        before = action
    assert heading.min() < 0.99
    env.task.sim.qpos[1, 3:7] = 0.0, 1.0, 0.0, 0.0
    env.task.step(action)  # without the vector's reset
    assert env.task.reward_terms()["fall"].tolist() == [0.0, -7.0]


@pytest.mark.parametrize("command", [0.3, 1.5, -0.5, 0.0])
def test_a_command_moves_the_speeds_that_earn_the_full_reward(command):
    env = A1VectorEnv(1)
    env.command_velocity(command, 0.0, 0.2)
    for _, _, reward, _ in random_steps(env):
        speed = np.cos(env.task.pitch[0]) * env.sensor_reader.read_sensor("body_linvel_body")[0, 0]
        bounds, margin = sorted((command, 2 * command)), 2 * max(abs(command), 0.1)
        full = tolerance(speed, bounds, margin, "linear", value_at_margin=0.0)
        assert reward[0] == pytest.approx(10 * full - abs(env.task.angvel[0, 2] - 0.2), abs=1e-9)


def test_holding_the_pose_earns_half_of_the_largest_reward():
    env = A1VectorEnv(1)
    env.reset(seed=0)
    rewards = [env.step(ZERO)[1][0] for _ in range(40)]
    assert np.mean(rewards) == pytest.approx(5.0, abs=0.1)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_an_action_of_1_is_the_end_of_the_range_around_the_initial_pose(sign):
    task = A1VectorEnv(1).task
    task.start(np.array([0]), [np.random.default_rng(0)])
    task.step(np.full((1, 12), sign))
    left, right = INIT + sign * OFFSET, INIT * [-1, 1, 1] + sign * OFFSET  # a hip that turns to the left, on both sides
    np.testing.assert_allclose(task.sim.ctrl[0], np.tile([*left, *right], 2), atol=1e-12)
    task = A1VectorEnv(1, offset=(2.0, 2.0, 0.6)).task
    task.start(np.array([0]), [np.random.default_rng(0)])
    task.step(np.full((1, 12), sign))
    ends = {-1.0: [-0.802851, -1.0472, -2.0], 1.0: [0.802851, 2.7, -0.916298]}
    np.testing.assert_allclose(task.sim.ctrl[0], np.tile(ends[sign], 4), atol=1e-12)


@pytest.mark.parametrize("sign", [-1, 1])
def test_actions_of_reset_reach_the_ends_of_all_joints(sign):
    env = A1VectorEnv(1, task_name="reset")
    env.reset(seed=0)
    env.step(np.full((1, 12), sign))
    np.testing.assert_allclose(env.task.sim.ctrl[0], RANGES[:, (sign + 1) // 2], atol=1e-12)


def test_the_low_pass_filter_is_that_of_scipy_from_rest_at_the_initial_pose_in_every_episode():
    env = A1VectorEnv(2, low_pass=4.0, max_episode_steps=15)
    home = env.model.key("home").ctrl
    b, a = butter(2, 4.0, fs=20.0)
    steps = random_steps(env, 30)
    for _ in range(2):
        state, sent, arrived = lfilter_zi(b, a)[:, None, None] * np.tile(home, (2, 1)), [], []
        for action, _, _, info in (next(steps) for _ in range(15)):
            sent.append(home + np.tile(OFFSET, 4) * action)
            arrived.append(np.where("final_obs" in info, np.nan, env.task.sim.ctrl))
        wanted, _ = lfilter(b, a, sent, axis=0, zi=state)
        np.testing.assert_allclose(arrived[:-1], wanted[:-1], atol=1e-12)
    assert np.abs(wanted - sent).max() > 0.2


def test_an_episode_ends_beyond_30_degrees_and_after_400_steps():
    env = A1VectorEnv(4)
    env.reset(seed=0)
    for i, degrees in enumerate((25.0, 35.0)):
        half = np.radians(degrees) / 2
        env.task.sim.qpos[2 * i, 3:7] = np.cos(half), np.sin(half), 0.0, 0.0
        env.task.sim.qpos[2 * i + 1, 3:7] = np.cos(half), 0.0, np.sin(half), 0.0
    env.task.sim.qpos[:, 2] = 1.0
    assert env.step(np.zeros((4, 12)))[2].tolist() == [False, False, True, True]
    assert gym.spec("A1-v0").max_episode_steps == 400 and env.control_dt == 0.05


def test_reset_starts_fallen_above_the_ground_and_never_terminates():
    env = A1VectorEnv(32, task_name="reset", num_threads=1)
    _, info = env.reset(seed=0)
    task = env.task
    assert (task.rotation[:, 2, 2] < 0.5 + 1e-9).all() and np.ptp(task.rotation[:, 2, 2]) > 1.0
    assert (task.joint_pos > RANGES[:, 0]).all() and (task.joint_pos < RANGES[:, 1]).all()
    assert not any(task.sim.get_data(i).ncon for i in range(32)) and task.height.max() < 0.5
    ended = [env.step(np.zeros((32, 12)))[2].any() for _ in range(10)]
    assert not any(ended) and not info["is_success"].any()


def test_a_robot_that_stands_is_a_success_and_one_that_lies_tilts_crouches_or_moves_is_none():
    env = A1VectorEnv(6, task_name="reset")
    env.reset(seed=0)
    task, home = env.task, env.model.key("home")
    task.sim.qpos[:], task.sim.qvel[:] = home.qpos, 0.0
    task.sim.qpos[1, 3:7] = 0.0, 1.0, 0.0, 0.0  # on its back
    task.sim.qpos[2, 3:7] = np.cos(0.3), np.sin(0.3), 0.0, 0.0
    task.sim.qpos[3, 2] = 0.2
    task.sim.qvel[4, 0] = 0.5
    task.sim.qvel[5, 5] = 1.5
    task.sim.forward()
    task.sense()
    assert task.measurements()["is_success"].tolist() == [True, False, False, False, False, False]
    reward = sum(task.reward_terms().values())
    assert reward[0] == pytest.approx(10.0) and reward[1] == 0.0 and (reward[2:4] < 9.9).all()


def test_joints_start_around_the_initial_pose_with_the_feet_close_above_the_ground():
    env = A1VectorEnv(32, num_threads=1)
    env.reset(seed=0)
    errors = env.task.joint_pos - env.model.key("home").qpos[7:]
    lowest = np.min([env.task.sim.site(f"{leg}_foot").xpos[:, 2] for leg in LEG_NAMES], axis=0) - 0.02
    assert 0.045 < np.abs(errors).max() <= 0.05 and (lowest > -1e-3).all() and lowest.max() < 0.02
    still = A1VectorEnv(1, start_spread=0.0)
    still.reset(seed=0)
    np.testing.assert_array_equal(still.task.joint_pos[0], env.model.key("home").qpos[7:])


@pytest.mark.parametrize("name", ["locomotion", "reset", "stand"])
def test_dr_switches_the_randomisation_on(name):
    env = A1VectorEnv(40, task_name=f"{name}-dr")
    assert env.config == A1Config(task_name=name, variation=DR_VARIATION)
    env.reset(seed=0)
    masses = env.task.variation.current("body_mass", np.arange(40)).sum(axis=1) / 12.454
    assert 0.8 <= masses.min() < 0.85 and 1.15 < masses.max() <= 1.2
    assert set(env.task.randomisation.steps_late) == {0, 1}


def test_dr_has_the_ranges_of_the_pybullet_environment_as_far_as_they_exist_here():
    ranges = {"friction": (0.5, 1.25), "mass": (0.8, 1.2), "inertia": (0.5, 1.5), "servo_strength": (0.8, 1.2)}
    late = {"joint_friction": (0.0, 0.05 + 0.05), "action_delay": 0.4}  # N m; the mean of 0 to 40 ms, in steps of 50 ms
    assert VariationConfig(**ranges, **late) == DR_VARIATION


def test_the_friction_of_the_ground_differs_between_episodes_as_in_the_source_and_can_be_fixed():
    env = A1VectorEnv(40)
    env.reset(seed=0)
    friction = env.task.variation.current("geom_friction", np.arange(40))[:, env.model.geom("ground").id, 0]
    assert 0.75 <= friction.min() < 0.8 and 1.15 < friction.max() <= 1.25
    assert not A1Config(variation=VariationConfig()).variation.varies


def test_rough_ground_at_level_0_11_has_bumps_of_25_mm():
    env = A1Env(terrain={"kinds": ["rough"], "levels": [0.11]})
    terrain = env.task.ground.terrain
    assert terrain.heights.max() == pytest.approx(0.025, rel=0.05) and terrain.heights.std() > 0.005
    env.reset(seed=0)
    for _ in range(10):
        *_, terminated, _, info = env.step(np.zeros(12))
    assert not terminated and info["body_height"] == pytest.approx(0.307, abs=0.02)


def test_the_command_is_a_further_row_on_request():
    env = A1VectorEnv(2, observe_command=True, command_vx=(0.4, 1.0), privileged=True)
    observation, _ = env.reset(seed=0)
    rows = env.observation_rows
    assert rows["command"] == slice(46, 49) and env.observation_groups["policy"] == slice(0, 49)
    np.testing.assert_allclose(observation[:, rows["command"]], env.task.command.value, rtol=1e-6)
    assert np.ptp(env.task.command.value[:, 0]) > 0.0 and A1Task.observation.space.shape == (46,)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"task_name": "jump"}, "task_name must be 'locomotion' or 'reset'"),
        ({"task_name": "reset-dr", "variation": {"mass": (0.9, 1.1)}}, "task_name must be reset, without -dr"),
        ({"task_name": "reset", "max_tilt": 1.0}, "max_tilt has no effect in the task reset"),
        ({"task_name": "stand", "command_vx": (0.1, 0.2)}, "command_vx has no effect in the task stand"),
        ({"task_name": "stand", "weights": {"fall": -1.0}}, "weights.fall has no effect in the task stand"),
        ({"stand_weights": {"pose": 1.0}}, "stand_weights.pose has no effect in the task locomotion"),
        ({"command_vy": (0.0, 0.1)}, "command_vy has no effect in the task locomotion"),
        ({"task_name": "reset", "terrain": {"kinds": ["rough"]}}, "terrain.kinds must be flat in the task reset"),
        ({"task_name": "reset", "start_spread": 0.1}, "start_spread has no effect in the task reset"),
        ({"task_name": "reset", "min_height": 0.1}, "min_height has no effect in the task reset"),
        ({"task_name": "reset", "observe_command": True}, "observe_command has no effect in the task reset"),
        ({"task_name": "stand", "command_vy": (0.0, 0.1)}, "command_vy has no effect in the task stand"),
        ({"task_name": "stand", "command_yaw_rate": (0.0, 0.1)}, "command_yaw_rate has no effect in the task stand"),
        (
            {"task_name": "stand", "command_segments": {"duration": (1.0, 2.0)}},
            "command_segments.duration has no effect in the task stand",
        ),
        ({"low_pass": 10.0}, "low_pass must be below half the control rate, 10 Hz"),
        ({"control_dt": 0.1, "low_pass": 5.0}, "low_pass must be below half the control rate, 5 Hz"),
        ({"low_pass": 1e-9}, "low_pass must be at least 0.01 Hz"),
        ({"offset": (0.2, 0.4)}, "offset must be a list of 3 float values"),
        ({"offset": (0.2, 0.0, 0.4)}, "offset must be three numbers above 0 rad"),
    ],
)
def test_an_option_that_is_wrong_or_has_no_effect_gets_one_sentence(arguments, words):
    with pytest.raises(ValueError, match=words):
        gym.make("A1-v0", **arguments)
