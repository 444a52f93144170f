"""The RealAnt's MJCF: sizes, masses and servos of its published data, names for every element, and healthy physics."""

import mujoco
import numpy as np
import pytest

from controllers.leg_names import LEG_NAMES
from envs.realant.scene import JOINTS, SCENE
from envs.realant_env import RealAntVectorEnv
from tests.helpers.robot_models import NAMED, check_names, check_order, run_randomly

MODEL = mujoco.MjModel.from_xml_path(str(SCENE.flat))
MASS = 1.456  # kg: torso 1.0, and per leg 0.002 + 0.030 + 0.082
# Height of the torso, m, of a robot that stands with its ankles at an angle, degrees; from a model of another author.
HEIGHTS = {30: 0.092, 45: 0.113, 60: 0.135, 75: 0.148, 90: 0.153, 100: 0.151}
VEL = int(mujoco.mjtStage.mjSTAGE_VEL)


def standing(ankle_degrees, seconds=4.0):
    """Returns the data of a robot whose ankles are sent to an angle, after some time."""
    data = mujoco.MjData(MODEL)
    mujoco.mj_resetDataKeyframe(MODEL, data, 0)
    data.qpos[2] += 0.02
    data.qpos[8::2] = data.ctrl[1::2] = np.radians(ankle_degrees)
    mujoco.mj_step(MODEL, data, round(seconds / MODEL.opt.timestep))
    mujoco.mj_forward(MODEL, data)
    return data


def test_it_has_the_published_sizes_and_masses():
    assert (MODEL.nq, MODEL.nv, MODEL.nu) == (15, 14, 8)
    assert MODEL.body_mass.sum() == pytest.approx(MASS, abs=1e-9)
    data = mujoco.MjData(MODEL)
    data.qpos[2] = 1.0
    mujoco.mj_forward(MODEL, data)  # all joints at 0: the legs are stretched along the diagonals
    offset = 0.057 + 0.037 + 0.086
    for leg, (x, y) in zip(LEG_NAMES, ((1, 1), (1, -1), (-1, 1), (-1, -1))):
        np.testing.assert_allclose(data.site(f"{leg}_foot").xpos, [x * offset, y * offset, 1.0], atol=1e-9)
        assert MODEL.geom(f"{leg}_foot").size[0] == 0.032


def test_actuators_and_readings_stand_in_the_order_of_the_joints():
    check_order(MODEL, JOINTS)


@pytest.mark.parametrize("kind", NAMED)
def test_everything_has_a_name(kind):
    check_names(MODEL, kind)


def test_a_set_point_is_reached_by_its_own_joint():
    """In the makers' simulation the set-point of one leg went to the servo of another."""
    for i, (low, high) in enumerate(MODEL.jnt_range[1:]):
        data = mujoco.MjData(MODEL)
        mujoco.mj_resetDataKeyframe(MODEL, data, 0)
        data.qpos[2] = 1.0
        data.ctrl[i] = 0.3 * low + 0.7 * high
        MODEL.opt.gravity[2] = 0.0
        mujoco.mj_step(MODEL, data, 400)
        MODEL.opt.gravity[2] = -9.81
        np.testing.assert_allclose(data.qpos[7:], data.ctrl, atol=np.radians(1.0))


def test_a_positive_ankle_angle_lowers_the_foot_of_every_leg_and_a_positive_hip_angle_turns_it_counter_clockwise():
    data = mujoco.MjData(MODEL)
    mujoco.mj_resetDataKeyframe(MODEL, data, 0)
    mujoco.mj_forward(MODEL, data)
    before = np.array([data.site(f"{leg}_foot").xpos for leg in LEG_NAMES])
    data.qpos[8::2] += 0.1
    mujoco.mj_forward(MODEL, data)
    assert (np.array([data.site(f"{leg}_foot").xpos[2] for leg in LEG_NAMES]) < before[:, 2] - 0.004).all()
    data.qpos[7::2] += 0.1
    mujoco.mj_forward(MODEL, data)
    after = np.array([data.site(f"{leg}_foot").xpos for leg in LEG_NAMES])
    assert (before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0] > 0).all()


def test_the_start_violates_no_joint_limit_and_does_not_kick_the_joints():
    """In the makers' simulation the ankles start outside of their range and reach 9.6 rad/s."""
    env = RealAntVectorEnv(32)
    env.reset(seed=0)
    low, high = MODEL.jnt_range[1:].T
    task = env.task
    assert (task.joint_pos > low).all() and (task.joint_pos < high).all() and np.ptp(task.joint_pos, axis=0).min() > 0.15
    lowest = np.min([task.sim.site(f"{leg}_foot").xpos[:, 2] for leg in LEG_NAMES], axis=0)
    np.testing.assert_allclose(lowest, 0.032, atol=1e-4)  # the lowest foot touches the ground and does not penetrate it
    speeds = [env.step(np.zeros((32, 8))) and np.abs(task.joint_vel).max() for _ in range(8)]
    assert max(speeds) < 2.0


@pytest.mark.parametrize(("ankle", "height"), HEIGHTS.items())
def test_it_stands_as_high_as_another_model_of_the_robot_and_presses_with_its_weight(ankle, height):
    data = standing(ankle)
    assert data.qpos[2] == pytest.approx(height, abs=0.001)
    forces = [data.sensor(f"{leg}_foot_force").data[0] for leg in LEG_NAMES]
    assert sum(forces) == pytest.approx(MASS * 9.81, rel=0.02) and min(forces) > 3.0
    assert np.abs(data.qvel).max() < 1e-3


def test_a_servo_without_load_reaches_59_turns_a_minute_and_pushes_with_1_5_nm():
    joint, servo = MODEL.joint("FL_hip"), MODEL.actuator("FL_hip")
    np.testing.assert_array_equal(MODEL.actuator_forcerange, [[-1.5, 1.5]] * 8)
    np.testing.assert_array_equal([servo.gainprm[0], *servo.biasprm[:3]], [6.0, 0.0, -6.0, 0.0])
    assert 1.5 / joint.damping[0] * 60 / (2 * np.pi) == pytest.approx(59, rel=0.03)


def test_two_feet_cannot_touch_one_another():
    """The model leaves out collisions of the robot with itself."""
    hips, ankles = (np.radians(np.linspace(low, high, 9)) for low, high in ((-40, 40), (30, 100)))
    hip, ankle = (grid.ravel() for grid in np.meshgrid(hips, ankles))
    ways = []
    for side in (1, -1):  # front left and rear left
        way = np.pi / 2 - side * np.pi / 4 + hip
        outward = np.stack([np.cos(way), np.sin(way), np.zeros_like(way)], axis=1)
        knee = [side * 0.057, 0.057, 0.0] + 0.037 * 2**0.5 * outward
        shin = 0.086 * 2**0.5 * (np.cos(ankle)[:, None] * outward - np.sin(ankle)[:, None] * [0, 0, 1])
        ways.append(np.concatenate([knee + share * shin for share in np.linspace(0, 1, 5)]))
    gaps = np.linalg.norm(ways[0][:, None] - ways[1], axis=2) - 2 * 0.032
    assert gaps.min() > 0.0


@pytest.mark.parametrize("hold", [1, 5])
def test_random_actions_keep_the_physics_finite(hold):
    task = run_randomly(RealAntVectorEnv, 100, hold)
    assert task.failure_count == 0 and not task.sim.warning.any()


@pytest.mark.slow
@pytest.mark.parametrize("hold", [1, 5])
def test_20000_random_steps_of_64_robots_keep_the_physics_finite(hold):
    assert run_randomly(RealAntVectorEnv, 20_000, hold).failure_count == 0
