"""Failures of joints: each kind by its consequence in plain physics, their durations, and that nothing else changes."""

import mujoco
import numpy as np
import pytest
from mujoco.batch import Batch

from controllers.leg_names import JOINTS
from envs.locomotion.joint_failures import FAILURES, JointFailureConfig, JointFailures, failure_parameters
from envs.residual_walk.task import ResidualWalkTask
from utils.variation import Variation

VEL = int(mujoco.mjtStage.mjSTAGE_VEL)
XML = """
<mujoco>
  <option integrator="implicitfast"><flag gravity="disable"/></option>
  <worldbody>
    <body><joint name="a" axis="0 1 0" armature="0.01"/><geom size="0.1" pos="0.2 0 0"/></body>
    <body pos="0 1 0"><joint name="b" axis="0 1 0" armature="0.01"/><geom size="0.1" pos="0.2 0 0"/></body>
  </worldbody>
  <actuator>
    <position name="drive_a" joint="a" kp="20" kv="1" forcerange="-5 5"/>
    <motor name="drive_b" joint="b"/>
  </actuator>
</mujoco>"""
DRIVES = {"a": "drive_a", "b": "drive_b"}


def started(n=8, seed=0, **config):
    """Returns failures of n tiny robots after a reset, and their batch."""
    sim = Batch(mujoco.MjModel.from_xml_string(XML), n, 1, persistent=True)
    failures = JointFailures(Variation(sim, {}), DRIVES, JointFailureConfig(**{"share": 1.0} | config))
    reset(failures, sim, seed)
    return failures, sim


def reset(failures, sim, seed=0):
    failures.reset(np.arange(sim.nsim), [np.random.default_rng(seed + i) for i in range(sim.nsim)])
    sim.reset(stage=VEL)


def torques(failures, sim, steps):
    """Returns (steps, n, 2) what the drives give, and what they would give if nothing failed, with a constant control."""
    given, healthy = [], []
    sim.ctrl[:] = [0.1, 0.7]
    for _ in range(steps):
        failures.step()
        angle, speed = sim.qpos[:, 0].copy(), sim.qvel[:, 0].copy()
        sim.step(stage=VEL)
        given.append(sim.bind("actuator_force").copy())
        healthy.append(np.stack([np.clip(20 * (0.1 - angle) - speed, -5, 5), np.full(len(angle), 0.7)], axis=1))
    return np.array(given), np.array(healthy)


@pytest.mark.parametrize("kind", FAILURES)
def test_each_kind_of_failure_is_what_its_name_says(kind):
    failures, sim = started(kinds=(kind,))
    failing = failures.active.copy()
    assert (failing.sum(axis=1) == 1).all() and (failures.kind[failing] == FAILURES.index(kind)).all()
    given, healthy = torques(failures, sim, 30)
    np.testing.assert_allclose(given[:, ~failing], healthy[:, ~failing], rtol=1e-9)
    share = given[:, failing] / healthy[:, failing]
    turned = np.abs(sim.qvel[failing])
    if kind == "lock":
        np.testing.assert_allclose(share, 1.0)
        assert (turned < 0.001).all() and (np.abs(sim.qvel[~failing]) > 0.01).all()
    if kind == "passive":
        assert not given[:, failing].any() and not turned.any()
    if kind == "weak":
        assert (np.ptp(share, axis=0) < 1e-9).all() and (share > 0.2).all() and (share < 0.6).all()
        assert len(np.unique(share[0].round(9))) == 8
        np.testing.assert_allclose(share[0], failures.strength[failing], rtol=1e-6)
    if kind == "erratic":
        assert (np.ptp(share, axis=0) > 0.8).all() and (share >= 0).all() and (share < 1).all()


def test_a_failure_lasts_from_its_start_for_its_duration_and_comes_with_every_episode():
    failures, sim = started(kinds=("passive",), start=(3, 5), duration=(4, 6))
    for _ in range(2):
        failing = failures.kind >= 0
        given, _ = torques(failures, sim, 20)
        off = given[:, failing] == 0
        first = off.argmax(axis=0)
        assert set(first) <= {3, 4, 5} and set(off.sum(axis=0)) <= {4, 5, 6} and len(set(first)) > 1
        for steps, begins, count in zip(off.T, first, off.sum(axis=0)):
            assert steps[begins : begins + count].all()
        reset(failures, sim)
    failures, sim = started(kinds=("passive",))
    assert not torques(failures, sim, 200)[0][:, failures.kind >= 0].any()


def test_several_joints_fail_each_in_its_kind_and_at_its_time():
    failures, _ = started(400, joints=(1, 2), start=(0, 50))
    count = (failures.kind >= 0).sum(axis=1)
    assert set(count) == {1, 2} and (count == 1).mean() == pytest.approx(0.5, abs=0.1)
    both = count == 2
    for different in (
        failures.kind[both, 0] != failures.kind[both, 1],
        failures._start[both, 0] != failures._start[both, 1],
    ):
        assert different.mean() > 0.6
    with pytest.raises(ValueError, match="joints must be at most 2, the number of joints, got"):
        started(joints=(1, 3))


