"""What a page draws: every environment has a scene, the mouse grabs points of it, and the model keeps its colours."""

import gymnasium as gym
import numpy as np
import pytest

pytest.importorskip("viser")
pytest.importorskip("mjviser")

from envs import TABLE
from tests.helpers.web_page import settle
from viewer.app import camera_offset
from viewer.commands import Drag, Drop

KINDS = ["RealAnt-v0", "CubeInHand-v0", "ShadowHandBlock-v0", "RWRLCartpoleSwingup-v0", "Toy-v0", "InvertedPendulum-v5"]
OTHERS = [*(TABLE.keys() - {*KINDS}), "Ant-v5", "CartPole-v1"]


def shown(env_id, viewers):
    viewer = viewers(env_id, policy="zero")
    for _ in range(3):
        viewer.session.step()
    settle(viewer)
    assert viewer.loop.message == "" and np.isfinite(camera_offset(viewer.scene)).all()
    names = viewer.server.scene._handle_from_node_name
    return viewer, names


@pytest.mark.parametrize("env_id", KINDS)
def test_an_environment_has_a_scene(env_id, viewers):
    viewer, names = shown(env_id, viewers)
    assert (viewer.session.bodies is None) == (env_id == "Toy-v0")
    assert viewer.session.bodies is None or any(name.startswith("/bodies/") for name in names)


@pytest.mark.slow
@pytest.mark.parametrize("env_id", sorted(OTHERS))
def test_every_other_environment_has_a_scene(env_id, viewers):
    if env_id == "CartPole-v1":
        pytest.importorskip("pygame")
    viewer, names = shown(env_id, viewers)
    assert viewer.session.bodies is None or any(name.startswith("/bodies/") for name in names)


def test_the_mouse_grabs_a_point_and_pulls_it(viewer):
    settle(viewer)
    scene, body = viewer.scene, 1
    offset = scene._offset
    point = scene.poses.position[0, body] + scene.poses.rotation[0, body] @ (0.01, 0.02, 0.03)
    drag = scene.grab("start", 0, body, point + offset, point + offset)
    np.testing.assert_allclose(drag.point, (0.01, 0.02, 0.03), atol=1e-6)
    np.testing.assert_allclose(drag.target, point, atol=1e-6)
    for _ in range(5):
        viewer.session.step()
    settle(viewer)
    moved = scene.grab("update", 0, body, point, point + scene._offset + (0.0, 0.1, 0.0))
    assert isinstance(moved, Drag) and moved.point == drag.point
    np.testing.assert_allclose(moved.target, point + (0.0, 0.1, 0.0), atol=1e-6)
    viewer.loop.post(moved)
    settle(viewer)
    assert viewer.server.scene._handle_from_node_name["/pushes"].visible and viewer.session.pushes.count == 1
    viewer.loop.post(scene.grab("end", 0, body, point, point))
    settle(viewer)
    assert not viewer.server.scene._handle_from_node_name["/pushes"].visible
    assert viewer.session.log[-1]["command"] == "drop" and isinstance(scene.grab("end", 0, body, point, point), Drop)


def test_the_model_of_the_environment_keeps_its_colours(viewer):
    env = gym.make("envs:ResidualWalk-v0")
    shown, known = (model.vis.rgba.contactforce for model in (viewer.session.bodies.model, env.unwrapped.model))
    np.testing.assert_array_equal(shown, known)
    env.close()
