"""Every perturbation of the quadruped has the effect that its name promises: change it, measure the effect."""

import mujoco
import numpy as np
import pytest

from controllers.leg_names import JOINTS, LEG_NAMES
from envs.residual_walk.task import ResidualWalkTask
from envs.residual_walk_env import ResidualWalkVectorEnv


def perturbed(values, n=1):
    env = ResidualWalkVectorEnv(n)
    env.perturb({name: np.full(n, value) for name, value in values.items()}, np.arange(n))
    env.reset(seed=0)
    return env


def test_every_range_has_its_nominal_value_and_changes_of_its_own():
    task = ResidualWalkTask()
    assert task.ranges.keys() == task.factors.keys() and task.default_perturbation in task.factors
    assert all(own.low <= own.nominal <= own.high for own in task.ranges.values())


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_latency_brings_every_control_so_many_steps_late_and_the_home_pose_before_the_first(steps):
    env, home = perturbed({"latency": steps}, n=2), ResidualWalkTask().sim.model.key("home").ctrl
    for actions in np.random.default_rng(0).uniform(-1, 1, (2, 8, 2, 12)):  # in every episode
        env.reset()
        sent, arrived = [], []
        for action in actions:
            env.step(action)
            sent.append(env.task.commanded.copy())
            arrived.append(env.task.sim.bind("ctrl").copy())
        np.testing.assert_array_equal(arrived, [np.tile(home, (2, 1))] * steps + sent[: 8 - steps])


def test_latency_is_one_robots_own_and_gone_when_it_is_asked_for_no_more():
    env = ResidualWalkVectorEnv(2)
    env.perturb({"latency": np.array([2.0])}, np.array([1]))
    env.reset(seed=0)
    assert env.task.randomisation.steps_late.tolist() == [0, 2]
    env.perturb({"latency": np.array([0.0, 1.0])}, np.array([1, 0]))
    env.reset(options={"reset_mask": np.array([True, False])})
    assert env.task.randomisation.steps_late.tolist() == [1, 2]
    env.reset()
    assert env.task.randomisation.steps_late.tolist() == [1, 0]


def test_a_latency_that_cannot_be_is_said():
    with pytest.raises(ValueError, match="latency must be a whole number in 0 to 5"):
        perturbed({"latency": 9.0})


@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_servo_damping_scales_the_torque_against_a_servos_turning(scale):
    model = perturbed({"servo_damping": scale}).task.sim.get_model(0)
    data = mujoco.MjData(model)
    mujoco.mj_resetDataKeyframe(model, data, 0)
    data.qvel[:] = 0.3
    mujoco.mj_forward(model, data)
    for joint in JOINTS:  # 0.0466 N m s/rad: stall torque by no-load speed, from the servo's data sheet
        assert data.qfrc_passive[model.joint(joint).dofadr[0]] == pytest.approx(-0.0466 * scale * 0.3)
    elbows = [model.joint(i).name for i in range(model.njnt) if "elbow" in model.joint(i).name]
    assert elbows and all(model.dof_damping[model.joint(name).dofadr[0]] == pytest.approx(2e-4) for name in elbows)


def test_half_the_gravity_is_half_the_weight_on_the_feet():
    model = perturbed({"gravity": 0.5}).task.sim.get_model(0)
    data = mujoco.MjData(model)
    mujoco.mj_resetDataKeyframe(model, data, 0)
    mujoco.mj_step(model, data, 500)
    mujoco.mj_forward(model, data)
    forces = [data.sensor(f"{leg}_foot_force").data[0] for leg in LEG_NAMES]
    assert sum(forces) == pytest.approx(0.496 * 9.81 / 2, rel=1e-2)


VARIED = {name: (low, high) for name, low, high in [("mass", 0.8, 1.3), ("friction", 0.6, 1.4), ("servo_gain", 0.8, 1.2)]}


@pytest.mark.parametrize("held", [{"latency": 3.0}, {"mass": 1.7}, {"gravity": 0.7}, {"servo_damping": 2.0}])
def test_what_is_held_in_one_simulation_leaves_what_the_others_draw(held):
    variation = VARIED | {"action_delay": 0.5, "push_speed": 0.2}
    env, alike = (ResidualWalkVectorEnv(20, variation=variation, max_episode_steps=20) for _ in range(2))
    env.perturb({name: np.array([value]) for name, value in held.items()}, np.array([3]))
    others = np.arange(20) != 3
    rows = [vector.reset(seed=0)[0] for vector in (env, alike)]
    late = [vector.task.randomisation.steps_late[others] for vector in (env, alike)]
    assert 0 < late[0].sum() < 19
    for _ in range(45):
        np.testing.assert_array_equal(rows[0][others], rows[1][others])
        rows = [vector.step(np.full((20, 12), 0.2))[0] for vector in (env, alike)]
    for name in VARIED:
        values = [vector.task.variation.values[name][others] for vector in (env, alike)]
        np.testing.assert_array_equal(*values)
        assert np.ptp(values[0]) > 0
    np.testing.assert_array_equal(*(vector.task.randomisation.steps_late[others] for vector in (env, alike)))
