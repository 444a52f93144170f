"""The page without a browser: controls act through their handlers, environments have scenes, and nothing is public."""

import asyncio
import socket
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("viser")
pytest.importorskip("mjviser")

from viser._messages import GuiUpdateMessage

from tests.helpers.web_page import change, press, settle
from utils.rendering.video import Video
from viewer.panels.see import bars, table
from viewer.server import LocalServer


def test_the_buttons_and_keys_of_the_clock(viewer):
    controls = viewer.panels["Controls"]
    change(controls.buttons["Pause"])
    settle(viewer)
    assert viewer.loop.paused and controls.buttons["Pause"].label == "Continue"
    press(viewer.server.gui, "S")
    settle(viewer)
    assert viewer.session.steps == 1
    change(controls.speed, "1/8")
    change(controls.seed, 7)
    change(controls.buttons["Reset"])
    assert settle(viewer) == {"step": 1, "command": "reset", "seed": 7} and viewer.loop.speed == 1 / 8
    press(viewer.server.gui, "N")
    assert settle(viewer)["seed"] == 8 and viewer.session.setup.seed == 8
    press(viewer.server.gui, "P")
    settle(viewer)
    assert not viewer.loop.paused
    assert "seed 8" in controls._status.content and "ResidualWalk-v0" in controls._status.content


def test_sliders_keys_and_the_switch_steer(viewer):
    panel, command = viewer.panels["Command"], viewer.session.env.unwrapped.task.command
    change(panel.sliders["vx"], 0.4)
    settle(viewer)
    assert command.value.tolist() == [[0.4, 0.0, 0.0]] and panel.manual.value
    press(viewer.server.gui, "arrowup")
    press(viewer.server.gui, "arrowleft")
    press(viewer.server.gui, "arrowright", "shift")
    settle(viewer)
    np.testing.assert_allclose(command.value, [[0.5, -0.05, 0.05]])
    for _ in range(30):
        press(viewer.server.gui, "arrowup")
    settle(viewer)
    assert command.value[0, 0] == 1.0
    press(viewer.server.gui, "space")
    settle(viewer)
    assert not command.value.any()
    change(panel.manual, False)
    assert settle(viewer)["command"] == "release" and command.value[0, 0] >= 0.2
    change(panel.sliders["vx"], 0.3)
    change(panel.zero_button)
    settle(viewer)
    assert not command.value.any() and panel.sliders["vx"].value == 0.0


def test_terrain_physics_and_pushes(viewer):
    panel = viewer.panels["World"]
    scene = viewer.scene
    change(panel.kind, "waves")
    change(panel.level, 0.2)
    change(panel.build_button)
    settle(viewer)
    assert viewer.session.env.unwrapped.task.config.terrain.levels == (0.2,) and viewer.scene is not scene
    change(panel.sliders["mass"], 1.25)
    assert settle(viewer)["values"] == {"mass": 1.25}
    change(panel.nominal_button)
    assert settle(viewer)["values"] == {"mass": 1.0}
    change(panel.strength, 0.6)
    change(panel.directions, "left")
    assert settle(viewer) | {"step": 0} == {"step": 0, "command": "push", "robot": 0, "speed": 0.6, "direction": 90.0}


def test_an_ants_joint_fails_from_the_next_reset_on(viewers):
    viewer = viewers("RealAnt-v0")
    change(viewer.panels["World"].sliders["locked_joint"], 2)
    change(viewer.panels["Controls"].buttons["Reset"])
    settle(viewer)
    viewer.session.step()
    assert viewer.session.env.unwrapped.task.joint_failures.active[0].nonzero()[0].tolist() == [2]
    change(viewer.panels["World"].sliders["locked_joint"], -1)
    change(viewer.panels["Controls"].buttons["Reset"])
    settle(viewer)
    assert not viewer.session.env.unwrapped.task.joint_failures.active.any()


