"""Pictures of every registered id: sizes, cameras, depths, lists, and renderers that are shared and freed."""

import gc
import os
import threading
from pathlib import Path

import gymnasium as gym
import mujoco
import numpy as np
import pytest
from gymnasium.error import ClosedEnvironmentError, ResetNeeded
from mujoco.batch import Batch

import envs  # noqa: F401
from utils.rendering import camera as rendering
from utils.rendering.camera import Camera, ViewerClosed
from utils.rendering.pictures import Pictures
from utils.rendering.renderers import live_renderers

IDS = sorted(name for name, spec in gym.registry.items() if str(spec.entry_point).startswith("envs."))
SIM_IDS = [name for name in IDS if name != "Toy-v0"]  # the toy is drawn without a camera
every_id = pytest.mark.parametrize("env_id", IDS)
every_sim_id = pytest.mark.parametrize("env_id", SIM_IDS)
SMALL = {"width": 160, "height": 96}
ROOM = """<mujoco><worldbody><geom type="plane" size="9 9 1"/><geom type="box" size=".5 .5 .25" pos="0 0 .25"/>
<camera name="above" pos="0 0 2.5" fovy="40"/><body pos="3 3 1"><freejoint/><geom size=".1"/></body></worldbody></mujoco>"""


@pytest.fixture
def renderers():
    """Returns the number of renderers that other tests have left open."""
    gc.collect()
    return live_renderers()


def walked(env, steps=3):
    """Resets an environment or a vector with seed 0 and takes a few steps; returns it."""
    env.reset(seed=0)
    for _ in range(steps):
        env.step(np.zeros(env.action_space.shape, np.float32))
    return env


def own_action(env, i):
    """Returns an action that differs from simulation to simulation, within the action space of the single environment."""
    low, high = env.single_action_space.low, env.single_action_space.high
    return (low + (high - low) * (0.5 + 0.1 * i)).astype(np.float32)


def drawn_by_the_library(camera, depth, height, width):
    """Returns the picture that mujoco.Renderer takes with this camera."""
    model, data = camera._sim.model, camera._sim.get_data(0)
    view = rendering._view(model, rendering._camera_id(model, camera._pictures, camera._default))
    with mujoco.Renderer(model, height, width) as renderer:
        for _ in range(2):  # the library centres infinite planes at the camera of the last update
            renderer.update_scene(data, view)
        if depth:
            renderer.enable_depth_rendering()
        return renderer.render()


@every_id
def test_a_vector_shows_what_the_single_environments_show_with_one_renderer(env_id, gl, renderers):
    vector = gym.make_vec(env_id, 3, render_mode="rgb_array", **SMALL)
    vector.reset(seed=0)
    actions = np.array([own_action(vector, i) for i in range(3)])
    for _ in range(3):
        vector.step(actions)
    frames = vector.render()
    assert live_renderers() - renderers == (env_id != "Toy-v0") and len(frames) == 3
    for i, frame in enumerate(frames):
        single = gym.make(env_id, render_mode="rgb_array", **SMALL)
        single.reset(seed=i)
        for _ in range(3):
            single.step(actions[i])
        np.testing.assert_array_equal(single.render(), frame)
        single.close()
    assert frames[0].shape == (96, 160, 3) and frames[0].dtype == np.uint8 and frames[0].std() > 5
    assert (frames[0] != frames[1]).any()
    vector.close()
    assert live_renderers() == renderers


@every_sim_id
def test_pictures_are_those_of_mujocos_renderer_and_depths_are_metres(env_id, gl):
    env = walked(gym.make(env_id, render_mode="rgbd_tuple", **SMALL))
    colours, depths = env.render()
    env.close()
    camera = env.unwrapped._camera
    np.testing.assert_array_equal(colours, drawn_by_the_library(camera, False, 96, 160))
    np.testing.assert_allclose(depths, drawn_by_the_library(camera, True, 96, 160), rtol=1e-4)
    assert depths.shape == (96, 160) and depths.dtype == np.float32


def test_depths_are_distances_along_the_view_direction(gl):
    sim = Batch(mujoco.MjModel.from_xml_string(ROOM), 1, 1, persistent=True)
    sim.forward()
    camera = Camera(sim, Pictures("depth_array", 90, 60, camera_name="above"))
    camera.show(0.0)
    depths = camera.frame()
    assert depths[30, 45] == pytest.approx(2.0, abs=1e-4)  # the box is 0.5 m high, below a camera at 2.5 m
    assert depths[2, 2] == pytest.approx(2.5, abs=1e-4)  # the ground: in the corner the line of sight is longer
    camera.close()


