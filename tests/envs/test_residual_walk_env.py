"""Promises of ResidualWalk-v0 beyond the contract of every environment."""

import gymnasium as gym
import numpy as np
import pytest

import envs  # noqa: F401
from controllers.leg_kinematics import LEG_SIDES, leg_forward_kinematics
from envs.locomotion.terrain import TerrainConfig
from envs.residual_walk.config import ResidualWalkConfig
from envs.residual_walk_env import ResidualWalkEnv, ResidualWalkVectorEnv

ROUGH = {"kinds": ("rough",), "length": 4.0, "width": 2.0}
TERMS = """forward_velocity lateral_stability height orientation energy smoothness contact_pattern
joint_limits heading fall""".split()


def test_the_observation_holds_what_the_sensors_and_the_gait_say():
    env = ResidualWalkEnv()
    env.reset(seed=0)
    for _ in range(20):
        observation, *_ = env.step(np.full(12, 0.2))
    part = {name: observation[where] for name, where in env.task.observation.slices.items()}
    state, joints = env.sensor_reader.get_body_state(), env.sensor_reader.get_joint_states()
    matrix = env.data.site("imu").xmat.reshape(3, 3)
    expected = {
        "body_quat": state[3:7],
        "body_linvel": matrix.T @ state[7:10],
        "body_angvel": state[10:13],
        "projected_gravity": matrix.T @ [0, 0, -1],
        "joint_pos": joints[:12],
        "joint_vel": joints[12:],
        "previous_action": np.full(12, 0.2),
        "command": [env.target_velocity, 0, 0],
        "foot_contact": env.sensor_reader.get_foot_forces() > 1.0,
        "swing_flags": [flag[0] for flag in env.controller.get_swing_stance_flags().values()],
    }
    for name, value in expected.items():
        np.testing.assert_allclose(part[name], value, atol=1e-6, err_msg=name)
    np.testing.assert_allclose(np.hypot(*part["gait_phase"]), 1.0, atol=1e-6)
    np.testing.assert_allclose(part["tracking_error"][-12:], env.data.ctrl - joints[:12], atol=1e-6)


def test_tracking_errors_move_through_three_steps_oldest_first():
    env = ResidualWalkEnv()
    env.reset(seed=0)
    where, errors = env.task.observation.slices["tracking_error"], []
    for _ in range(5):
        observation, *_ = env.step(env.action_space.sample())
        errors.append(observation[where][-12:])
    np.testing.assert_array_equal(observation[where], np.concatenate(errors[-3:]))


def test_the_world_heading_does_not_show_in_the_observation():
    env = ResidualWalkVectorEnv(num_envs=16)
    rows, _ = env.reset(seed=0, options={"randomize": True})
    quats = rows[:, env.task.observation.slices["body_quat"]]
    assert np.ptp(env.sensor_reader.read_sensor("body_quat")[:, 3]) > 1.0
    np.testing.assert_allclose(quats[:, 3], 0.0, atol=6e-3)  # roll times pitch, a quarter of 0.1 rad each way
    assert (quats[:, 0] > 0.99).all()


def test_the_reward_has_the_plans_eight_terms_and_two_that_are_added():
    env = ResidualWalkEnv()
    env.reset(seed=0)
    assert list(env.step(np.zeros(12))[4]["reward_terms"]) == TERMS


def test_an_error_of_speed_counts_by_its_share_of_the_command_if_asked():
    env = ResidualWalkEnv(velocity_width=0.05, relative_velocity_width=0.5)
    env.reset(seed=0)
    for vx, vy, speed in ((0.2, 0.0, 0.2), (0.4, 0.0, 0.4), (-0.3, 0.4, 0.5), (0.0, -0.2, 0.2)):
        env.task.command_velocity(vx, vy)
        info = env.step(np.zeros(12))[4]
        share = (info["forward_velocity"] - vx) / (0.05 + 0.5 * speed)
        assert info["reward_terms"]["forward_velocity"] == pytest.approx(1.5 * np.exp(-(share**2)))