def test_policies_change_and_stand_side_by_side(viewer):
    panel = viewer.panels["Policy"]
    assert {"gait alone", "zero", "random", "shipped"} <= {*panel.first.options}
    change(panel.first, "shipped")
    assert settle(viewer)["policy"] == "shipped"
    change(panel.second, "gait alone")
    settle(viewer)
    assert viewer.session.labels() == ["shipped", "gait alone"] and viewer.session.count == 2
    assert {"/labels/0", "/labels/1"} <= viewer.server.scene._handle_from_node_name.keys()
    change(panel.second, "none")
    settle(viewer)
    assert viewer.session.count == 1


def test_the_newest_checkpoint_of_a_training_is_followed(viewers, tmp_path):
    import shutil

    from viewer.policies import SHIPPED

    run, shipped = tmp_path / "run", SHIPPED / "ResidualWalk-v0"
    shutil.copytree(shipped, run / "checkpoints" / "0000001000")
    for name in ("env.json", "config.yaml"):
        shutil.copy(shipped / name, run)
    viewer = viewers(runs=[run])
    change(viewer.panels["Policy"].follow, True)
    settle(viewer), settle(viewer)
    assert viewer.session.setup.policy.endswith("checkpoints/0000001000")
    shutil.copytree(shipped, run / "checkpoints" / "0000002000")
    settle(viewer), settle(viewer)
    assert viewer.session.setup.policy.endswith("checkpoints/0000002000")
    settle(viewer)
    assert viewer.panels["Policy"].first.value == "run: 0000002000" and viewer.panels["Policy"].second.value == "none"


def test_the_numbers_on_the_page_are_those_of_the_robot(viewers):
    viewer = viewers(robots=2)
    panel = viewer.panels["See"]
    for _ in range(60):
        viewer.session.step()
    change(panel.robot, 1)
    settle(viewer)
    viewer.session.step()
    settle(viewer)
    terms = {name: float(term[1]) for name, term in viewer.session.terms.items()}
    assert panel._bars.content == bars(terms) and viewer.scene.robot == 1
    assert panel._table.content == table(viewer.session.observations.rows(viewer.session.observation, 1))
    assert "joint_pos" in panel._table.content and "rad/s" in panel._table.content
    change(panel.follow, False)
    settle(viewer)
    assert not viewer.scene.follow


def test_commands_are_saved_a_session_starts_again_and_names_cannot_leave_the_folder(viewer, tmp_path):
    panel = viewer.panels["Record"]
    change(viewer.panels["Controls"].buttons["Reset"])
    change(panel.buttons["Save commands"])
    settle(viewer)
    assert (tmp_path / "recordings" / "session.json").is_file()
    change(panel.buttons["New session"])
    settle(viewer)
    assert viewer.session.log == [] and viewer.loop.message == ""
    viewer.session.step()
    for name in ("../out", "", "a/b", ".hidden", "x" * 100, 7):
        change(panel.name, name)
        change(panel.buttons["Save commands"])
        settle(viewer)
        assert "a name needs" in viewer.loop.message
    assert [path.name for path in (tmp_path / "recordings").iterdir()] == ["session.json"]


@pytest.mark.slow
def test_a_film_has_a_frame_for_every_25th_of_a_second(viewer, tmp_path, gl):
    import imageio_ffmpeg

    panel = viewer.panels["Record"]
    change(panel.buttons["Film"])
    settle(viewer)
    assert panel.buttons["Film"].label == "End the film"
    for _ in range(100):
        viewer.session.step()
    change(panel.buttons["Film"])
    settle(viewer)
    frames, _ = imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "recordings" / "session.mp4"))
    assert frames == 25


