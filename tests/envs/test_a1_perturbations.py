"""Every perturbation of the A1 has the effect that its name promises: change it, measure the effect."""

from pathlib import Path

import mujoco
import numpy as np
import pytest

from controllers.leg_names import LEG_NAMES
from envs.a1.task import A1Task
from envs.a1_env import A1VectorEnv

WEIGHT = 12.454 * 9.81  # N


def perturbed(name, value):
    """Returns the model of a robot with one perturbed parameter, its data in the keyframe's pose, and the environment."""
    env = A1VectorEnv(1)
    env.perturb({name: np.array([value])}, np.array([0]))
    env.reset(seed=0)
    model = env.task.sim.get_model(0)
    data = mujoco.MjData(model)
    mujoco.mj_resetDataKeyframe(model, data, 0)
    return model, data, env


def foot_forces(model, data):
    """Returns the forces on the feet, N, of a robot after 2 s of standing."""
    mujoco.mj_step(model, data, 800)
    mujoco.mj_forward(model, data)
    return np.array([data.sensor(f"{leg}_foot_force").data[0] for leg in LEG_NAMES])


@pytest.mark.parametrize(("name", "value"), [("mass", 1.3), ("gravity", 0.7)])
def test_mass_and_gravity_scale_the_weight_on_the_feet_and_the_measured_weight(name, value):
    model, data, env = perturbed(name, value)
    assert foot_forces(model, data).sum() == pytest.approx(value * WEIGHT, rel=0.01)
    assert env.step(np.zeros((1, 12)))[4]["weight"][0] == pytest.approx(value * WEIGHT)


@pytest.mark.parametrize(("name", "heavier"), [("mass_offset_x", (0, 1)), ("mass_offset_y", (0, 2))])
def test_a_shifted_mass_loads_the_feet_on_its_side(name, heavier):
    model, data, _ = perturbed(name, 0.1)
    forces, nominal = foot_forces(model, data), foot_forces(*perturbed(name, 0.0)[:2])
    assert ((forces - nominal > 3.0) == np.isin(range(4), heavier)).all()


def test_inertia_slows_a_turn_and_leaves_the_mass():
    def turns(value):
        model, data, _ = perturbed("inertia", value)
        data.qpos[2], data.qfrc_applied[5] = 2.0, 1.0
        mujoco.mj_forward(model, data)
        return data.qacc[5], model.body_mass.sum()

    (fast, mass), (slow, same) = turns(1.0), turns(2.0)
    assert slow < 0.9 * fast and same == mass


def torque(name, value, error, speed=0.0):
    """Returns the torque of the servos, N m, at an angle `error` below the target, rad, and a speed, rad/s."""
    model, data, _ = perturbed(name, value)
    data.ctrl[:], data.qvel[6:] = data.qpos[7:] + error, speed
    mujoco.mj_forward(model, data)
    return data.actuator_force


@pytest.mark.parametrize(
    ("name", "error", "speed", "wanted"),
    [("servo_strength", 0.8, 0.0, 33.5 * 0.7), ("servo_gain", 0.1, 0.0, 6.0 * 0.7), ("servo_damping", 0.1, 0.2, 6.0 - 1.4)],
)
def test_a_servo_has_the_scaled_strength_stiffness_and_damping(name, error, speed, wanted):
    low_and_high = np.abs(torque(name, 0.7, np.array([error, error, -error] * 4), np.array([speed, speed, -speed] * 4)))
    np.testing.assert_allclose(low_and_high, wanted, rtol=1e-9)


def test_joint_friction_adds_to_the_torque_against_a_turning_joint():
    model, data, _ = perturbed("joint_friction", 0.5)
    data.qpos[2], data.qvel[6:] = 2.0, np.tile([1.0, -1.0, 1.0], 4)
    data.ctrl[:] = data.qpos[7:] + data.qvel[6:] * 10 / 60  # no torque of the servos
    mujoco.mj_forward(model, data)
    np.testing.assert_allclose(data.qfrc_constraint[6:], -0.7 * data.qvel[6:], rtol=1e-3)


def test_on_less_friction_the_robot_slides_farther():
    def slides(value):
        model, data, _ = perturbed("friction", value)
        data.qvel[1] = 1.0
        mujoco.mj_step(model, data, 300)
        return data.qpos[1]

    assert slides(0.1) > 0.2 > 2 * slides(1.0)


@pytest.mark.parametrize("steps", [0, 2])
def test_latency_brings_the_targets_so_many_steps_late_and_the_initial_pose_before(steps):
    _, _, env = perturbed("latency", steps)
    home, sent, arrived = env.model.key("home").ctrl, [], []
    for action in np.random.default_rng(0).uniform(-1, 1, (5, 1, 12)):
        env.step(action)
        sent.append(env.task.targets[0])
        arrived.append(env.task.sim.ctrl[0].copy())
    np.testing.assert_array_equal(arrived, [home] * steps + sent[: 5 - steps])


def test_every_parameter_stands_in_a_test_of_this_file():
    text = Path(__file__).read_text()
    assert [name for name in A1Task.parameters if f'"{name}"' not in text] == []
