"""The reference for the cube: a planner looks ahead on copies of the simulation and leaves the simulation unchanged."""

import numpy as np
import pytest

from benchmarks.planned_hand import Planner, main
from envs.cube_in_hand_env import CubeInHandVectorEnv

STEPS = 80


@pytest.fixture
def hands():
    env = CubeInHandVectorEnv(2, num_threads=1)
    env.reset(seed=1)
    yield env
    env.close()


def turned(env, act):
    """Plays STEPS steps; returns the decrease of each cube's angle to its targets, rad."""
    way = 0.0
    for _ in range(STEPS):
        _, _, terminated, _, info = env.step(act())
        assert not terminated.any()
        way = way + info["reward_terms"]["progress"] / env.config.weights.progress
    return way


def test_a_plan_turns_cubes_where_still_hands_do_not(hands):
    planner = Planner(hands, samples=16, horizon=8, num_threads=1)
    assert np.abs(turned(hands, lambda: np.zeros((2, 12)))).max() < 0.02
    hands.reset(seed=1)
    assert turned(hands, lambda: planner.act(None)).min() > 0.5
    planner.close()


def test_looking_ahead_changes_nothing_and_gives_the_same_actions_again(hands):
    seen = []
    for _ in range(2):
        planner = Planner(hands, samples=4, horizon=3, num_threads=1, seed=1)
        before = hands.task.sim.qpos.copy()
        seen.append(np.array([planner.act(None) for _ in range(3)]))
        np.testing.assert_array_equal(hands.task.sim.qpos, before)
        planner.close()
    np.testing.assert_array_equal(*seen)
    assert seen[0].shape == (3, 2, 12) and (np.abs(seen[0]) <= 1).all()


def test_a_copy_that_takes_the_plans_actions_pays_what_was_reckoned(hands):
    planner = Planner(hands, samples=6, horizon=5, num_threads=1, seed=2)
    planner._change()
    plans, costs = planner._plans.copy(), planner._costs().reshape(2, 6)
    best = costs.argmin(1)
    place, paid = hands.model.key("home").qpos[16:19], np.zeros(2)
    for t in range(5):
        *_, info = hands.step(plans[[0, 1], best, t])
        off = np.linalg.norm(hands.task.sim.qpos[:, 16:19] - place, axis=1)
        paid += info["rotation_distance"] + 30 * np.maximum(off - 0.02, 0)
    np.testing.assert_allclose(paid + 5 * info["rotation_distance"], costs.min(1), rtol=1e-6)


def test_numbers_below_one_are_one_sentence(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--samples", "0"])
    assert stop.value.code == 2 and capsys.readouterr().err.endswith(": samples must be at least 1, got 0\n")