def test_a_film_that_fails_or_has_no_step_leaves_no_file(viewer, tmp_path, gl, monkeypatch):
    panel, folder = viewer.panels["Record"], tmp_path / "recordings"
    change(panel.buttons["Film"])
    settle(viewer)
    change(panel.buttons["Film"])
    settle(viewer)
    assert panel._said.content == "No step was filmed." and not [*folder.iterdir()]
    change(panel.buttons["Film"])
    settle(viewer)
    viewer.session.step()
    monkeypatch.setattr(Video, "add", lambda self, frame: (_ for _ in ()).throw(RuntimeError("the disk is full")))
    for _ in range(8):
        viewer.session.step()
    settle(viewer)
    assert panel.film is None and "the disk is full" in viewer.loop.message
    assert not [path for path in folder.iterdir() if "partial" in path.name]


@pytest.mark.parametrize(
    ("panel", "name", "value"),
    [
        ("Controls", "seed", -3),
        ("Controls", "seed", "many"),
        ("Controls", "speed", "fast"),
        ("World", "level", 7.0),
        ("World", "kind", "hills"),
        ("World", "strength", float("nan")),
        ("Policy", "first", "no such policy"),
        ("Policy", "second", 3),
        ("See", "robot", 99),
        ("See", "robot", float("nan")),
    ],
)
def test_a_wrong_value_from_the_page_is_a_message(viewer, panel, name, value):
    change(getattr(viewer.panels[panel], name), value)
    change(viewer.panels["Controls"].buttons["Reset"]) if name == "seed" else None
    change(viewer.panels["World"].directions, "left") if name == "strength" else None
    change(viewer.panels["World"].build_button) if name == "level" else None
    viewer.loop._handle_requests()
    assert viewer.loop.message and viewer.session.log == []
    viewer.loop.tick()


def test_what_viser_cannot_read_is_a_message_without_a_traceback(viewer, capfd):
    seed, loop = viewer.panels["Controls"].seed, viewer.server.get_event_loop()
    for updates in ({"value": "many"}, {"value": None}, {"value": [1]}, {"value": 1e999}, {"nothing": 1}):
        handling = viewer.server.gui._handle_gui_updates(0, GuiUpdateMessage(seed._impl.uuid, updates))
        loop.call_soon_threadsafe(loop.create_task, handling)
        del handling
        for _ in range(3):
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()
        viewer.loop._handle_requests()
        assert viewer.loop.message.startswith("the page sent a wrong value: ") and seed.value == 0
        viewer.loop.message = ""
    assert capfd.readouterr().err == ""


def test_the_page_is_reachable_from_this_machine_only_and_never_shared(viewer):
    listening = viewer.server._websock_server
    assert viewer.server.get_host() == "127.0.0.1" and listening is not None
    assert viewer.server.request_share_url() is None
    assert viewer.server.shares_refused == 1 and viewer.server._share_tunnel is None
    address = viewer.server.address()
    assert address.startswith("http://127.0.0.1:") and f"ssh -L {viewer.server.get_port()}:127.0.0.1:" in address
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for other in others:
        with socket.socket() as trial:
            trial.settimeout(1.0)
            assert trial.connect_ex((other, viewer.server.get_port())) != 0


@pytest.mark.parametrize("ends", [False, True])
def test_the_end_of_the_last_page_ends_the_loop_only_if_asked(viewers, monkeypatch, ends):
    viewer = viewers(end_with_page=ends)
    first, second = (SimpleNamespace(client_id=number) for number in (1, 2))
    monkeypatch.setattr(viewer.server, "get_clients", lambda: {1: first, 2: second})
    (closed,) = viewer.server._client_disconnect_cb
    asyncio.run(closed(second))
    assert not viewer.loop.ended
    monkeypatch.setattr(viewer.server, "get_clients", lambda: {1: first})
    asyncio.run(closed(first))
    assert viewer.loop.ended == ends


def test_a_port_in_use_is_an_error(viewer):
    with pytest.raises(ValueError, match=r"port \d+ cannot be used \(Address already in use\): give another --port"):
        LocalServer(viewer.server.get_port())
