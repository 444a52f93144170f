"""Biped-v0: where episodes start, and when they end."""

import numpy as np
import pytest

from envs.biped.scene import SIDES
from envs.biped_env import BipedEnv, BipedVectorEnv
from tests.helpers.bipeds import AHEAD, HOME, STILL, posed


@pytest.mark.parametrize("terrain", [{}, {"kinds": ("rough", "slope")}])
def test_joints_start_within_their_spread_and_the_lowest_sole_on_the_ground(terrain):
    env = BipedVectorEnv(32, start_spread=0.1, terrain=terrain)
    env.reset(seed=0)
    task = env.task
    offset = task.sim.bind("qpos")[:, 7:] - HOME
    assert np.abs(offset).max() <= 0.1 and np.ptp(offset, axis=0).min() > 0.14
    soles = [task.model.geom(f"{s}_{end}_{edge}").id for s in SIDES for end in ("toe", "heel") for edge in SIDES]
    heights = task.sim.bind("geom_xpos")[:, soles, 2] - 0.01
    below = task.ground.height_below(task.body_position)
    lowest = heights.min(axis=1) - below
    assert lowest.min() > -1e-3 and lowest.max() < (0.02 if terrain else 1e-3)


@pytest.mark.parametrize(
    ("pose", "ends"),
    [({}, False), ({"z": 0.34}, True), ({"roll": 1.45, "z": 0.8}, False), ({"pitch": 1.55, "z": 0.8}, True)],
)
def test_an_episode_ends_below_the_height_and_beyond_the_tilt(pose, ends):
    assert posed(BipedEnv(), **pose).terminated().tolist() == [ends]


def last_step(steps=60, lift=0.0, **config):
    """Returns the step in which an episode ends whose left knee bends by `lift`, rad, after 0.15 s; 0 for none."""
    env = BipedEnv(longest_pause=0.2, action_scale=1.0, **config)
    env.reset(seed=0)
    for step in range(1, steps + 1):
        action = np.zeros(12)
        action[[0, 3]] = lift * (step > 15)
        _, _, terminated, *_ = env.step(action)
        if terminated:
            return step
    return 0


def test_an_episode_ends_without_a_step_for_the_longest_pause_unless_the_command_means_standing():
    assert last_step(**AHEAD) == 21 and last_step(**STILL) == 0
    assert last_step(lift=1.0, **AHEAD) not in range(1, 36)


def test_a_new_episode_has_paused_for_no_time():
    env = BipedVectorEnv(2, longest_pause=0.2, **AHEAD)
    env.reset(seed=0)
    for _ in range(21):
        _, _, terminated, *_ = env.step(np.zeros((2, 12)))
    assert terminated.all() and not env.task.pause.any()


def test_the_pause_ends_when_one_sole_is_1_cm_higher_than_the_other():
    env = BipedEnv(**AHEAD)
    env.reset(seed=0)
    action, before, seen = np.zeros(12), 0.0, set()
    action[[0, 3]] = 0.5
    for _ in range(40):
        env.step(action)
        heights = [env.data.site(f"{side}_foot").xpos[2] for side in SIDES]
        higher = abs(heights[0] - heights[1]) >= 0.01
        assert env.task.pause[0] == pytest.approx(0.0 if higher else before + 0.01)
        before = env.task.pause[0]
        seen.add(higher)
    assert seen == {True, False}


def test_an_episode_ends_when_the_trunk_touches_the_ground():
    env = BipedEnv(min_height=0.0, max_tilt=3.2)
    posed(env, z=0.2, pitch=1.5)
    assert any(env.step(np.zeros(12))[2] for _ in range(80)) and env.task.trunk_force[0] > 1.0
