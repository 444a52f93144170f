"""Sensor readings by name equal those of MuJoCo."""

import gymnasium as gym
import mujoco
import numpy as np
import pytest
from mujoco.batch import Batch

from envs.locomotion.ground import load_model
from envs.residual_walk.scene import SCENE
from utils.sensor_utils import SensorReader

MODEL = load_model(SCENE)
LEGS = ("FL", "FR", "RL", "RR")
BODY = ["body_pos", "body_quat", "body_linvel", "body_angvel"]
SERVOS = [f"{leg}_{joint}" for leg in LEGS for joint in ("tilt", "shoulder_L", "shoulder_R")]
READINGS = {
    "get_body_state": (13, BODY),
    "get_joint_states": (24, [f"{joint}_pos" for joint in SERVOS] + [f"{joint}_vel" for joint in SERVOS]),
    "get_foot_positions": (12, [f"{leg}_foot_pos" for leg in LEGS]),
    "get_foot_velocities": (12, [f"{leg}_foot_vel" for leg in LEGS]),
    "get_foot_forces": (4, [f"{leg}_foot_force" for leg in LEGS]),
}


def moving_robot(seed):
    """Returns a robot that is falling."""
    data = mujoco.MjData(MODEL)
    mujoco.mj_resetDataKeyframe(MODEL, data, 0)
    data.qvel[:] = np.random.default_rng(seed).normal(0, 0.3, MODEL.nv)
    mujoco.mj_step(MODEL, data, 30)
    mujoco.mj_forward(MODEL, data)
    return data


def mujocos_own(data, names):
    return np.concatenate([data.sensor(name).data for name in names])


@pytest.mark.parametrize("reading", READINGS)
def test_one_robots_readings_are_mujocos(reading):
    size, names = READINGS[reading]
    data = moving_robot(0)
    values = getattr(SensorReader(MODEL, data), reading)()
    assert values.shape == (size,) and values.any()
    np.testing.assert_array_equal(values, mujocos_own(data, names))


@pytest.mark.parametrize("reading", READINGS)
def test_many_robots_are_read_at_once(reading):
    robots, (size, names) = [moving_robot(seed) for seed in range(3)], READINGS[reading]
    array = np.array([data.sensordata for data in robots])
    values = getattr(SensorReader(MODEL, array), reading)()
    assert values.shape == (3, size)
    np.testing.assert_array_equal(values, [mujocos_own(data, names) for data in robots])


def test_a_batch_is_read_live():
    sim, data = Batch(MODEL, 2, 1, persistent=True), mujoco.MjData(MODEL)
    reader = SensorReader(MODEL, sim)
    sim.reset(keyframe=0)
    for nstep in (20, 30):
        sim.step(nstep=nstep, stage=int(mujoco.mjtStage.mjSTAGE_VEL))
        for i in range(2):
            sim.get_data(i, data)
            np.testing.assert_array_equal(reader.read_sensors(BODY)[i], mujocos_own(data, BODY))
    assert data.time == pytest.approx(0.1) and reader.get_foot_forces().shape == (2, 4)


def test_one_sensor_has_its_own_size():
    reader = SensorReader(MODEL, moving_robot(0))
    for name, size in (("body_quat", 4), ("FL_foot_pos", 3), ("FL_tilt_vel", 1)):
        assert reader.read_sensor(name).shape == (size,)


def test_readings_are_copies():
    data = moving_robot(0)
    before, readings = data.sensordata.copy(), SensorReader(MODEL, data)
    for values in (readings.read_sensor("body_pos"), readings.read_sensors(BODY), readings.get_joint_states()):
        values[:] = 99.0
    np.testing.assert_array_equal(data.sensordata, before)


def test_neighbouring_sensors_are_a_slice():
    data = moving_robot(0)
    names = READINGS["get_joint_states"][1]
    place = SensorReader(MODEL, data).slice(names)
    np.testing.assert_array_equal(data.sensordata[place], mujocos_own(data, names))
    assert np.shares_memory(data.sensordata[place], data.sensordata)


@pytest.mark.parametrize("names", [["body_pos", "body_angvel"], ["FR_tilt_pos", "FL_tilt_pos"], ["body_pos"] * 2])
def test_sensors_that_do_not_follow_one_another_are_no_slice(names):
    with pytest.raises(ValueError, match=f"{names[0]}, {names[1]} must follow one another"):
        SensorReader(MODEL, moving_robot(0)).slice(names)


def test_an_unknown_sensor_names_the_nearest_and_all_others():
    reader = SensorReader(MODEL, moving_robot(0))
    for read in (reader.read_sensor, lambda name: reader.read_sensors([name]), lambda name: reader.slice([name])):
        with pytest.raises(ValueError, match=r"'FL_tilt_position', did you mean FL_tilt_pos\?.*body_pos.*force"):
            read("FL_tilt_position")


@pytest.mark.parametrize(("env_id", "positions"), [("ResidualWalk-v0", 12), ("RealAnt-v0", None), ("A1-v0", None)])
def test_every_robot_with_feet_reads_their_forces(env_id, positions):
    env = gym.make(f"envs:{env_id}")
    env.reset(seed=0)
    reader = env.unwrapped.sensor_reader
    assert reader.get_foot_forces().shape[-1] == len(reader.feet) == 4
    if positions is None:
        with pytest.raises(ValueError, match=r"no sensor is called '.*_foot_pos'"):
            reader.get_foot_positions()
    else:
        assert reader.get_foot_positions().shape[-1] == positions
    env.close()
