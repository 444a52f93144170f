"""The robot's MJCF: dimensions of the controllers, names for every element, closed legs, correct mass and servos."""

from pathlib import Path

import mujoco
import numpy as np
import pytest

from controllers import leg_kinematics as leg
from tests.helpers.robot_models import NAMED, check_names

WORLD = str(Path(__file__).parents[2] / "assets/quadruped/world.xml")
MODEL = mujoco.MjModel.from_xml_path(WORLD)
LEGS = ("FL", "FR", "RL", "RR")
SERVOS = [f"{name}_{joint}" for name in LEGS for joint in ("tilt", "shoulder_L", "shoulder_R")]
SENSOR_SIZES = (
    {"body_pos": 3, "body_quat": 4, "body_linvel": 3, "body_angvel": 3}
    | {f"{servo}_{kind}": 1 for servo in SERVOS for kind in ("pos", "vel")}
    | {f"{name}_foot_{kind}": size for name in LEGS for kind, size in (("pos", 3), ("vel", 3), ("force", 1))}
)


def at_home(seconds=0.0):
    data = mujoco.MjData(MODEL)
    mujoco.mj_resetDataKeyframe(MODEL, data, 0)
    mujoco.mj_step(MODEL, data, round(seconds / MODEL.opt.timestep))
    mujoco.mj_forward(MODEL, data)
    return data


def loop_gaps(data):
    """Returns the distance between the two tips of each leg (4,), m."""
    return np.array([np.linalg.norm(data.site(f"{n}_foot").xpos - data.site(f"{n}_tip_L").xpos) for n in LEGS])


@pytest.mark.parametrize("i, name", [*enumerate(LEGS)])
def test_dimensions_are_those_of_the_kinematics(i, name):
    hip, side = MODEL.body(f"{name}_tilt").pos, leg.LEG_SIDES[i]
    np.testing.assert_array_equal(hip, [*leg.HIP_POSITIONS[i], 0.0])
    for end, sign in (("L", -1), ("R", 1)):
        shoulder, knee = MODEL.body(f"{name}_upper_{end}").pos, MODEL.body(f"{name}_lower_{end}").pos
        np.testing.assert_array_equal(shoulder, [sign * leg.HALF_SHOULDER_GAP, side * leg.OUTBOARD, 0.0])
        np.testing.assert_array_equal(knee, [0.0, 0.0, -leg.UPPER_LINK])
    for tip in ("tip_L", "foot"):
        np.testing.assert_array_equal(MODEL.site(f"{name}_{tip}").pos, [0.0, 0.0, -leg.LOWER_LINK])
    np.testing.assert_array_equal(MODEL.geom(f"{name}_foot").pos, [0.0, 0.0, -leg.LOWER_LINK])
    assert MODEL.geom(f"{name}_foot").size[0] == leg.FOOT_RADIUS


@pytest.mark.parametrize("kind", [*NAMED, "eq"])
def test_everything_has_a_name(kind):
    check_names(MODEL, kind)


def test_the_promised_sensors_are_there():
    assert {name: MODEL.sensor(name).dim[0] for name in SENSOR_SIZES} == SENSOR_SIZES


def test_servos_and_their_readings_stand_in_the_shared_order():
    assert [MODEL.actuator(i).name for i in range(MODEL.nu)] == SERVOS
    joints = [MODEL.joint(int(MODEL.actuator_trnid[i, 0])).name for i in range(MODEL.nu)]
    assert joints == SERVOS


def test_the_robot_weighs_496_grams():
    assert MODEL.body_mass.sum() == pytest.approx(0.496, abs=1e-9)


def test_legs_are_closed_at_home_and_the_feet_are_on_the_ground():
    data = at_home()
    assert loop_gaps(data).max() < 1e-6
    heights = [data.site(f"{name}_foot").xpos[2] for name in LEGS]
    np.testing.assert_allclose(heights, leg.FOOT_RADIUS, atol=1e-6)
    np.testing.assert_array_equal([data.joint(servo).qpos[0] for servo in SERVOS], data.ctrl)


def test_a_robot_at_rest_presses_with_its_weight():
    data = at_home(seconds=2.0)
    forces = [data.sensor(f"{name}_foot_force").data[0] for name in LEGS]
    assert sum(forces) == pytest.approx(0.496 * 9.81, rel=0.02) and min(forces) > 1.0
    assert np.abs(data.qvel).max() < 1e-3


@pytest.mark.parametrize("i", range(4))
def test_joints_and_servos_can_take_every_angle_of_the_workspace(i):
    target = np.random.default_rng(0).uniform(-0.2, 0.2, (20_000, 3)) - [0, 0, 0.06]
    angles = leg.solve_leg_ik_3dof(target, leg.LEG_SIDES[i])
    for angle, servo in zip(angles.T, SERVOS[3 * i : 3 * i + 3]):
        for low, high in (MODEL.joint(servo).range, MODEL.actuator(servo).ctrlrange):
            assert low < angle.min() < angle.max() < high


def test_a_servo_without_load_reaches_123_turns_a_minute():
    joint, servo = MODEL.joint("FL_tilt"), MODEL.actuator("FL_tilt")
    spec = mujoco.MjSpec()
    body = spec.worldbody.add_body(mass=1e-3, inertia=[1e-8] * 3, ipos=[0, 0, 0])
    body.add_joint(name="shaft", damping=[joint.damping[0], 0, 0], armature=joint.armature[0])
    low, high = servo.forcerange
    gain, bias = servo.gainprm.tolist(), servo.biasprm.tolist()
    motor = spec.add_actuator(target="shaft", trntype=mujoco.mjtTrn.mjTRN_JOINT, forcerange=[low, high], forcelimited=1)
    motor.gainprm, motor.biasprm, motor.biastype = gain, bias, mujoco.mjtBias.mjBIAS_AFFINE
    model = spec.compile()
    data = mujoco.MjData(model)
    data.ctrl[0] = 1e6
    mujoco.mj_step(model, data, 1000)
    assert data.qvel[0] * 60 / (2 * np.pi) == pytest.approx(123, rel=0.02)


def test_a_servo_pushes_with_600_mNm_at_most_and_from_nine_degrees_off():
    data = at_home()
    data.ctrl[:] += np.radians(9)
    mujoco.mj_forward(MODEL, data)
    np.testing.assert_allclose(data.actuator_force, 0.6, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_legs_stay_closed_whatever_the_servos_are_told(seed):
    data, rng, gaps = at_home(), np.random.default_rng(seed), []
    for _ in range(300):
        data.ctrl[:] = rng.uniform(*MODEL.actuator_ctrlrange.T)
        for _ in range(5):
            mujoco.mj_step(MODEL, data)
            mujoco.mj_kinematics(MODEL, data)
            gaps.append(loop_gaps(data).max())
    assert max(gaps) < 1e-3 and not any(warning.number for warning in data.warning)