def test_a_parameter_of_the_perturbations_makes_its_joint_fail_for_whole_episodes():
    sim = Batch(mujoco.MjModel.from_xml_string(XML), 3, 1, persistent=True)
    variation = Variation(sim, {name: row.changes for name, row in failure_parameters(2).items()})
    failures = JointFailures(variation, DRIVES, JointFailureConfig())
    variation.override({"passive_joint": [1, -1, 0], "locked_joint": [-1, -1, 1]}, np.arange(3))
    reset(failures, sim)
    np.testing.assert_array_equal(failures.kind, [[-1, 1], [-1, -1], [1, 0]])
    given, _ = torques(failures, sim, 60)
    np.testing.assert_array_equal((given == 0).all(axis=0), failures.kind == 1)
    np.testing.assert_array_equal(np.abs(sim.qvel[:, 1]) > 0.01, [False, True, False])
    variation.override({"passive_joint": [-1, -1, -1], "locked_joint": [-1, -1, -1]}, np.arange(3))
    reset(failures, sim)
    assert not failures.active.any() and (torques(failures, sim, 5)[0][-1] != 0).all()


def test_a_failure_that_begins_is_stepped_as_plain_mujoco_steps_its_model():
    failures, sim = started(start=(2, 10), duration=(3, 8), seed=3)
    sim.ctrl[:] = [0.4, 0.2]
    for _ in range(25):
        failures.step()
        twins = [(sim.get_model(i), state) for i, state in enumerate(sim.state.copy())]
        sim.step(nstep=5, stage=VEL)
        for i, (model, state) in enumerate(twins):
            data = mujoco.MjData(model)
            mujoco.mj_setState(model, data, state, int(mujoco.mjtState.mjSTATE_INTEGRATION))
            mujoco.mj_step(model, data, 5)
            np.testing.assert_array_equal(sim.qpos[i], data.qpos)


def test_failures_come_in_their_share_and_without_one_the_model_is_not_touched():
    failures, sim = started(400, share=0.3, kinds=("lock", "weak"))
    failing = failures.kind >= 0
    assert failing.any(axis=1).mean() == pytest.approx(0.3, abs=0.06)
    assert failing.any(axis=0).all() and set(failures.kind[failing]) == {0, 2}
    np.testing.assert_array_equal(failures.active, failing)
    failures, sim = started(share=0.0)
    failures.step()
    assert sim._expanded == {} and not failures.active.any()


def test_failures_follow_from_the_seed_and_are_the_same_alone_and_among_others():
    together, alone = started(5, seed=2, kinds=("erratic", "weak")), started(1, seed=4, kinds=("erratic", "weak"))
    given = [torques(*pair, 40)[0] for pair in (together, alone)]
    np.testing.assert_array_equal(given[0][:, 2], given[1][:, 0])


@pytest.mark.parametrize("kind", FAILURES)
def test_a_quadruped_with_a_failed_servo_keeps_finite_physics_and_healthy_others(kind):
    task = ResidualWalkTask(num_envs=4)
    failures = JointFailures(task.variation, dict(zip(JOINTS, JOINTS)), JointFailureConfig(1.0, kinds=(kind,)))
    failures.reset(np.arange(4), [np.random.default_rng(i) for i in range(4)])
    task.start(np.arange(4), [np.random.default_rng(i) for i in range(4)])
    failing = failures.kind >= 0
    start = task.joint_pos[failing]
    forces, turned = [], []
    for _ in range(50):
        failures.step()
        task.step(np.zeros((4, 12)))
        forces.append(np.abs(task.sim.bind("actuator_force")[failing]))
        turned.append(np.abs(task.joint_pos[failing] - start))
    assert task.failure_count == 0
    assert (np.max(turned) < 0.01) == (kind == "lock")
    assert (np.max(forces) == 0.0) == (kind == "passive")
    assert kind != "weak" or np.max(forces) <= 0.6 * 0.6


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"share": 2.0}, "0.0 to 1.0"),
        ({"kinds": ("broken",)}, "at least one of lock, passive, weak, erratic"),
        ({"kinds": ()}, "at least one of"),
        ({"share": 0.5, "kinds": ("weak", "lock", "weak")}, "kinds must name each kind once"),
        ({"duration": (2, 4)}, "duration has no effect while share is 0"),
        ({"share": 0.0, "kinds": ("passive",)}, "kinds has no effect while share is 0"),
        ({"joints": (0, 1)}, "joints must be a range"),
        ({"start": (3, 1)}, "start must be a range"),
        ({"duration": (-1, 4)}, "duration must be a range"),
        ({"start": (10**30, 10**30)}, "start must be a range"),
        ({"duration": (0, 2**62)}, "duration must be a range"),
        ({"strength": (0.5, 1.5)}, "strength must be a range"),
    ],
)
def test_a_wrong_config_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        JointFailureConfig(**changes)
