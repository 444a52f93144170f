"""The gamepad without a browser: its text acts like a control, and a viser that sends no scripts works without it."""

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("viser")
pytest.importorskip("mjviser")

import viser

from tests.helpers.web_page import change, settle
from utils.observation import Row
from viewer.panels.gamepad import steered


def scripts(viewer):
    """Returns the scripts that every page receives."""
    messages = viewer.server._websock_server.get_message_buffer().message_from_id.values()
    return [message.source for message in messages if type(message).__name__ == "RunJavascriptMessage"]


def wait_for_events(viewer):
    """Waits until viser has run all handlers that wait in its event loop."""
    for _ in range(2):
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), viewer.server.get_event_loop()).result()


def test_sticks_set_the_command_and_the_sliders_once(viewer):
    panel, other = viewer.panels["Gamepad"], viewer.panels["Command"]
    command = viewer.session.env.unwrapped.task.command
    change(panel.sticks, "0.5 -1 0.25 0")
    wait_for_events(viewer)
    settle(viewer)
    np.testing.assert_allclose(command.value, [[1.0, -0.25, -0.125]])
    assert [slider.value for slider in other.sliders.values()] == command.value[0].tolist() and other.manual.value
    change(panel.sticks, "0 0 0 0")
    wait_for_events(viewer)
    settle(viewer)
    assert not command.value.any() and [row["command"] for row in viewer.session.log] == ["steer", "steer"]
    (script,) = scripts(viewer)
    assert f'("{panel.sticks._impl.uuid}")' in script and panel.sticks.visible


def test_a_key_and_the_zero_button_give_one_command_each(viewer):
    panel = viewer.panels["Command"]
    change(panel.sliders["vx"], 0.4)
    panel.turn("yaw_rate", 1)
    change(panel.zero_button)
    wait_for_events(viewer)
    settle(viewer)
    assert [row["values"]["yaw_rate"] for row in viewer.session.log] == [0.0, 0.05, 0.0]


@pytest.mark.parametrize(
    ("ranges", "wanted"),
    [
        ([(-1, 1)], [0.5]),
        ([(-5, 5), (-5, 5)], [2.5, -1.25]),
        ([(-0.5, 1.5), (-0.4, 0.2), (-1, 2)], [0.75, -0.1, 1.0]),
        ([(-1, 1)] * 4, [0.5, -0.25, -1.0, 0.5]),
        ([(-1, 1)] * 6, [0.5, -0.25, -1.0, 0.5]),
        ([(0.2, 1.0)], [0.5]),
    ],
)
def test_a_row_gets_the_part_of_its_range_on_the_side_of_the_deflection(ranges, wanted):
    rows = [Row(f"row{i}", 1, low, high, "m") for i, (low, high) in enumerate(ranges)]
    values = steered(rows, (0.25, -0.5, -0.5, 1.0))
    assert [*values] == [row.name for row in rows[:4]] and [*values.values()] == pytest.approx(wanted)
    assert all(row.low <= values.get(row.name, row.low) <= row.high for row in rows)


def test_wrong_deflections_are_a_message(viewer):
    for text in ("", "1", "0 0 0 0 0", "0 nan 0 0", "inf 0 0 0", "0 1.01 0 0", "a b c d", "9" * 5000, "\x00"):
        change(viewer.panels["Gamepad"].sticks, text)
        viewer.loop._handle_requests()
        assert viewer.loop.message.startswith("a gamepad has four deflections in -1 to 1, got ") and viewer.session.log == []


def test_only_the_end_of_the_page_that_steered_last_lets_go(viewer):
    change(viewer.panels["Gamepad"].sticks, "0 -1 0 0", page=7)
    settle(viewer)
    for page, wanted in ((3, 1.0), (7, 0.0)):
        (closed,) = viewer.server._client_disconnect_cb
        asyncio.run(closed(SimpleNamespace(client_id=page)))
        settle(viewer)
        assert viewer.session.env.unwrapped.task.command.value[0, 0] == wanted
    assert viewer.panels["Gamepad"].sticks.value == "0 0 0 0"


def test_without_a_command_there_are_no_sticks_but_buttons(viewers):
    viewer = viewers("Toy-v0")
    assert viewer.panels["Gamepad"].sticks is None and scripts(viewer)[0].endswith('("")')


def test_a_viser_that_sends_no_scripts_has_no_gamepad_and_works(monkeypatch, viewers):
    monkeypatch.delattr(viser._messages, "RunJavascriptMessage")
    viewer = viewers()
    assert not viewer.panels["Gamepad"].sticks.visible and scripts(viewer) == []
    change(viewer.panels["Command"].sliders["vx"], 0.4)
    assert settle(viewer)["values"]["vx"] == 0.4
