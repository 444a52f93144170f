"""Every perturbation of CubeInHand-v0 has the effect that its name promises: change it, measure the effect."""

import gymnasium as gym
import mujoco
import numpy as np
import pytest

import envs  # noqa: F401
from envs.cube_in_hand.task import TIPS, CubeInHandTask
from envs.wrappers import Perturbation
from utils.variation import Variation

NAMES = """object_mass object_inertia cube_friction fingertip_friction actuator_kp actuator_kv contact_damping
gravity_scale""".split()
G, MASS, HALF, INERTIA = 9.81, 0.033, 0.0255, 0.033 * 0.051**2 / 6
PAD = 0.126  # m along straight fingers, from the middle of the palm to the middle of the fingertips
THUMB_IP = 15  # joint and dof
CUBE = 16  # first degree of freedom


def perturbed(timestep=0.001, **factors):
    """Returns the model of a hand with these factors, and its data at home."""
    sim = CubeInHandTask().sim
    variation = Variation(sim, {name: CubeInHandTask.factors[name] for name in factors})
    variation.apply({name: np.array([factor]) for name, factor in factors.items()}, np.array([0]))
    model = sim.get_model(0)
    model.opt.timestep = timestep
    data = mujoco.MjData(model)
    mujoco.mj_resetDataKeyframe(model, data, 0)
    mujoco.mj_forward(model, data)
    return model, data


def level(model, data):
    """Rotates gravity so that the palm is level; returns the palm's axes x, y, z in the world."""
    axes = data.body("palm").xmat.reshape(3, 3).T.copy()
    model.opt.gravity[:] = axes[2] * -np.linalg.norm(model.opt.gravity)
    return axes


def lay_on_fingertips(model, data, axes):
    """Straightens the fingers and puts the cube on their tips, so that only the tips carry it."""
    data.qpos[:16], data.ctrl[:] = 0.0, 0.0
    data.qpos[16:19] = data.body("palm").xpos + [PAD, 0.0, HALF + 0.0055] @ axes
    data.qpos[19:23] = data.body("palm").xquat
    mujoco.mj_step(model, data, 300)
    assert {model.geom(geom).name for pair in data.contact.geom for geom in pair} == {"cube", *TIPS[:3]}


def slides(model, data, axes, force):
    """Returns whether the cube slides along x when pushed with `force`, N, at the height where it does not tip."""
    start = data.qpos[16:19].copy()
    for _ in range(400):
        foot = data.body("cube").xpos - HALF * axes[2]
        data.qfrc_applied[:] = 0.0
        mujoco.mj_applyFT(model, data, force * axes[0], np.zeros(3), foot, model.body("cube").id, data.qfrc_applied)
        mujoco.mj_step(model, data)
    return (data.qpos[16:19] - start) @ axes[0] > 0.004


def slip_force(on_fingertips, **factors):
    """Returns the force, in weights of the cube, at which it starts to slide: the tangent of the critical slope."""
    low, high = 0.5, 4.0
    while high - low > 0.02:
        model, data = perturbed(**factors)
        axes = level(model, data)
        if on_fingertips:
            lay_on_fingertips(model, data, axes)
        mujoco.mj_step(model, data, 100)
        middle = (low + high) / 2
        low, high = (low, middle) if slides(model, data, axes, middle * MASS * G) else (middle, high)
    return (low + high) / 2


def carried(model, data):
    """Returns the force (3,), N, of the hand on the cube."""
    mujoco.mj_forward(model, data)
    return data.qfrc_constraint[CUBE : CUBE + 3]


def accelerations(factors, force, torque):
    """Returns the accelerations, m/s^2 and rad/s^2, of a floating cube by a force along z, N, and a torque about x, N m."""
    model, data = perturbed(**factors)
    data.qpos[18] += 0.3
    model.opt.gravity[:] = 0.0
    data.qfrc_applied[CUBE + 2], data.qfrc_applied[CUBE + 3] = force, torque
    mujoco.mj_forward(model, data)
    return data.qacc[CUBE + 2], data.qacc[CUBE + 3]


def test_the_table_names_the_eight():
    assert list(CubeInHandTask.factors) == NAMES


@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_object_mass_weighs_on_the_palm_and_makes_the_cube_denser(factor):
    model, data = perturbed(object_mass=factor)
    mujoco.mj_step(model, data, 500)
    np.testing.assert_allclose(carried(model, data), [0, 0, factor * MASS * G], atol=0.02 * MASS * G)
    linear, angular = accelerations({"object_mass": factor}, force=0.1, torque=1e-4)
    assert linear == pytest.approx(0.1 / (factor * MASS)) and angular == pytest.approx(1e-4 / (factor * INERTIA))


@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_object_inertia_slows_turning_and_nothing_else(factor):
    linear, angular = accelerations({"object_inertia": factor}, force=0.1, torque=1e-4)
    assert linear == pytest.approx(0.1 / MASS) and angular == pytest.approx(1e-4 / (factor * INERTIA))


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.2])
def test_cube_friction_sets_when_the_cube_slides_on_the_palm_and_on_fingertips(factor):
    assert slip_force(False, cube_friction=factor) == pytest.approx(1.9 * factor, rel=0.05)
    assert slip_force(True, cube_friction=factor) == pytest.approx(1.9 * factor, rel=0.05)


@pytest.mark.parametrize("factor", [0.6, 1.4])
def test_fingertip_friction_sets_when_the_cube_slides_on_fingertips_alone(factor):
    assert slip_force(True, fingertip_friction=factor) == pytest.approx(1.9 * factor, rel=0.05)
    assert slip_force(False, fingertip_friction=factor) == pytest.approx(1.9, rel=0.05)


