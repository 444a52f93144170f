"""The biped's MJCF: published figures, the exact mirror image of the legs, names for every element, and healthy physics."""

import mujoco
import numpy as np
import pytest

from envs.biped.scene import JOINTS, SCENE, SERVOS, SIDES
from envs.biped_env import BipedVectorEnv
from tests.helpers.robot_models import NAMED, check_names, check_order, run_randomly

MODEL = mujoco.MjModel.from_xml_path(str(SCENE.flat))
LINKS = (21.3, *[1.670, 0.2867, 2.717, 1.685, 0.0622, 0.5908] * 2)  # kg, trunk and both legs
KP, KD = [30, 40, 35, 100, 35, 35] * 2, [3, 3, 4, 10, 0.5, 0.5] * 2
TORQUE = [127.5, 127.5, 42.5, 127.5, 68, 68] * 2  # N m


def posed(angles=None, model=MODEL):
    """Returns data in the keyframe, or with these joint angles (12,), after a forward pass."""
    data = mujoco.MjData(model)
    mujoco.mj_resetDataKeyframe(model, data, 0)
    if angles is not None:
        data.qpos[7:] = angles
    mujoco.mj_forward(model, data)
    return data


def held(kp, kd, seconds=3.0):
    """Returns the data of a robot that has held its default pose for some time with these gains for all joints."""
    model = mujoco.MjModel.from_xml_path(str(SCENE.flat))
    model.actuator_gainprm[:, 0], model.actuator_biasprm[:, 1], model.actuator_biasprm[:, 2] = kp, -kp, -kd
    data = posed(model=model)
    mujoco.mj_step(model, data, round(seconds / model.opt.timestep))
    mujoco.mj_forward(model, data)
    return data


def test_it_has_the_published_masses_and_the_height_of_a_straight_leg():
    assert (MODEL.nq, MODEL.nv, MODEL.nu) == (19, 18, 12)
    np.testing.assert_allclose(MODEL.body_mass[1:], LINKS, atol=1e-9)
    data = posed(np.zeros(12))
    for side, sign in zip(SIDES, (1.0, -1.0)):
        offset = data.site(f"{side}_foot").xpos - data.body("trunk").xpos
        np.testing.assert_allclose(offset, [0.00235, sign * 0.13393, -0.6255], atol=1e-4)


def test_the_default_pose_stands_as_high_and_as_flat_as_the_published_one():
    data = posed()
    np.testing.assert_array_equal(data.qpos[7:], [0.40, 0.05, -0.31, 0.49, -0.21, 0, -0.40, -0.05, 0.31, 0.49, -0.21, 0])
    assert data.qpos[2] == pytest.approx(0.610, abs=0.002)
    matrix = data.body("left_ankle_roll").xmat.reshape(3, 3)
    assert np.degrees(np.arcsin(matrix[2, 0])) == pytest.approx(0.75, abs=0.01)
    assert np.degrees(np.arctan2(-matrix[1, 0], matrix[0, 0])) == pytest.approx(1.84, abs=0.01)


def test_the_right_leg_is_the_mirror_image_of_the_left():
    angles = np.random.default_rng(0).uniform(-1, 1, 12)
    data, image = posed(angles), posed(SERVOS(angles))
    for joint in ("hip_pitch", "hip_yaw", "knee_pitch", "ankle_roll"):
        for side, other in (SIDES, SIDES[::-1]):
            for field in ("xpos", "xipos"):
                place = getattr(data.body(f"{side}_{joint}"), field)
                np.testing.assert_allclose(place * [1, -1, 1], getattr(image.body(f"{other}_{joint}"), field), atol=1e-12)
    np.testing.assert_allclose(MODEL.body_inertia[2:8], MODEL.body_inertia[8:], atol=1e-12)
    low, high = MODEL.jnt_range[1:].T
    ends = SERVOS(low), SERVOS(high)
    np.testing.assert_array_equal([low, high], [np.minimum(*ends), np.maximum(*ends)])


def test_actuators_and_readings_stand_in_the_order_of_the_joints():
    check_order(MODEL, JOINTS)


@pytest.mark.parametrize("kind", NAMED)
def test_everything_has_a_name(kind):
    check_names(MODEL, kind)


def test_a_servo_has_the_published_gains_and_a_limit_on_its_whole_torque():
    random = np.random.default_rng(1)
    for scale in (0.1, 5.0):
        data = posed()
        data.qvel[6:], data.ctrl = random.normal(size=12), data.qpos[7:] + scale * random.normal(size=12)
        mujoco.mj_forward(MODEL, data)
        wanted = np.array(KP) * (data.ctrl - data.qpos[7:]) - np.array(KD) * data.qvel[6:]
        np.testing.assert_allclose(data.actuator_force, np.clip(wanted, -np.array(TORQUE), TORQUE), atol=1e-9)
    assert (np.abs(wanted) > TORQUE).any()


def test_stiff_servos_hold_the_default_pose_and_the_feet_carry_the_weight():
    data = held(400.0, 10.0)
    assert data.qpos[2] > 0.6 and np.abs(data.qvel).max() < 0.01
    forces = [data.sensor(f"{side}_foot_force").data[0] for side in SIDES]
    assert sum(forces) == pytest.approx(sum(LINKS) * 9.81, rel=0.02) and min(forces) > 100.0


def test_the_servos_are_too_soft_to_balance_without_a_policy():
    """The pose needs 231 N m/rad against toppling, and the two ankles have 35 each."""
    env = BipedVectorEnv(1, command_vx=(0.0, 0.0), command_vy=(0.0, 0.0), command_yaw_rate=(0.0, 0.0))
    env.reset(seed=0)
    steps = next(step for step in range(1, 500) if env.step(np.zeros((1, 12)))[2][0])
    assert 100 < steps < 350


@pytest.mark.parametrize("hold", [1, 10])
def test_random_actions_keep_the_physics_finite(hold):
    task = run_randomly(BipedVectorEnv, 40, hold)
    assert task.failure_count == 0 and not task.sim.warning.any()


@pytest.mark.slow
@pytest.mark.parametrize("hold", [1, 10])
def test_20000_random_steps_of_64_robots_keep_the_physics_finite(hold):
    assert run_randomly(BipedVectorEnv, 20_000, hold).failure_count == 0
