"""The hand's model: specified dimensions, and physics that stays stable for every servo command."""

import mujoco
import numpy as np
import pytest

from envs.cube_in_hand.task import SCENE, TIPS
from envs.cube_in_hand_env import CubeInHandVectorEnv

MODEL = mujoco.MjModel.from_xml_path(str(SCENE))
FINGER = {"spread": (-0.10472, 0.10472), "mcp": (0.0, 1.501), "pip": (-0.1396, 1.885), "dip": (-0.1396, 1.885)}
THUMB = {"opposition": (0.0, 1.501), "abduction": (-0.1396, 0.925), "mcp": (-0.314, 1.536), "ip": (-0.314, 1.536)}
RANGES = {f"{finger}_{joint}": ends for finger in ("index", "middle", "ring") for joint, ends in FINGER.items()}
RANGES |= {f"thumb_{joint}": ends for joint, ends in THUMB.items()}
SERVOS = """index_spread middle_spread thumb_opposition index_mcp middle_mcp thumb_abduction
index_pip ring_mcp middle_pip thumb_mcp ring_pip thumb_ip""".split()


def at_home(model=MODEL):
    data = mujoco.MjData(model)
    mujoco.mj_resetDataKeyframe(model, data, model.key("home").id)
    return data


def contacts(model, data):
    """Returns, for every contact, its geoms' names, its friction, its depth, and its force in the world frame, (3,)."""
    mujoco.mj_forward(model, data)
    found, force = [], np.zeros(6)
    for i, contact in enumerate(data.contact):
        mujoco.mj_contactForce(model, data, i, force)
        names = {model.geom(contact.geom1).name, model.geom(contact.geom2).name}
        found.append((names, contact.friction, -contact.dist, contact.frame.reshape(3, 3).T @ force[:3]))
    return found


def test_the_hand_has_the_joints_ranges_and_servos_it_was_to_have():
    joints = {MODEL.joint(i).name: tuple(MODEL.joint(i).range) for i in range(16)}
    assert joints == RANGES
    assert [MODEL.actuator(i).name for i in range(MODEL.nu)] == SERVOS
    assert [MODEL.joint(i).name for i in MODEL.actuator_trnid[:, 0]] == SERVOS
    np.testing.assert_array_equal(MODEL.actuator_gainprm[:, 0], 3.0)
    np.testing.assert_array_equal(MODEL.actuator_biasprm[:, :3], np.tile([0.0, -3.0, -0.3], (12, 1)))
    np.testing.assert_array_equal(MODEL.dof_armature[:16], 0.01)
    assert not MODEL.actuator_forcelimited.any() and not MODEL.dof_damping.any() and not MODEL.dof_frictionloss.any()


def test_hand_and_cube_weigh_what_they_should():
    assert MODEL.body("palm").subtreemass[0] == pytest.approx(1.63, abs=0.01)
    assert MODEL.body("cube").mass[0] == 0.033
    np.testing.assert_allclose(MODEL.body("cube").inertia, 0.033 * 0.051**2 / 6)  # of a solid cube


def test_every_thing_has_a_name_and_every_geom_is_a_primitive():
    counts = {"body": MODEL.nbody, "joint": MODEL.njnt, "geom": MODEL.ngeom, "site": MODEL.nsite}
    counts |= {"actuator": MODEL.nu, "sensor": MODEL.nsensor, "equality": MODEL.neq, "camera": MODEL.ncam}
    assert all(getattr(MODEL, kind)(i).name for kind, count in counts.items() for i in range(count))
    assert MODEL.nmesh == MODEL.nhfield == 0


def test_the_palm_carries_the_weight_of_the_cube_at_home_and_nothing_else_touches_it():
    data = at_home()
    mujoco.mj_step(MODEL, data, 100)
    found = contacts(MODEL, data)
    assert all(names == {"palm", "cube"} for names, *_ in found)
    np.testing.assert_allclose(sum(force for *_, force in found), [0, 0, 0.033 * 9.81], atol=0.02 * 0.033 * 9.81)


@pytest.mark.parametrize("other", ["palm", *TIPS])
def test_cube_and_hand_touch_with_the_cubes_friction(other):
    data = at_home()
    place = data.body("cube").xpos if other == "palm" else data.geom(other).xpos
    mujoco.mj_forward(MODEL, data)
    data.qpos[16:19] = place
    found = [friction for names, friction, *_ in contacts(MODEL, data) if names == {other, "cube"}]
    assert found
    np.testing.assert_allclose(found, np.tile([1.9, 1.9, 0.005, 0.0001, 0.0001], (len(found), 1)))


def test_physics_holds_for_1000_steps_of_full_range_random_actions():
    env, n = CubeInHandVectorEnv(16, num_threads=1), 16
    env.reset(seed=0)
    task, rng = env.task, np.random.default_rng(0)
    qpos, coupled, past, speed = task.sim.bind("qpos"), 0.0, 0.0, 0.0
    low, high = MODEL.jnt_range[:16].T
    for step in range(1000):
        if step % 5 == 0:
            action = rng.uniform(-1, 1, (n, 12))
        env.step(action)
        coupled = max(coupled, np.abs(qpos[:, 3] - 0.575 * qpos[:, 2]).max(), np.abs(qpos[:, 8] - qpos[:, 4]).max())
        past = max(past, (qpos[:, :16] - high).max(), (low - qpos[:, :16]).max())
        speed = max(speed, np.abs(task.sim.qvel[:, 16:19]).max())
    assert task.failure_count == 0 and not task.sim.warning.any()
    assert coupled < 0.02 and past < 0.02  # rad
    assert speed < 5.0  # m/s; falling out of the hand reaches 2.2


def test_contacts_press_and_give_way_as_fingers_do():
    env = CubeInHandVectorEnv(8, num_threads=1)
    env.reset(seed=0)
    rng, depths, forces = np.random.default_rng(0), [], []
    for step in range(200):
        if step % 10 == 0:
            action = rng.uniform(-1, 1, (8, 12))
        env.step(action)
        for i in range(8 if step % 5 == 0 else 0):
            for names, _, depth, force in contacts(MODEL, env.task.sim.get_data(i)):
                if "cube" in names:
                    depths.append(depth), forces.append(np.linalg.norm(force))
    assert np.median(forces) < 20.0 and np.quantile(forces, 0.99) < 80.0  # N
    assert np.median(depths) < 0.001 and np.quantile(depths, 0.99) < 0.005  # m
