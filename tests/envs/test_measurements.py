"""Measurements of a step, compared with plain MuJoCo and with sums by hand."""

import mujoco
import numpy as np
import pytest

from controllers.leg_names import JOINTS
from envs.residual_walk_env import ResidualWalkEnv, ResidualWalkVectorEnv
from evaluation.walks import evaluate

STATE = int(mujoco.mjtState.mjSTATE_INTEGRATION)
DAMPING = 0.0466  # N m s/rad, damping of a servo, from its data sheet


def last_physics_step(model, state, ctrl):
    """Returns the work (J) of twelve servos at their shafts in the last of five physics steps, from angles alone."""
    data, joints = mujoco.MjData(model), [model.joint(name).qposadr[0] for name in JOINTS]
    mujoco.mj_setState(model, data, state, STATE)
    data.ctrl[:] = ctrl
    mujoco.mj_step(model, data, 4)
    before = data.qpos[joints].copy()
    torque = np.clip(4.0 * (ctrl - before), -0.6, 0.6)
    mujoco.mj_step(model, data)
    turned = data.qpos[joints] - before
    return sum(max(0.0, work) for work in (torque - DAMPING * turned / 0.002) * turned)


def test_power_is_the_positive_work_at_the_servos_shafts_in_the_last_physics_step():
    env = ResidualWalkEnv(command_vx=(0.4, 0.4))
    env.reset(seed=0)
    powers = []
    for _ in range(60):
        before = env.task.sim.state[0].copy()
        info = env.step(env.action_space.sample())[4]
        joule = last_physics_step(env.model, before, env.task.sim.ctrl[0])
        assert info["power"] == pytest.approx(joule / 0.002, rel=1e-6, abs=1e-9)
        powers.append(info["power"])
    assert np.mean(powers) > 1.0


def test_the_cost_of_a_walk_is_that_of_plain_mujoco():
    env = ResidualWalkVectorEnv(num_envs=1, command_vx=(0.4, 0.4), max_episode_steps=150)
    states, controls, places = [], [], []

    def policy(observation):
        states.append(env.task.sim.state[0].copy())
        places.append(env.task.sim.qpos[0, :2].copy())
        return np.zeros((1, 12))

    def note(info):
        controls.append(env.task.sim.ctrl[0].copy())  # at the last step these belong to the next episode

    (record,) = evaluate(env, policy, 1, seed=0, on_step=note)
    joule = 5 * sum(last_physics_step(env.model, *pair) for pair in zip(states[:-1], controls[:-1]))
    way = np.linalg.norm(places[-1] - places[0])
    # The sums by hand leave out energy and distance of the last step: 1 of 150.
    assert record["cost_of_transport"] == pytest.approx(joule / (0.496 * 9.81 * way), rel=0.01)


def test_the_cost_of_a_walk_counts_the_weight_of_that_episode():
    factors = {"gravity": np.array([0.8, 1.0, 1.2]), "mass": np.array([1.3, 1.0, 0.7])}
    env = ResidualWalkVectorEnv(num_envs=3, command_vx=(0.4, 0.4), max_episode_steps=60)
    env.perturb(factors, np.arange(3))
    torso, powers = env.model.body("torso").mass[0], []
    records = evaluate(env, lambda observation: np.zeros((3, 12)), 3, seed=0, on_step=lambda i: powers.append(i["power"]))
    newtons = 9.81 * factors["gravity"] * (0.496 + (factors["mass"] - 1.0) * torso)
    for record, watts, weight in zip(sorted(records, key=lambda own: own["seed"]), np.transpose(powers), newtons):
        joule = watts.sum() * 0.01
        assert record["cost_of_transport"] == pytest.approx(joule / weight / record["straight_distance_m"], rel=1e-3)


