"""The gait alone, on flat ground: the basis of every learned policy."""

import numpy as np
import pytest

from envs.residual_walk_env import ResidualWalkVectorEnv
from evaluation.walks import evaluate, gait_alone


def test_zero_residual_walks_at_the_commanded_speed_upright_and_straight_ahead():
    env = ResidualWalkVectorEnv(num_envs=24, command_vx=(0.1, 0.5), max_episode_steps=2000)
    records = evaluate(env, gait_alone(env), episodes=24, seed=2, goal=np.inf)
    commands = [record["commanded_mps"] for record in records]
    assert min(commands) < 0.11 and max(commands) > 0.49
    for record, command in zip(records, commands):
        assert record["steps"] == 2000 and not record["fall"]
        assert abs(record["distance_m"] / 20 - command) <= max(0.1 * command, 0.02)
        assert record["max_roll_deg"] < 15 and record["max_pitch_deg"] < 15
        assert record["max_heading_error_deg"] < 10


@pytest.mark.parametrize("yaw_rate", [-0.5, 0.5])
def test_zero_residual_turns_at_the_commanded_rate(yaw_rate):
    env = ResidualWalkVectorEnv(command_vx=(0.2, 0.2), command_yaw_rate=(yaw_rate, yaw_rate))
    env.reset(seed=0)
    start = env.sensor_reader.read_sensor("body_quat")[0]
    for _ in range(300):
        *_, info = env.step(np.zeros((1, 12)))
    w, _, _, z = env.sensor_reader.read_sensor("body_quat")[0]
    turned = 2 * np.arctan2(z, w) - 2 * np.arctan2(start[3], start[0])
    assert turned == pytest.approx(3 * yaw_rate, abs=np.radians(10))
    assert abs(info["heading_error"][0]) < np.radians(10)


def test_the_heading_is_held_from_any_starting_yaw():
    env = ResidualWalkVectorEnv(num_envs=8, command_vx=(0.3, 0.3))
    env.reset(seed=0, options={"randomize": True})
    yaws = env.sensor_reader.read_sensor("body_quat")[:, 3]
    for _ in range(500):
        *_, info = env.step(np.zeros((8, 12)))
    assert np.ptp(yaws) > 1.0
    np.testing.assert_allclose(info["distance"], 1.5, atol=0.2)
    assert np.abs(info["sideways"]).max() < 0.2


@pytest.mark.slow
def test_random_actions_never_break_the_physics_nor_open_a_leg():
    steps, n = 20_000, 64
    env = ResidualWalkVectorEnv(num_envs=n, max_episode_steps=None)
    generator = np.random.default_rng(0)
    sites = [[env.model.site(f"{leg}_{tip}").id for leg in ("FL", "FR", "RL", "RR")] for tip in ("foot", "tip_L")]
    places = env.task.sim.bind("site_xpos")
    env.reset(seed=0)
    widest = 0.0
    for _ in range(steps):
        env.step(generator.uniform(-1, 1, (n, 12)))
        gap = places[:, sites[0]] - places[:, sites[1]]
        widest = max(widest, np.sqrt((gap**2).sum(axis=-1)).max())
    assert env.task.failure_count == 0
    assert widest < 1e-3