def test_the_two_frictions_multiply_on_fingertips():
    assert slip_force(True, cube_friction=0.8, fingertip_friction=0.7) == pytest.approx(1.9 * 0.56, rel=0.05)


@pytest.mark.parametrize("factor", [0.8, 1.2])
def test_actuator_kp_is_stiffness_and_moves_no_target(factor):
    model, data = perturbed(actuator_kp=factor)
    model.opt.gravity[:] = 0.0
    data.qpos[18] += 1.0
    mujoco.mj_step(model, data, 2000)
    assert data.qpos[THUMB_IP] == pytest.approx(data.ctrl[-1], abs=1e-4)
    data.qfrc_applied[THUMB_IP] = 0.3
    mujoco.mj_step(model, data, 2000)
    assert data.qpos[THUMB_IP] - data.ctrl[-1] == pytest.approx(0.3 / (3.0 * factor), rel=0.01)


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.2])
def test_actuator_kv_damps_a_joint_that_is_let_go(factor):
    model, data = perturbed(actuator_kv=factor)
    model.opt.gravity[:] = 0.0
    data.qpos[18] += 1.0
    data.qpos[THUMB_IP] = data.ctrl[-1] + 0.2
    mujoco.mj_step(model, data, 100)
    roots = np.roots([0.01, 0.3 * factor, 3.0]).astype(complex)  # of I q'' + kv q' + kp q = 0, where I is the armature
    weights = np.linalg.solve([[1, 1], roots], [0.2, 0.0])
    expected = (weights @ np.exp(0.1 * roots)).real
    assert data.qpos[THUMB_IP] - data.ctrl[-1] == pytest.approx(expected, abs=0.001)


@pytest.mark.parametrize("ratio", [0.5, 0.7, 0.9])
def test_contact_damping_sets_how_fast_a_falling_cube_rebounds(ratio):
    model, data = perturbed(timestep=0.0002, contact_damping=ratio)  # the nominal damping ratio is 1
    axes = level(model, data)
    data.qpos[16:19] += 0.02 * axes[2]
    speeds = []
    for _ in range(1000):
        mujoco.mj_step(model, data)
        speeds.append(data.qvel[CUBE : CUBE + 3] @ axes[2])
    # For a spring and damper that only push: Schwager and Poeschel, Granular Matter 9 (2007) 465.
    expected = np.exp(-2 * np.arccos(ratio) * ratio / np.sqrt(1 - ratio**2))
    assert max(speeds) / -min(speeds) == pytest.approx(expected, rel=0.03)


def test_contact_damping_leaves_stiffness_alone():
    depths = []
    for factor in (0.7, 1.3):
        model, data = perturbed(contact_damping=factor)
        mujoco.mj_step(model, data, 1000)
        depths.append(data.contact.dist.mean())
    assert depths[0] == pytest.approx(depths[1], rel=1e-3)


@pytest.mark.parametrize("factor", [0.95, 1.05])
def test_gravity_scale_is_how_fast_a_dropped_cube_falls(factor):
    model, data = perturbed(gravity_scale=factor)
    data.qpos[18] -= 0.2
    mujoco.mj_step(model, data, 100)
    assert data.qvel[CUBE + 2] == pytest.approx(-factor * G * 0.1)


@pytest.mark.parametrize("name", NAMES)
def test_scales_do_not_pile_up_and_one_is_nominal_to_the_last_bit(name):
    sim, ids = CubeInHandTask().sim, np.array([0])
    variation = Variation(sim, {name: CubeInHandTask.factors[name]})
    fields = {change.field for change in CubeInHandTask.factors[name]}
    nominal = {field: sim.expand(field).copy() for field in fields}
    for _ in range(3):
        variation.apply({name: np.array([1.3])}, ids)
    for field, entries in nominal.items():
        changed = sim.expand(field)[entries != 0] / entries[entries != 0]
        assert set(np.round(changed, 9)) <= {1.0, 1.3} and 1.3 in np.round(changed, 9)
    variation.apply({name: np.array([1.0])}, ids)
    for field, entries in nominal.items():
        np.testing.assert_array_equal(sim.expand(field), entries)


@pytest.mark.parametrize("name", NAMES)
def test_it_changes_where_the_same_actions_lead(name):
    task, ids = CubeInHandTask(num_envs=2), np.arange(2)
    Variation(task.sim, {name: CubeInHandTask.factors[name]}).apply({name: np.array([1.0, 0.8])}, ids)
    task.start(ids, [np.random.default_rng(0) for _ in ids])
    action = np.random.default_rng(1).uniform(-1, 1, 12)
    for _ in range(60):
        task.step(np.tile(action, (2, 1)))
    assert np.abs(np.diff(task.sim.qpos, axis=0)).max() > 1e-5


def test_every_factor_reaches_the_model_through_perturb_and_never_piles_up():
    env = gym.make_vec("CubeInHand-v0", num_envs=2)
    assert list(env.unwrapped.perturbations) == NAMES
    nominal = env.unwrapped.model.body("cube").mass.item()
    for _ in range(3):
        env.unwrapped.perturb({"object_mass": np.array([1.3])}, np.array([1]))
        env.reset(seed=0)
    masses = [env.unwrapped.task.sim.get_model(i).body("cube").mass.item() for i in range(2)]
    assert masses == pytest.approx([nominal, 1.3 * nominal])
    wrapped = Perturbation(gym.make("CubeInHand-v0"), {"mode": "range", "params": dict.fromkeys(NAMES, (0.9, 1.1))})
    _, info = wrapped.reset(seed=1)
    assert list(info["perturb_spec"]) == NAMES and len({*info["perturb_spec"].values()}) == len(NAMES)