def test_a_start_is_randomized_within_its_bounds_only_when_asked():
    env = ResidualWalkVectorEnv(num_envs=200)
    _, info = env.reset(seed=0)
    assert not np.any([info["roll"], info["pitch"]])
    _, info = env.reset(seed=0, options={"randomize": True})
    for angle in (info["roll"], info["pitch"]):
        assert 0.09 < np.abs(angle).max() < 0.101
    place = env.sensor_reader.read_sensor("body_pos")[:, :2]
    assert 0.045 < np.abs(place).max() <= 0.05


def test_commands_are_drawn_from_their_range_and_can_be_set():
    env = ResidualWalkVectorEnv(num_envs=300, command_vx=(0.1, 0.4))
    _, info = env.reset(seed=0)
    assert info["commanded_velocity"].min() >= 0.1 and info["commanded_velocity"].max() <= 0.4
    assert np.ptp(info["commanded_velocity"]) > 0.28
    single = ResidualWalkEnv()
    single.reset(seed=0)
    single.target_velocity = 0.15
    assert single.reset(seed=1)[1]["commanded_velocity"] == single.target_velocity == 0.15


def test_the_terrain_scale_bounds_the_levels_that_are_drawn():
    env = ResidualWalkVectorEnv(num_envs=300, terrain=ROUGH)
    env.set_terrain_scale(0.35)
    _, info = env.reset(seed=0)
    assert set(np.round(info["terrain_level"], 6)) == {0.0, 0.1, 0.2, 0.3}
    with pytest.raises(ValueError, match=r"\[0, 1\], got 1.5"):
        env.set_terrain_scale(1.5)


@pytest.mark.parametrize("kind", ["rough", "slope", "stairs", "blocks", "waves"])
@pytest.mark.parametrize("randomize", [False, True])
def test_robots_start_clear_of_the_ground(kind, randomize):
    env = ResidualWalkVectorEnv(num_envs=100, terrain=ROUGH | {"kinds": (kind,), "levels": (1.0,)})
    env.reset(seed=0, options={"randomize": randomize})
    feet = env.sensor_reader.get_foot_positions().reshape(-1, 4, 3)
    ground = env.task.ground.terrain.height_at(feet[..., 0], feet[..., 1])
    assert (feet[..., 2] - ground > 0.008).all()
    assert not (env.task.sim.bind("ncon") > 0).any()


@pytest.mark.parametrize("kind", ["rough", "slope", "stairs", "blocks", "waves"])
def test_robots_settle_standing_on_the_ground(kind):
    env = ResidualWalkVectorEnv(num_envs=32, terrain=ROUGH | {"kinds": (kind,), "levels": (0.5,)}, command_vx=(0, 0))
    env.reset(seed=0)
    for _ in range(100):
        _, _, terminated, _, info = env.step(np.zeros((32, 12)))
        assert not terminated.any()
    assert (np.abs(info["body_height"] - 0.075) < 0.03).all()


def test_height_is_measured_over_the_ground_below():
    env = ResidualWalkVectorEnv(num_envs=4, terrain={"kinds": ["slope"], "levels": [0.4], "length": 4.0, "width": 2.0})
    env.reset(seed=0)
    climbed = 0.0
    for _ in range(500):
        _, _, terminated, _, info = env.step(np.zeros((4, 12)))
        assert not terminated.any()
        climbed = max(climbed, env.sensor_reader.read_sensor("body_pos")[:, 2].max())
        assert (np.abs(info["body_height"] - 0.075) < 0.03).all()
    assert climbed > 0.12


def test_lying_down_and_tipping_over_end_an_episode_and_cost_the_fall_once():
    env = ResidualWalkVectorEnv(num_envs=3, weights={"fall": -300.0})
    env.reset(seed=0)
    env.task.sim.qpos[0, 2] = 0.02
    env.task.sim.qpos[1, 3:7] = [np.cos(0.55), np.sin(0.55), 0, 0]
    env.task.sim.qpos[1, 2] = 0.15
    _, _, terminated, truncated, info = env.step(np.zeros((3, 12)))
    assert terminated.tolist() == [True, True, False] and not truncated.any()
    assert info["final_info"]["reward_terms"]["fall"].tolist() == [-300.0, -300.0, 0.0]


