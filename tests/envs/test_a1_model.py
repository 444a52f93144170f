"""The A1's MJCF: sizes and masses of the published robot, servos that follow an explicit PD law, and healthy physics."""

import mujoco
import numpy as np
import pytest

from controllers.leg_names import LEG_NAMES
from envs.a1.scene import BODIES, JOINTS, SCENE, UNDERSIDE
from envs.a1_env import A1VectorEnv
from tests.helpers.robot_models import NAMED, check_names, check_order, run_randomly

MODEL = mujoco.MjModel.from_xml_path(str(SCENE.flat))
MASS = 12.454  # kg
GAIN, DAMPING, STRONGEST = 60.0, 10.0, 33.5  # N m/rad, N m s/rad, N m
HOME = [0.05, 0.7, -1.4, -0.05, 0.7, -1.4, 0.05, 0.7, -1.4, -0.05, 0.7, -1.4]  # rad


def at_home(lift=0.0):
    """Returns the data of a robot in the keyframe's pose, raised by `lift`, m."""
    data = mujoco.MjData(MODEL)
    mujoco.mj_resetDataKeyframe(MODEL, data, 0)
    data.qpos[2] += lift
    mujoco.mj_forward(MODEL, data)
    return data


def test_it_has_the_published_sizes_and_masses():
    assert (MODEL.nq, MODEL.nv, MODEL.nu) == (19, 18, 12)
    assert MODEL.body_mass.sum() == pytest.approx(MASS, abs=1e-9)
    masses = {name: MODEL.body(name).mass[0] for name in BODIES}
    assert masses["trunk"] == 4.714 and [masses[f"FL_{part}"] for part in ("hip", "thigh", "calf")] == [0.696, 1.013, 0.226]
    data = mujoco.MjData(MODEL)
    data.qpos[2] = 1.0
    mujoco.mj_forward(MODEL, data)  # all joints at 0: the legs point down
    for leg, (x, y) in zip(LEG_NAMES, ((1, 1), (1, -1), (-1, 1), (-1, -1))):
        np.testing.assert_allclose(data.site(f"{leg}_foot").xpos, [x * 0.183, y * (0.047 + 0.08505), 0.6], atol=1e-9)
    np.testing.assert_allclose(MODEL.jnt_range[1:4], [[-0.803, 0.803], [-1.047, 4.189], [-2.697, -0.916]], atol=1e-3)


def test_actuators_and_readings_stand_in_the_order_of_the_joints():
    check_order(MODEL, JOINTS)


@pytest.mark.parametrize("kind", NAMED)
def test_everything_has_a_name(kind):
    check_names(MODEL, kind)


def test_the_keyframe_is_the_initial_pose_with_the_feet_on_the_ground():
    data = at_home()
    np.testing.assert_array_equal(data.qpos[7:], HOME)
    np.testing.assert_array_equal(MODEL.key("home").ctrl, HOME)
    lowest = [data.site(f"{leg}_foot").xpos[2] - 0.02 for leg in LEG_NAMES]
    np.testing.assert_allclose(lowest, 0.0, atol=1e-4)
    feet = {tuple(np.round(np.abs(data.site(f"{leg}_foot").xpos[:2]), 3)) for leg in LEG_NAMES}
    assert len(feet) == 1 and np.abs(UNDERSIDE[:, :2] - next(iter(feet))).min(axis=0).max() < 0.01


def test_the_torque_of_a_servo_is_that_of_the_explicit_pd_law():
    random, data = np.random.default_rng(0), mujoco.MjData(MODEL)
    low, high = MODEL.jnt_range[1:].T
    torques = []
    for _ in range(50):
        data.qpos[7:], data.ctrl[:], data.qvel[6:] = (
            random.uniform(low, high),
            random.uniform(low, high),
            random.normal(size=12),
        )
        mujoco.mj_forward(MODEL, data)
        wanted = np.clip(GAIN * (data.ctrl - data.qpos[7:]) - DAMPING * data.qvel[6:], -STRONGEST, STRONGEST)
        np.testing.assert_allclose(data.actuator_force, wanted, rtol=1e-12, atol=1e-12)
        torques.append(wanted)
    assert 0.1 < (np.abs(torques) == STRONGEST).mean() < 0.9


def test_a_robot_in_the_air_moves_as_with_the_explicit_law_in_steps_of_a_tenth():
    """The servo is integrated implicitly in steps of 2.5 ms, the law explicitly in steps of 0.25 ms."""
    servo, law = at_home(lift=1.0), at_home(lift=1.0)
    targets = np.array(HOME) + np.tile([0.2, -0.4, 0.4], 4)
    servo.ctrl[:] = targets
    model = mujoco.MjModel.from_xml_path(str(SCENE.flat))
    model.opt.timestep, model.opt.integrator = 0.00025, int(mujoco.mjtIntegrator.mjINT_EULER)
    model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_ACTUATION)
    for _ in range(3):
        mujoco.mj_step(MODEL, servo, 20)
        for _ in range(200):
            torque = GAIN * (targets - law.qpos[7:]) - DAMPING * law.qvel[6:]
            law.qfrc_applied[6:] = np.clip(torque, -STRONGEST, STRONGEST)
            mujoco.mj_step(model, law)
        np.testing.assert_allclose(servo.qpos[7:], law.qpos[7:], atol=0.01)
    assert np.abs(servo.qpos[7:] - HOME).min() > 0.05


def test_it_stands_and_presses_with_its_weight():
    data = at_home()
    mujoco.mj_step(MODEL, data, 800)
    mujoco.mj_forward(MODEL, data)
    forces = [data.sensor(f"{leg}_foot_force").data[0] for leg in LEG_NAMES]
    assert sum(forces) == pytest.approx(MASS * 9.81, rel=0.02) and min(forces) > 20.0
    assert data.qpos[2] == pytest.approx(0.307, abs=0.005) and np.abs(data.qvel).max() < 0.01


@pytest.mark.parametrize("task_name", ["locomotion", "reset-dr"])
def test_random_actions_keep_the_physics_finite(task_name):
    task = run_randomly(A1VectorEnv, 15, 3, task_name=task_name)
    assert task.failure_count == 0 and not task.sim.warning.any()


@pytest.mark.slow
@pytest.mark.parametrize("hold", [1, 5])
@pytest.mark.parametrize("task_name", ["locomotion-dr", "reset-dr"])
def test_20000_random_steps_of_64_robots_keep_the_physics_finite(task_name, hold):
    assert run_randomly(A1VectorEnv, 20_000, hold, task_name=task_name).failure_count == 0