@every_sim_id
def test_lists_of_pictures_and_of_depths_have_one_a_step(env_id, gl):
    for mode, shape in (("rgb_array_list", (16, 32, 3)), ("depth_array_list", (16, 32))):
        env = walked(gym.make(env_id, render_mode=mode, width=32, height=16), steps=2)
        assert [frame.shape for frame in env.render()] == [shape] * 3
        env.close()


@every_sim_id
@pytest.mark.parametrize("make", [gym.make, gym.make_vec])
def test_a_camera_or_size_that_does_not_exist_gets_one_sentence(env_id, make):
    for options, words in (
        ({"width": 0}, "width must be a whole number of pixels from 1 to 8192, got 0"),
        ({"height": -1}, "height must be .* got -1"),
        ({"width": 1e9}, "width must be"),
        ({"height": "x"}, "height must be .* got 'x'"),
        ({"width": True}, "width must be"),
        ({"camera_name": "nowhere"}, "there is no camera 'nowhere'; there are -1"),
        ({"camera_id": 77}, "there is no camera 77; there are -1"),
        ({"camera_id": -2}, "there is no camera -2"),
        ({"camera_name": "follow", "camera_id": 0}, "not both"),
    ):
        with pytest.raises(ValueError, match=words):
            make(env_id, render_mode="depth_array", **options)


@every_id
@pytest.mark.parametrize("make", [gym.make, gym.make_vec])
def test_an_option_without_effect_is_refused(env_id, make):
    for name, value in (("width", 64), ("height", 64), ("camera_name", "follow"), ("camera_id", 0)):
        with pytest.raises(ValueError, match=f"{name} has no effect with render_mode=None"):
            make(env_id, **{name: value})
    with pytest.raises(ValueError, match="width has no effect with render_mode='human'"):
        gym.make_vec(env_id, render_mode="human", width=64)
    with pytest.raises(ValueError, match=r"lists of frames come from gymnasium\.make"):
        gym.make_vec(env_id, render_mode="rgb_array_list")


def test_the_toy_says_what_a_plane_does_not_have():
    with pytest.raises(ValueError, match="without a camera"):
        gym.make("Toy-v0", render_mode="rgb_array", camera_id=0)
    with pytest.raises(ValueError, match="render_mode must be None or one of rgb_array, got 'depth_array'"):
        gym.make_vec("Toy-v0", render_mode="depth_array")


def test_a_camera_is_chosen_by_name_or_number(gl):
    frames = {}
    for chosen in ({}, {"camera_name": "side"}, {"camera_id": 0}, {"camera_id": np.int64(0)}, {"camera_id": -1}):
        env = walked(gym.make("RWRLHumanoidWalk-v0", render_mode="rgb_array", **SMALL, **chosen))
        frames[str(chosen)] = env.render()
        env.close()
    default, side, back, same, free = frames.values()
    assert (side != default).any() and (free != default).any() and (free != side).any()
    np.testing.assert_array_equal([back, same], [default] * 2)


def test_pictures_may_be_larger_than_the_models_buffer(gl):
    env = walked(gym.make("ShadowHandEgg-v0", render_mode="rgb_array", width=1000, height=700))
    assert env.unwrapped.model.vis.global_.offwidth < 1000 and env.render().shape == (700, 1000, 3)
    env.close()


@pytest.mark.parametrize("env_id", [name for name in SIM_IDS if name.startswith("RWRL")])
def test_a_model_that_changes_at_every_reset_shares_one_renderer_and_is_drawn_as_it_is(env_id, gl, renderers):
    env = walked(gym.make(env_id, render_mode="rgb_array", **SMALL))
    base, nominal, changed = env.unwrapped, env.render(), 0
    for name, known in base.perturbations.items():
        base.perturb({other: np.array([own.nominal]) for other, own in base.perturbations.items()})
        base.perturb({name: np.array([known.high])})
        frame = walked(env).render()
        assert live_renderers() == renderers + 1
        np.testing.assert_array_equal(frame, drawn_by_the_library(base._camera, False, 96, 160), err_msg=name)
        changed += (frame != nominal).any()
    assert changed
    env.close()
    assert live_renderers() == renderers


