"""The last steps of every simulation that a task records, so that a physics failure can be inspected."""

import tracemalloc

import numpy as np
import pytest

from envs import step_memory
from envs.cube_in_hand_env import CubeInHandVectorEnv
from envs.residual_walk_env import ResidualWalkVectorEnv
from run_folder.bad_states import describe, read_dump, write_dump


def memory(n):
    """Returns the bytes of all numpy arrays in an environment of n robots."""
    tracemalloc.start()
    env = ResidualWalkVectorEnv(n)
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    env.close()
    return size


def test_many_robots_take_little_memory_each():
    few, many = memory(2000), memory(2500)
    assert (many - few) / 500 < 40_000  # all arrays of one robot together; the recorded steps are 21 kB of it
    assert 4096 * 40_000 + few < 300e6


@pytest.mark.parametrize(("budget", "kept"), [(1, 10), (3 * 266 * 8 * 25, 25), (10**9, 40)])
def test_a_failure_holds_the_last_steps_that_fit_the_memory(budget, kept, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its warning to a log file in the current directory
    monkeypatch.setattr(step_memory, "REMEMBERED_BYTES", budget)
    env = ResidualWalkVectorEnv(3)
    states, actions = broken(env, steps=40)
    (failure,) = env.take_failures()
    assert failure.simulation == 1 and len(failure.states) == kept
    np.testing.assert_array_equal(failure.states, states[-kept:])
    np.testing.assert_array_equal(failure.actions, actions[-kept:])
    (tmp_path / "run").mkdir()
    dump = read_dump(write_dump(tmp_path / "run", 5, failure))
    assert f"{kept} steps until" in describe(dump)


def test_a_failure_holds_nothing_of_the_episode_before(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    env = CubeInHandVectorEnv(3)
    env.reset(seed=0)
    for _ in range(5):
        env.step(np.zeros((3, 12)))
    states, _ = broken(env, steps=4)
    np.testing.assert_array_equal(env.take_failures()[0].states, states)


def broken(env, steps):
    """Breaks the physics of simulation 1 after some steps; returns its states before them, and the actions."""
    env.reset(seed=0)
    states, actions = [], np.random.default_rng(0).uniform(-1, 1, (steps, 3, 12))
    for step, action in enumerate(actions):
        if step == steps - 1:
            env.task.sim.qvel[1] = np.nan
        states.append(env.task.sim.state[1].copy())
        env.step(action)
    return np.array(states), actions[:, 1]
