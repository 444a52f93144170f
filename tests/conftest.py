"""Shared by all tests: a mark for files that train, clean-up of programs, a guard for rendering, and a failed simulation."""

import os
import re
import signal
import subprocess

import gymnasium as gym
import numpy as np
import pytest
import torch

from run_folder.bad_states import write_dump
from training.assembly import Training
from utils.rendering.gl import can_render

MOST_STEPS = 50_000  # of a training in a test
LONGEST = "test_tune_hyperparameters.py"
_TRAINS = re.compile(r"^(?:from|import) (?:tuning|tests\.helpers\.\w+_runs|train\w*|tune\w*)\b", re.MULTILINE)

# A shell that starts tests in the background makes them, and the programs that they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """Marks the tests of files that train, and puts them first: a long file at the end would leave one core idle."""
    trains = {path for path in {item.path for item in items} if _TRAINS.search(path.read_text())}
    for item in items:
        if item.path in trains:
            item.add_marker("trains")
    items.sort(key=lambda item: (item.path not in trains, item.path.name != LONGEST))


@pytest.fixture(autouse=True, scope="session")
def one_torch_thread_for_each_worker():
    """Two workers with two torch threads each wait for one another: small updates then take up to nine times as long."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def no_program_outlives_its_test(monkeypatch):
    """Kills programs that a failed test has started and not waited for: an endless one would slow down all later tests."""
    started, start = [], subprocess.Popen.__init__

    def start_and_note(self, *args, **kwargs):
        start(self, *args, **kwargs)
        started.append(self)

    monkeypatch.setattr(subprocess.Popen, "__init__", start_and_note)
    yield
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture(autouse=True)
def no_test_trains_for_hours(monkeypatch):
    """Fails a test of a refusal that is missing, instead of starting a training of the default length."""
    learn = Training.learn

    def learn_if_short(self, run):
        if self.total_timesteps > MOST_STEPS:  # no AssertionError: a sweep would go on with its next trial
            pytest.fail(f"a test must not train for {self.total_timesteps:,} steps")
        learn(self, run)

    monkeypatch.setattr(Training, "learn", learn_if_short)


@pytest.fixture
def gl():
    """Skips the test if rendering is impossible."""
    if not can_render():
        pytest.skip("no GL library here (libegl1 or libosmesa6)")


@pytest.fixture
def dump(tmp_path, monkeypatch):
    """Returns the dump of a robot that walked for 130 steps before its physics broke."""
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its warning to a log file in the current directory
    env = gym.make_vec("envs:ResidualWalk-v0", num_envs=2)
    env.reset(seed=0)
    for _ in range(129):
        env.step(np.zeros(env.action_space.shape))
    env.unwrapped.task.sim.qvel[1] = np.nan
    env.step(np.zeros(env.action_space.shape))
    (failure,) = env.unwrapped.take_failures()
    env.close()
    return write_dump(tmp_path, 260, failure)