@pytest.mark.parametrize("varied", [False, True])
def test_the_weight_is_that_of_the_model_of_the_episode(varied):
    env = ResidualWalkVectorEnv(num_envs=4, variation={"mass": (0.5, 2.0)} if varied else {}, max_episode_steps=3)
    env.perturb({"gravity": np.array([0.5, 1.5])}, np.array([0, 2]))
    env.reset(seed=0)
    for _ in range(7):
        info = env.step(np.zeros((4, 12)))[4]
        weighed = info["reset_info"]["weight"] if "reset_info" in info else info["weight"]
        models = [env.task.sim.get_model(i) for i in range(4)]
        np.testing.assert_allclose(weighed, [m.body_mass.sum() * -m.opt.gravity[2] for m in models])
        assert (np.ptp(weighed[[1, 3]]) > 0.1) == varied


@pytest.mark.parametrize(
    ("action", "millimetres"), [(np.full(12, -0.5), 10.0), (np.full(12, 7.0), 20.0), (np.eye(12)[3], 20 / np.sqrt(12))]
)
def test_the_size_of_a_constant_residual_is_known_by_hand(action, millimetres):
    env = ResidualWalkVectorEnv(num_envs=2, max_episode_steps=5)
    for record in evaluate(env, lambda observation: np.tile(action, (2, 1)), 2, seed=0):
        assert record["residual_rms_mm"] == pytest.approx(millimetres)


def test_a_servo_past_its_hard_range_is_noticed_and_one_within_it_is_not():
    env = ResidualWalkVectorEnv(num_envs=3)
    env.reset(seed=0)
    assert not env.step(np.zeros((3, 12)))[4]["past_limits"].any()
    angle = env.model.joint("FL_tilt").qposadr[0]
    env.task.sim.qpos[:, angle] = [0.9, 1.5, -1.5]  # its range is -1 to 1
    assert env.step(np.zeros((3, 12)))[4]["past_limits"].tolist() == [False, True, True]


def test_a_robot_that_is_cut_off_its_tile_says_so_and_one_out_of_time_does_not():
    terrain = {"kinds": ("rough",), "levels": (0.0,), "length": 4.0, "width": 2.0}
    env = ResidualWalkVectorEnv(num_envs=2, terrain=terrain, command_vx=(0.5, 0.5), max_episode_steps=20)
    env.reset(seed=0)
    env.task.sim.qpos[1, 0] += 3.5
    _, _, _, truncated, info = env.step(np.zeros((2, 12)))
    assert truncated.tolist() == info["off_tile"].tolist() == [False, True]
    for _ in range(19):
        _, _, _, truncated, info = env.step(np.zeros((2, 12)))
    assert truncated[0] and not info["off_tile"].any()


def test_measurements_of_a_robot_among_many_are_those_of_the_robot_alone():
    vector, alone = ResidualWalkVectorEnv(num_envs=9), ResidualWalkEnv()
    vector.reset(seed=0), alone.reset(seed=4)
    actions = np.random.default_rng(0).uniform(-1, 1, (40, 12))
    for action in actions:
        many, one = vector.step(np.tile(action, (9, 1)))[4], alone.step(action)[4]
        for name, value in one.items():
            if name != "reward_terms":
                assert many[name][4] == value, name


def test_the_velocity_to_the_left_and_the_yaw_rate_are_those_of_the_poses():
    """Compares the means over two seconds with the way in the frame of the start and the change of the yaw."""
    env = ResidualWalkVectorEnv(num_envs=2, command_vx=(0.0, 0.0), command_vy=(0.15, 0.15))
    env.reset(seed=0)
    env.task.command_velocity(0.0, 0.0, 0.6, ids=1)
    infos = [env.step(np.zeros((2, 12)))[4] for _ in range(200)]
    left, turning = (np.mean([info[name] for info in infos], axis=0) for name in ("lateral_velocity", "yaw_rate"))
    assert left[0] == pytest.approx(infos[-1]["sideways"][0] / 2.0, abs=2e-3) and left[0] > 0.1
    w, _, _, z = env.sensor_reader.read_sensor("body_quat")[1]
    assert turning[1] == pytest.approx(2 * np.arctan2(z, w) / 2.0, abs=1e-2) and turning[1] > 0.5
    wanted = {"commanded_lateral_velocity": [0.15, 0.0], "commanded_yaw_rate": [0.0, 0.6]}
    assert {name: infos[-1][name].tolist() for name in wanted} == wanted
