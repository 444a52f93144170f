"""Processes that draw: forked ones, ones without a working library or display, and ones that forget to close."""

import os
import subprocess
import sys

import gymnasium as gym
import pytest

import envs  # noqa: F401
from utils.rendering import gl


def run(code, **environment):
    """Runs Python code in a separate process; returns the finished process."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=os.environ | environment
    )


PICTURE = """
import gymnasium as gym, envs, multiprocessing as mp
def picture():
    env = gym.make("CubeInHand-v0", render_mode="rgb_array", width=32, height=16)
    env.reset(seed=0)
    try:
        print(env.render().shape, flush=True)
    except RuntimeError as error:
        print(error, flush=True)
"""


def test_a_forked_process_says_why_it_cannot_draw_instead_of_waiting_for_ever(gl):
    fork = "p = mp.get_context('fork').Process(target=picture); p.start(); p.join(60); print(p.exitcode)"
    lines = run(f"{PICTURE}\npicture()\n{fork}").stdout.splitlines()
    assert lines[0] == "(16, 32, 3)" and 'Start processes with "spawn"' in lines[1] and lines[2] == "0"
    assert run(f"{PICTURE}\n{fork}").stdout.split("\n")[0] == "(16, 32, 3)"


def test_a_library_that_does_not_work_gets_one_sentence():
    process = run(f"{PICTURE}\npicture()", MUJOCO_GL="glfw", DISPLAY="", WAYLAND_DISPLAY="")
    assert (
        "MUJOCO_GL=glfw needs a display" in process.stdout and process.returncode == 0 and "Traceback" not in process.stderr
    )


def test_a_process_that_forgets_to_close_ends_in_silence(gl):
    process = run(f"{PICTURE}\nkept = gym.make('CubeInHand-v0', render_mode='rgb_array'); kept.reset(); kept.render()")
    assert process.returncode == 0 and process.stderr == ""


def test_a_display_that_does_not_answer_is_none(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":987")
    gl._glfw_starts.cache_clear()
    assert not gl.has_display()
    with pytest.raises(RuntimeError, match="needs a display"):
        gym.make("CubeInHand-v0", render_mode="human").reset(seed=0)
    gl._glfw_starts.cache_clear()
