"""A cube seen up to its symmetries: what looks the same is told the same, behaves the same, and nothing else is lost."""

from itertools import permutations, product

import numpy as np
from scipy.spatial.transform import Rotation

from envs.cube_in_hand_env import CubeInHandVectorEnv
from envs.cube_symmetry import CUBE_ROTATIONS, least_turned
from utils.rotations import quat_product

AXES = [np.diag(signs)[list(order)] for order in permutations(range(3)) for signs in product((-1.0, 1.0), repeat=3)]
GROUP = Rotation.from_matrix([axes for axes in AXES if np.linalg.det(axes) > 0])  # axes to axes, and nothing mirrored
DEGREES_AWAY = np.degrees(2 * np.arccos((2 + np.sqrt(2)) / 4)) + 1e-6  # no rotation is farther from all 24


def rotations(quat):
    return Rotation.from_quat(quat, scalar_first=True)


def started(n, **changes):
    env = CubeInHandVectorEnv(n, num_threads=1, **changes)
    env.reset(seed=4)
    return env


def test_the_24_rotations_are_those_that_bring_a_cube_onto_itself():
    apart = np.array([[(one.inv() * other).magnitude() for other in GROUP] for one in rotations(CUBE_ROTATIONS)])
    assert apart.shape == (24, 24) and sorted(apart.argmin(1)) == [*range(24)] and apart.min(1).max() < 1e-6


def test_of_all_24_the_one_is_taken_that_leaves_the_cube_turned_least():
    quats = Rotation.random(2000, random_state=0).as_quat(scalar_first=True)
    told = quat_product(quats, least_turned(quats))
    least = np.min([(rotations(quats) * turn).magnitude() for turn in GROUP], axis=0)
    np.testing.assert_allclose(rotations(told).magnitude(), least, atol=1e-6)
    assert (told[:, 0] > 0).all() and np.degrees(least.max()) < DEGREES_AWAY


def played(env, steps=40):
    """Returns observations (steps, 24, 92) and rewards (steps, 24) of cubes that look the same, as do their ways."""
    before = Rotation.from_rotvec([0.0, 0.0, 0.3]) * GROUP
    env.task.sim.qpos[:, 19:23] = before.as_quat(scalar_first=True)
    env.task.sim.bind("mocap_quat")[:, 0] = (Rotation.from_rotvec([0.5, -1.0, 0.4]) * before).as_quat(scalar_first=True)
    rng = np.random.default_rng(1)
    env.step(np.zeros((24, 12)))  # whose observation and reward are also of the start that was overwritten
    rows = [env.step(np.tile(rng.uniform(-1, 1, 12), (24, 1)))[:2] for _ in range(steps)]
    return tuple(map(np.array, zip(*rows)))


def test_cubes_that_look_the_same_are_told_the_same_and_behave_the_same():
    observations, rewards = played(started(24, up_to_symmetry=True))
    np.testing.assert_allclose(observations, np.tile(observations[:, :1], (24, 1)), atol=1e-6)
    np.testing.assert_allclose(rewards, np.tile(rewards[:, :1], 24), atol=1e-6)
    plain, same = played(started(24))
    assert np.ptp(plain[-1], axis=0).max() > 1.0 and np.ptp(rewards[:, 0]) > 0.01
    np.testing.assert_array_equal(rewards, same)  # what is told changes nothing in the hand


def test_all_that_is_left_out_is_which_side_is_which():
    env, plain = started(8, up_to_symmetry=True), started(8)
    rng = np.random.default_rng(2)
    for other in (env, plain):
        turned = Rotation.random(8, random_state=3).as_quat(scalar_first=True)
        other.task.sim.qpos[:, 19:23] = turned
    for _ in range(10):
        action = rng.uniform(-1, 1, (8, 12))
        told, whole = (other.step(action)[0].astype(float) for other in (env, plain))
        where = env.task.observation.slices
        told, whole = ({name: row[:, where[name]] for name in where} for row in (told, whole))
    seen = [name for name in where if name.removeprefix("earlier_") in ("cube_quat", "target_quat")]
    assert len(seen) == 4 and all(np.abs(told[name] - whole[name]).max() > 0.1 for name in seen)
    for name in set(where) - set(seen):
        np.testing.assert_array_equal(told[name], whole[name])
    turns = [rotations(whole[name]).inv() * rotations(told[name]) for name in seen]  # one and the same, of the group
    for turn in turns:
        assert max((turn * turns[0].inv()).magnitude()) < 1e-3 > max((one.inv() * GROUP).magnitude().min() for one in turn)
    assert (told["cube_quat"][:, 0] > np.cos(np.radians(DEGREES_AWAY / 2))).all()
