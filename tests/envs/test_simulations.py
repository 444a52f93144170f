"""Batches of many simulations: one MjData per thread instead of one per simulation, with the same numbers."""

import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import mujoco
import numpy as np
import pytest

from envs import simulations
from envs.residual_walk_env import ResidualWalkVectorEnv
from envs.simulations import Simulations

ROOT = Path(__file__).parents[2]
TERRAIN = {"kinds": ["rough"], "levels": [0.5]}
GROWTH = """
import sys
from pathlib import Path

import numpy as np

from envs.residual_walk_env import ResidualWalkVectorEnv


def resident(n):
    env = ResidualWalkVectorEnv(n, num_threads=1)
    env.reset(seed=0)
    for _ in range(2):
        env.step(np.zeros((n, 12)))
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096, env


(before, small), (after, large) = resident(65), resident(1000)
print((after - before) / 1000)
"""


@pytest.fixture
def shared(monkeypatch):
    """Makes every vector share the MjData of a thread."""
    monkeypatch.setattr(simulations, "MOST_SEPARATE", 1)


def pair(monkeypatch, env_id, n, **changes):
    """Returns a vector with one MjData per simulation, and a vector with one per thread."""
    separate = gym.make_vec(f"envs:{env_id}", num_envs=n, **changes)
    monkeypatch.setattr(simulations, "MOST_SEPARATE", 1)
    shared = gym.make_vec(f"envs:{env_id}", num_envs=n, **changes)
    assert separate.unwrapped.task.sim.persistent and not shared.unwrapped.task.sim.persistent
    return separate, shared


@pytest.mark.parametrize(
    ("env_id", "changes"),
    [("ResidualWalk-v0", {"terrain": TERRAIN, "privileged": True}), ("CubeInHand-v0", {})],
)
def test_shared_data_gives_the_same_numbers_across_ends_and_failures(env_id, changes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its warning to a log file in the current directory
    envs = pair(monkeypatch, env_id, 5, max_episode_steps=15, **changes)
    rows = [env.reset(seed=0)[0] for env in envs]
    np.testing.assert_array_equal(*rows)
    for step, action in enumerate(np.random.default_rng(0).uniform(-1, 1, (40, *envs[0].action_space.shape))):
        if step == 20:
            for env in envs:
                env.unwrapped.task.sim.qvel[2] = np.nan
        (rows, rewards, *_, info), (wanted_rows, wanted_rewards, *_, wanted) = [env.step(action) for env in envs]
        np.testing.assert_array_equal(rows, wanted_rows)
        np.testing.assert_array_equal(rewards, wanted_rewards)
        np.testing.assert_equal(info, wanted)
    states = [env.unwrapped.task.failures[0].states for env in envs]
    np.testing.assert_array_equal(*states)


def test_shared_data_holds_no_force_of_another_robot(shared):
    env = ResidualWalkVectorEnv(2, num_threads=1)
    env.reset(seed=0)
    sim = env.task.sim
    sim.qpos[0, 2] += 1.0  # in the air, after which the thread computes a robot on the ground
    state = sim.state.copy()
    for stage in ("mjSTAGE_VEL", "mjSTAGE_POS"):
        sim.forward(stage=getattr(mujoco.mjtStage, stage))
        np.testing.assert_array_equal(sim.state, state)
        air, ground = env.sensor_reader.get_foot_forces()
        assert not air.any() and ground.any()


def test_the_data_of_a_simulation_holds_derived_fields_in_either_batch(monkeypatch):
    envs = pair(monkeypatch, "ResidualWalk-v0", 3, terrain=TERRAIN)
    for env in envs:
        env.reset(seed=0)
        env.step(np.full((3, 12), 0.2))
    ours, wanted = (env.unwrapped.task.sim.get_data(1) for env in envs[::-1])
    for name in ("qpos", "xpos", "geom_xpos", "cam_xpos", "cvel"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(wanted, name))
    assert ours.xpos.any()


def test_only_many_simulations_share_data():
    model = mujoco.MjModel.from_xml_string("<mujoco/>")
    assert Simulations(model, simulations.MOST_SEPARATE, 1).persistent
    assert not Simulations(model, simulations.MOST_SEPARATE + 1, 1).persistent


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_each_of_many_robots_takes_less_than_100_kb_of_the_process():
    done = subprocess.run([sys.executable, "-c", GROWTH], cwd=ROOT, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 100_000
