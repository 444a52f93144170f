"""Perturbations of the Shadow hand: each has the named effect, relative to the nominal model, from the next reset on."""

import gymnasium as gym
import mujoco
import numpy as np
import pytest

import envs  # noqa: F401
from envs.shadow_hand_env import ShadowHandEnv
from envs.wrappers import Perturbation

HINGES, OBJECT_Z = 24, 26
THUMB = 19  # the thumb's rotator: the only hinge that turns about its own axis and carries little mass


@pytest.fixture(scope="module")
def env():
    return ShadowHandEnv("block")


@pytest.fixture
def physics(env):
    """Returns f(factors, *disabled) -> model and data of a reset hand, with these parts of the physics disabled."""

    def started(factors, *disabled):
        env.perturb({name: np.array([factors.get(name, 1.0)]) for name in env.perturbations})
        env.reset(seed=0)
        env.model.opt.disableflags = sum(int(flag) for flag in disabled)
        return env.model, env.data

    yield started
    env.model.opt.disableflags = 0
    env.perturb({name: np.array([1.0]) for name in env.perturbations})


OFF = mujoco.mjtDisableBit


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.3])
def test_gravity_scale_is_how_fast_an_object_falls(physics, scale):
    model, data = physics({"gravity_scale": scale}, OFF.mjDSBL_CONTACT)
    data.qvel[:] = 0
    mass, drag, dt = model.body("object").mass.item(), 0.01, model.opt.timestep
    for _ in range(100):
        mujoco.mj_step(model, data)
    # The object's joint is damped implicitly: v <- (v + dt g) / (1 + dt drag / mass), 100 times from rest.
    kept = 1 / (1 + dt * drag / mass)
    assert data.qvel[OBJECT_Z] == pytest.approx(-9.81 * scale * dt * kept * (1 - kept**100) / (1 - kept), rel=1e-6)


@pytest.mark.parametrize("scale", [0.7, 1.0, 1.3])
def test_torque_scale_multiplies_what_the_servos_give_and_not_their_targets(physics, scale):
    def torques(factors):
        model, data = physics(factors)
        data.qpos[:HINGES] = 0.1
        data.ctrl = model.actuator_ctrlrange[:, 1]  # close to some hinges, and far enough from others to reach their limits
        mujoco.mj_forward(model, data)
        return data.actuator_force.copy(), data.ctrl.copy(), np.abs(data.actuator_force) >= model.actuator_forcerange[:, 1]

    nominal, targets, limited = torques({})
    scaled, same_targets, _ = torques({"torque_scale": scale})
    assert limited.any() and not limited.all()
    np.testing.assert_allclose(scaled, scale * nominal, rtol=1e-12)
    np.testing.assert_array_equal(targets, same_targets)


def test_torque_scale_is_the_stiffness_against_a_load(physics):
    def deflection(scale):
        model, data = physics({"torque_scale": scale}, OFF.mjDSBL_CONTACT, OFF.mjDSBL_GRAVITY, OFF.mjDSBL_FRICTIONLOSS)
        ends = []
        for load in (0.0, 0.05):
            data.qfrc_applied[THUMB] = load
            for _ in range(2000):
                mujoco.mj_step(model, data)
            ends.append(data.qpos[THUMB])
        return ends[1] - ends[0]

    assert deflection(1.0) == pytest.approx(0.05 / 1.0, rel=0.01)  # N m per unit of kp (N m/rad)
    assert deflection(1.3) == pytest.approx(0.05 / 1.3, rel=0.01)


@pytest.mark.parametrize("scale", [0.8, 1.0, 1.2])
def test_joint_damping_brakes_the_hinges_in_proportion_and_never_the_object(physics, scale):
    model, data = physics({"joint_damping": scale}, OFF.mjDSBL_CONTACT)
    data.qvel[:] = 0.5
    mujoco.mj_forward(model, data)
    nominal = np.array([0.5] * 2 + [0.1] * 22 + [0.01] * 12)  # N m s/rad; the last twelve belong to object and target
    np.testing.assert_allclose(data.qfrc_damper[:HINGES], -0.5 * scale * nominal[:HINGES], rtol=1e-12)
    np.testing.assert_allclose(data.qfrc_damper[HINGES:], -0.5 * nominal[HINGES:], rtol=1e-12)


@pytest.mark.parametrize(("damping", "friction"), [(1.0, 1.0), (1.0, 20.0), (1.2, 1.0), (0.8, 40.0)])
def test_under_a_load_a_hinge_turns_as_fast_as_damping_and_friction_leave_it(physics, damping, friction):
    factors = {"joint_damping": damping, "joint_friction": friction}
    model, data = physics(factors, OFF.mjDSBL_CONTACT, OFF.mjDSBL_GRAVITY, OFF.mjDSBL_ACTUATION, OFF.mjDSBL_LIMIT)
    load = 0.06  # N m
    data.qvel[:] = data.qpos[:HINGES] = 0
    data.qfrc_applied[THUMB] = load
    for _ in range(100):
        mujoco.mj_step(model, data)
    assert data.qvel[THUMB] == pytest.approx((load - 0.001 * friction) / (0.1 * damping), rel=0.03)


