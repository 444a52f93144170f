"""What tests share: a guard for those that need a GL library, and a simulation that went wrong."""

import gymnasium as gym
import numpy as np
import pytest

from utils.rendering import can_render
from utils.run_files.bad_states import write_dump


@pytest.fixture
def gl():
    """Skips, saying so, where no picture can be made."""
    if not can_render():
        pytest.skip("no GL library here (libegl1 or libosmesa6)")


@pytest.fixture
def dump(tmp_path, monkeypatch):
    """Returns the file of a robot that walked for 130 steps before its physics was broken."""
    monkeypatch.chdir(tmp_path)  # MuJoCo logs the warning to a file where it stands
    env = gym.make_vec("envs:ResidualWalk-v0", num_envs=2)
    env.reset(seed=0)
    for _ in range(129):
        env.step(np.zeros(env.action_space.shape))
    env.unwrapped.task.sim.qvel[1] = np.nan
    env.step(np.zeros(env.action_space.shape))
    (failure,) = env.unwrapped.take_failures()
    env.close()
    return write_dump(tmp_path, 260, failure)
