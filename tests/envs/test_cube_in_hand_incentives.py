"""Behaviour that each of CubeInHand-v0's two rewards pays for, played by scripted hands."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from envs.cube_in_hand_env import CubeInHandVectorEnv

REWARDS = ("progress", "dense")
EPISODE = 1000  # steps
INDEX_PIP = 6  # servo


def play(env, actions, target=None):
    """Plays `actions` (t, n, 12); returns rewards, cube orientations, distances and ends, (t, n, ...) each."""
    env.reset(seed=0)
    if target is not None:
        env.task.sim.bind("mocap_quat")[:, 0] = target
        env.task.sense()
    rows = []
    for action in actions:
        _, reward, terminated, _, info = env.step(action)
        rows.append((reward, env.task.sim.qpos[:, -4:].copy(), info["rotation_distance"], terminated))
    return [np.array(column) for column in zip(*rows)]


def scripts(n, steps, hold=20):
    """Returns random actions (steps, n, 12), each repeated for `hold` steps: most hands turn their cubes, some drop them."""
    phases = np.random.default_rng(3).uniform(-1, 1, (-(-steps // hold), n, 12))
    return np.repeat(phases, hold, axis=0)[:steps]


@pytest.mark.parametrize("reward", REWARDS)
def test_dropping_the_cube_pays_under_the_dense_reward_and_never_under_the_default_one(reward):
    rewards, _, distances, ends = play(CubeInHandVectorEnv(48, reward=reward), scripts(48, 160))
    droppers = np.flatnonzero(ends.any(axis=0))
    assert len(droppers) >= 3
    for i in droppers:
        last = ends[:, i].argmax() + 1
        dropped = rewards[:last, i].sum()
        kept = -EPISODE * distances[0, i] if reward == "dense" else 0.0  # by a hand that keeps still until the end
        assert (dropped > kept) == (reward == "dense")


def test_no_way_of_keeping_the_cube_is_as_bad_as_dropping_it():
    weights = CubeInHandVectorEnv(1).config.weights
    assert -weights.drop > np.pi * weights.progress - EPISODE * weights.effort


@pytest.mark.parametrize("reward", REWARDS)
def test_hovering_short_of_the_target_pays_under_the_dense_reward_and_reaching_it_under_the_default_one(reward):
    hover, solve = np.zeros((2, 300, 12))
    solve[:10, INDEX_PIP] = 1.0  # pushes the cube a little
    still, pushed = play(CubeInHandVectorEnv(2), np.stack([hover, solve], axis=1))[1][-1]
    nudge = Rotation.from_quat(pushed, scalar_first=True) * Rotation.from_quat(still, scalar_first=True).inv()
    vector = nudge.as_rotvec()
    way = Rotation.from_rotvec(vector * (0.35 / nudge.magnitude())) * Rotation.from_quat(still, scalar_first=True)
    target = way.as_quat(scalar_first=True)
    rewards, _, distances, _ = play(CubeInHandVectorEnv(2, reward=reward), np.stack([hover, solve], axis=1), target)
    assert distances[:, 0] == pytest.approx(0.35, abs=0.01) and (distances[:, 1] < 0.3).any()
    hovering, solving = rewards.sum(axis=0)
    assert (solving > hovering) == (reward == "progress")
