"""Pictures show the robot wherever it is; if rendering is impossible, the error names the missing library."""

import os
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import envs  # noqa: F401
from utils.rendering import gl as opengl

ROOT = Path(__file__).parents[2]


def blue(frame):
    """Returns the share of pixels with the colour of the torso."""
    red, green, blue = np.moveaxis(frame.astype(int), -1, 0)
    return np.mean((blue > red + 30) & (blue > green + 20))


def test_the_camera_follows_the_robot(gl):
    env = gym.make("ResidualWalk-v0", render_mode="rgb_array", command_vx=(0.5, 0.5))
    env.reset(seed=0)
    first = env.render()
    for _ in range(300):
        env.step(np.zeros(12, np.float32))
    last = env.render()
    env.close()
    assert first.shape == last.shape == (480, 640, 3)
    assert blue(first[120:360, 160:480]) > 0.01 and blue(last[120:360, 160:480]) > 0.01
    assert np.abs(first.astype(int) - last.astype(int)).mean() > 1


def test_a_vector_gives_one_frame_a_simulation(gl):
    env = gym.make_vec("ResidualWalk-v0", num_envs=2, render_mode="rgb_array", terrain={"kinds": ["rough"]})
    env.reset(seed=0)
    frames = env.render()
    env.close()
    assert len(frames) == 2 and (frames[0] != frames[1]).any()


@pytest.mark.parametrize("backend", ["egl", "osmesa"])
def test_each_library_that_is_here_draws_the_robot(backend):
    works = {"egl": opengl._egl_works(), "osmesa": opengl._loads("libOSMesa.so.8", "libOSMesa.so")}[backend]
    if not works:
        pytest.skip(f"no {backend} here")
    code = "import envs, gymnasium; e = gymnasium.make('ResidualWalk-v0', render_mode='rgb_array'); e.reset(seed=0); "
    code += "assert e.render().std() > 10; e.close()"
    unset = ("DISPLAY", "WAYLAND_DISPLAY", "PYOPENGL_PLATFORM")  # earlier pictures in this process set the last one
    environment = {key: value for key, value in os.environ.items() if key not in unset}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment | {"MUJOCO_GL": backend})


def test_without_a_library_the_packages_to_install_are_named(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "MUJOCO_GL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(opengl, "_loads", lambda *names: None)
    monkeypatch.setattr(opengl._State, "context", None)  # state of a process that has made no picture
    env = gym.make("ResidualWalk-v0", render_mode="rgb_array")
    env.reset(seed=0)
    with pytest.raises(RuntimeError, match="apt-get install libegl1"):
        env.render()


def test_an_interrupt_during_the_release_of_the_context_leaves_it_free_for_the_next_picture(gl, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(opengl, "_release", interrupted)
        with opengl.current():
            pass
    with opengl.current(wait=False) as is_current:
        assert is_current


def test_without_a_display_the_human_mode_says_what_to_use(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RuntimeError, match="rgb_array"):
        gym.make("ResidualWalk-v0", render_mode="human").reset(seed=0)


AFTER_A_PICTURE = """
import sys
from pathlib import Path
import gymnasium as gym
if "before" in sys.argv:
    import triton
env = gym.make("envs:CubeInHand-v0", render_mode="rgb_array")
env.reset(seed=0), env.render()
if "libLLVM" in Path("/proc/self/maps").read_text():
    try:
        import triton
        print("imported")
    except ImportError:
        print("refused")
"""


@pytest.mark.parametrize(("order", "outcome"), [("after", "refused"), ("before", "imported")])
def test_the_llvm_of_triton_is_not_loaded_after_that_of_mesa(order, outcome, tmp_path, gl):
    (tmp_path / "triton.py").touch()  # PyTorch builds with CUDA have a real triton, and import it with the first optimizer
    paths = os.pathsep.join([str(ROOT), str(tmp_path)])
    command = [sys.executable, "-c", AFTER_A_PICTURE, order]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    if not done.stdout:
        pytest.skip("pictures are not made by Mesa's LLVM here")
    assert done.stdout == f"{outcome}\n"