def test_a_model_of_another_extent_gets_the_shadows_of_its_extent_from_the_same_renderer(gl, renderers):
    light = '<statistic extent="{}" center="0 0 0"/><worldbody><light directional="true" pos="3 0 4" dir="-1 0 -1"/>'
    sims = [
        Batch(mujoco.MjModel.from_xml_string(ROOM.replace("<worldbody>", light.format(extent))), 1, 1, persistent=True)
        for extent in (4, 0.1)
    ]
    view, frames = Camera(sims[0], Pictures("rgb_array", 160, 96, camera_name="above")), []
    for sim in sims:
        sim.forward()
        view._sim = sim
        view.show(0.0)
        frames.append(view.frame())
        assert live_renderers() == renderers + 1
        np.testing.assert_array_equal(frames[-1], drawn_by_the_library(view, False, 96, 160))
    assert (frames[0] != frames[1]).any()
    view.close()


@pytest.mark.parametrize("env_id", ["AdaptiveWalk-v0", "CubeInHand-v0", "RWRLQuadrupedRun-v0", "ShadowHandPen-v0"])
@pytest.mark.parametrize("make", [gym.make, gym.make_vec])
def test_close_and_the_garbage_collector_free_the_renderer(env_id, make, gl, renderers):
    shown = {"render_mode": "rgb_array", "width": 32, "height": 16}
    env, again = walked(make(env_id, **shown)), walked(make(env_id, **shown))
    np.testing.assert_array_equal(env.render(), again.render())
    assert live_renderers() == renderers + 1
    again.close()
    assert live_renderers() == renderers + 1
    env.close()
    assert live_renderers() == renderers
    with pytest.raises(ClosedEnvironmentError, match="is closed: make a new one"):
        env.render()
    env = walked(make(env_id, **shown))
    assert len(env.render()) and live_renderers() == renderers + 1
    del env
    gc.collect()
    assert live_renderers() == renderers


@every_id
def test_a_picture_before_the_first_reset_is_refused_and_closing_twice_is_not(env_id):
    single, vector = gym.make(env_id, render_mode="rgb_array").unwrapped, gym.make_vec(env_id, 2, render_mode="rgb_array")
    for env in (single, vector):
        with pytest.raises(ResetNeeded, match=r"call reset\(\) first"):
            env.render()
        env.close(), env.close()


def test_any_thread_may_take_pictures(gl):
    env = walked(gym.make("CubeInHand-v0", render_mode="rgb_array", **SMALL))
    first, frames = env.render(), []
    for _ in range(2):
        thread = threading.Thread(target=lambda: frames.append(env.render()))
        thread.start()
        thread.join(60)
    np.testing.assert_array_equal(np.array([*frames, env.render()]), [first] * 3)
    env.close()


class Window:
    """Replaces MuJoCo's viewer."""

    def __init__(self):
        self.open, self.syncs, self.closed = True, 0, 0
        self.is_running, self.sync = (lambda: self.open), lambda: setattr(self, "syncs", self.syncs + 1)

    def close(self):
        self.closed += 1


@every_sim_id
def test_the_viewer_shows_every_reset_and_step_until_its_window_is_closed(env_id, monkeypatch):
    windows = []
    monkeypatch.setattr(rendering, "_open_viewer", lambda *_: windows.append(Window()) or windows[-1])
    for number, env in enumerate((gym.make(env_id, render_mode="human"), gym.make_vec(env_id, 3, render_mode="human"))):
        window = windows[-1] if windows else None
        assert walked(env).render() in (None, (None,) * 3) and windows[-1] is not window and windows[-1].syncs == 4
        assert len(windows) == number + 1  # a vector shows its first simulation
        windows[-1].open = False
        with pytest.raises(ViewerClosed, match="was closed"):
            env.step(np.zeros(env.action_space.shape, np.float32))
        env.close()
        assert windows[-1].closed == 1


def memory():
    """Returns the resident memory of this process, MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.slow
@every_sim_id
def test_resets_with_pictures_and_closing_in_between_take_no_memory(env_id, gl):
    env = walked(gym.make(env_id, render_mode="rgb_array", width=32, height=16))
    base = env.unwrapped
    known = base.perturbations[base.default_perturbation]
    for i in range(150):
        base.perturb({base.default_perturbation: np.linspace(known.low, known.high, 7)[[i % 7]]}, np.array([0]))
        env.reset()
        env.render()
        if i == 50:
            before = memory()
    assert memory() - before < 10  # with a renderer left open at each reset: 800
    used = []
    for _ in range(40):
        base._camera.close()
        env.render()
        used.append(memory())
    env.close()
    assert max(used[20:]) - max(used[:20]) < 60  # noise of the driver; a renderer left open at each turn: 240