def test_a_load_below_the_friction_moves_nothing(physics):
    def turned(friction):
        off = (OFF.mjDSBL_CONTACT, OFF.mjDSBL_GRAVITY, OFF.mjDSBL_ACTUATION, OFF.mjDSBL_LIMIT)
        model, data = physics({"joint_friction": friction}, *off)
        data.qvel[:] = data.qpos[:HINGES] = 0
        data.qfrc_applied[THUMB] = 0.02
        for _ in range(250):
            mujoco.mj_step(model, data)
        return data.qpos[THUMB]

    assert turned(50.0) < 0.1 * turned(1.0)  # a small speed, because MuJoCo's friction is soft


def test_friction_stays_off_the_object(physics):
    model, _ = physics({"joint_friction": 50.0})
    np.testing.assert_allclose(model.dof_frictionloss, [0.05] * HINGES + [0.0] * 12)


def fields(env):
    model = env.model
    return np.concatenate(
        [
            *(model.actuator_gainprm.ravel(), model.actuator_biasprm.ravel(), model.actuator_forcerange.ravel()),
            *(model.dof_damping, model.dof_frictionloss, model.opt.gravity),
        ]
    )


def test_scales_never_pile_up_and_one_puts_everything_back():
    env = ShadowHandEnv("egg")
    first, _ = env.reset(seed=2)
    nominal = fields(env)
    for _ in range(3):
        env.perturb({name: np.array([1.3]) for name in env.perturbations})
        env.reset()
    assert env.model.actuator_gainprm[0, 0] == 5 * 1.3 and env.model.opt.gravity[2] == -9.81 * 1.3
    env.perturb({name: np.array([1.0]) for name in env.perturbations})
    np.testing.assert_array_equal(env.reset(seed=2)[0], first)
    np.testing.assert_array_equal(fields(env), nominal)


def test_a_perturbation_waits_for_the_reset_and_is_in_its_first_observation():
    env, nominal = ShadowHandEnv("block"), ShadowHandEnv("block")
    for own in (env, nominal):
        own.reset(seed=0)
    env.perturb({"gravity_scale": np.array([1.05])})
    np.testing.assert_array_equal(env.step(np.zeros(20))[0], nominal.step(np.zeros(20))[0])
    assert (env.reset(seed=1)[0] != nominal.reset(seed=1)[0]).any()


@pytest.mark.parametrize("name", list(ShadowHandEnv.perturbations))
def test_both_ends_of_every_usual_range_change_the_episode(name):
    def end(scale):
        env = Perturbation(ShadowHandEnv("block"), {"mode": "fixed", "params": {name: scale}})
        _, info = env.reset(seed=0)
        for action in np.random.default_rng(0).uniform(-1, 1, (30, 20)):
            _, _, _, _, info = env.step(action)
        assert info["perturb_spec"] == {name: scale}
        return env.unwrapped.data.qpos[:HINGES].copy()

    own = ShadowHandEnv.perturbations[name]
    for scale in {own.low, own.high} - {1.0}:
        assert np.abs(end(scale) - end(1.0)).max() > 0.003  # rad


def test_every_simulation_of_a_vector_has_its_own():
    spec = {"mode": "range", "params": {"torque_scale": [0.7, 1.3]}}
    vector = Perturbation(gym.make_vec("ShadowHandPen-v0", 3, max_episode_steps=4), spec)
    singles = [Perturbation(gym.make("ShadowHandPen-v0"), spec) for _ in range(3)]
    rows, info = vector.reset(seed=5)
    for i, env in enumerate(singles):
        row, own = env.reset(seed=5 + i)
        np.testing.assert_array_equal(rows[i], row)
        assert info["perturb_spec"]["torque_scale"][i] == own["perturb_spec"]["torque_scale"]
    gains = [env.unwrapped.model.actuator_gainprm[0, 0] / 5 for env in vector.unwrapped.envs]
    np.testing.assert_allclose(gains, info["perturb_spec"]["torque_scale"])
    assert len(set(gains)) == 3
    for _ in range(4):
        _, _, _, _, info = vector.step(np.zeros((3, 20)))
    again = [env.unwrapped.model.actuator_gainprm[0, 0] / 5 for env in vector.unwrapped.envs]
    np.testing.assert_allclose(again, info["reset_info"]["perturb_spec"]["torque_scale"])
    assert not set(gains) & set(again)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"joint_dampin": np.array([1.0])}, "did you mean joint_damping"),
        ({"torque_scale": np.array([-0.1])}, "torque_scale must lie in 0 to 10, got -0.1"),
        ({"gravity_scale": np.array([np.nan])}, "got nan"),
    ],
)
def test_a_wrong_perturbation_gets_one_sentence(env, values, words):
    with pytest.raises(ValueError, match=words):
        env.perturb(values)