def test_leaving_the_tile_cuts_the_episode_without_a_fall():
    env = ResidualWalkVectorEnv(num_envs=2, terrain=ROUGH | {"levels": (0.0,)}, command_vx=(0.5, 0.5))
    env.reset(seed=0)
    for _ in range(1000):
        _, _, terminated, truncated, info = env.step(np.zeros((2, 12)))
        assert not terminated.any()
        if truncated.any():
            break
    assert truncated.any() and info["distance"][truncated].min() > 2.0


def test_training_and_evaluation_terrain_differ_by_their_seed_alone():
    heights = [ResidualWalkEnv(terrain=ROUGH | {"seed": seed}).task.ground.terrain.heights for seed in (0, 0, 1)]
    np.testing.assert_array_equal(heights[0], heights[1])
    assert (heights[0] != heights[2]).any()


def test_time_runs_out_after_5000_steps_unless_said_otherwise():
    assert gym.spec("ResidualWalk-v0").max_episode_steps == 5000
    env = ResidualWalkEnv(max_episode_steps=7)
    env.reset(seed=0)
    ends = [env.step(np.zeros(12))[2:4] for _ in range(7)]
    assert ends == [(False, False)] * 6 + [(False, True)]


def test_the_plans_handles_are_there():
    env = ResidualWalkEnv(residual_scale=0.01)
    env.reset(seed=0)
    sizes = [len(read()) for read in (env.sensor_reader.get_body_state, env.sensor_reader.get_joint_states)]
    feet = [env.sensor_reader.get_foot_positions(), env.sensor_reader.get_foot_velocities()]
    assert sizes == [13, 24] and [foot.shape for foot in feet] == [(12,), (12,)]
    assert env.residual_scale == env.controller.residual_scale == 0.01
    assert env.model.nu == 12
    env.step(np.zeros(12))
    np.testing.assert_array_equal(env.data.qpos, env.task.sim.qpos[0])


def test_an_action_of_one_moves_its_foot_target_by_the_residual_scale():
    env, still = ResidualWalkEnv(command_vx=(0, 0)), ResidualWalkEnv(command_vx=(0, 0))
    env.reset(seed=0), still.reset(seed=0)
    action = np.zeros(12)
    action[2] = 1.0  # FL_z
    env.step(action), still.step(np.zeros(12))
    feet = [leg_forward_kinematics(e.data.ctrl.reshape(4, 3), LEG_SIDES) for e in (env, still)]
    np.testing.assert_allclose(feet[0] - feet[1], [[0, 0, 0.02], [0, 0, 0], [0, 0, 0], [0, 0, 0]], atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"command_vx": (0.5, 0.2)}, "low <= high"),
        ({"residual_scale": 0.5}, "0 to 0.1 m"),
        ({"terrain_scale": -1.0}, r"\[0, 1\]"),
        ({"terrain": {"kinds": ["ruogh"]}}, "did you mean rough"),
        ({"terrain": {"kind": ["rough"]}}, "did you mean kinds"),
        ({"control_dt": 0.003}, "whole multiple of 0.002 s, got 0.003 s"),
        ({"weights": {"speed": 1.0}}, "forward_velocity"),
        ({"velocity_width": 0.0}, "above 0"),
    ],
)
def test_a_wrong_config_is_refused_in_one_clear_sentence(changes, words):
    with pytest.raises(ValueError, match=words):
        ResidualWalkEnv(**changes)


def test_a_config_and_keyword_changes_say_the_same():
    config = ResidualWalkConfig(terrain=TerrainConfig(kinds=("rough",)), residual_scale=0.03)
    changes = {"terrain": {"kinds": ["rough"]}, "residual_scale": 0.03}
    assert ResidualWalkEnv(config).config == ResidualWalkEnv(**changes).config == ResidualWalkEnv(changes).config
