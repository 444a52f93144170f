"""The page in a real browser: it connects, a slider steers, a drag pushes the robot, and the picture is not blank."""

import io
import shutil
import threading
import time

import imageio.v3 as iio
import numpy as np
import pytest

pytest.importorskip("viser")
pytest.importorskip("mjviser")
pytest.importorskip("playwright.sync_api")

from playwright import sync_api

from tests.helpers.web_page import free_port
from viewer.app import Viewer
from viewer.session import Session, Setup

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# Software rendering, which needs no GPU and no display.
FLAGS = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-sandbox"]
PATIENCE = 120.0  # s: two busy cores draw less than one frame a second
SIZE = {"width": 1000, "height": 700}
# A gamepad whose sticks and buttons a test moves: `pad.axes[1] = -1`.
GAMEPAD = """
window.pad = {connected: true, mapping: "standard", axes: [0, 0, 0, 0], buttons: Array(17).fill({pressed: false})};
navigator.getGamepads = () => [null, window.pad];
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here (apt-get install chromium)"),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def viewer(tmp_path_factory):
    """A viewer of a standing robot whose loop runs in a thread, as the main thread belongs to the browser's driver."""
    session = Session(Setup("ResidualWalk-v0", {}, kind="flat", policy="gait alone", command=dict(STILL)))
    viewer = Viewer(session, free_port(), folder=tmp_path_factory.mktemp("recordings"))
    thread = threading.Thread(target=viewer.run)
    thread.start()
    yield viewer
    viewer.loop.end()
    thread.join(30.0)
    viewer.close()


STILL = {"vx": 0.0, "vy": 0.0, "yaw_rate": 0.0}


@pytest.fixture(scope="module")
def errors():
    """Messages of the browser's console that are errors."""
    return []


@pytest.fixture(scope="module")
def page(viewer, errors):
    """The page in Chromium, when the first picture is there."""
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(PATIENCE * 1000)
        page.add_init_script(GAMEPAD)
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"http://127.0.0.1:{viewer.server.get_port()}", wait_until="domcontentloaded")
        page.wait_for_selector("text=real time")
        wait_for(lambda: picture(page).std() > 10)
        yield page
        browser.close()


def wait_for(condition):
    """Waits until a condition is true; fails after PATIENCE."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "the page did not get there in time"
        time.sleep(0.2)


def command(viewer):
    """Returns the command of the robot (3,)."""
    return viewer.session.env.unwrapped.task.command.value[0]


def picture(page):
    """Returns the left part of the page (height, width, 3), which shows the scene."""
    return iio.imread(io.BytesIO(page.screenshot(timeout=PATIENCE * 1000)))[:, : SIZE["width"] // 2, :3]


def test_the_page_connects_without_an_error_and_shows_a_picture(page, viewer, errors):
    assert len(viewer.server.get_clients()) == 1 and picture(page).std() > 10
    assert [error for error in errors if "favicon" not in error] == []


def test_a_slider_changes_the_command(page, viewer):
    page.get_by_role("tab", name="Command").click()
    page.get_by_role("slider").first.focus()  # so that the arrow keys move this slider, and nothing else
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    wait_for(lambda: command(viewer)[0] > 0.0)
    assert viewer.session.log[-1]["command"] == "steer" and not command(viewer)[1:].any()
    page.get_by_role("button", name="Zero").click()
    wait_for(lambda: command(viewer)[0] == 0.0)


def test_sticks_and_buttons_of_a_gamepad_steer_on_every_tab(page, viewer):
    page.get_by_role("tab", name="See").click()
    page.evaluate("pad.axes = [0.05, -0.575, 1, 0.3]")  # the first is inside the dead zone; the second is half of the rest
    wait_for(lambda: command(viewer)[0] > 0.0)
    np.testing.assert_allclose(command(viewer), [0.5, 0.0, -0.5])
    page.evaluate("pad.axes = [0.1, 0.1, -0.1, 0]")
    wait_for(lambda: not any(viewer.session.log[-1]["values"].values()))
    sent = len(viewer.session.log)
    time.sleep(0.5)
    assert len(viewer.session.log) == sent  # a stick at rest leaves the command to the sliders
    page.evaluate("pad.buttons = pad.buttons.map((button, i) => ({pressed: i == 1}))")
    wait_for(lambda: viewer.loop.paused)
    time.sleep(0.5)
    assert viewer.loop.paused  # a button that is held counts once
    page.evaluate("pad.buttons = pad.buttons.map((button, i) => ({pressed: i == 3}))")
    wait_for(lambda: viewer.session.log[-1]["command"] == "reset")
    page.keyboard.press("p")
    wait_for(lambda: not viewer.loop.paused)


def test_a_gamepad_that_is_unplugged_lets_go(page, viewer):
    page.evaluate("pad.axes = [0, 0, -1, 0]")
    wait_for(lambda: command(viewer)[2] == 0.5)
    page.evaluate("pad.connected = false")
    wait_for(lambda: not command(viewer).any())
    page.evaluate("pad.connected = true; pad.axes = [0, 0, 0, 0]; dispatchEvent(new Event('gamepadconnected'))")


def test_a_page_that_is_closed_while_its_stick_is_held_lets_go(page, viewer):
    second = page.context.browser.new_page()
    second.add_init_script(GAMEPAD)
    second.goto(page.url, wait_until="domcontentloaded")
    second.wait_for_selector("text=real time", timeout=PATIENCE * 1000)
    second.evaluate("pad.axes = [0, -1, 0, 0]")
    wait_for(lambda: command(viewer)[0] == 1.0)
    second.close()
    wait_for(lambda: not command(viewer).any())


def test_a_slider_that_the_mouse_has_moved_leaves_the_arrow_keys_to_the_robot(page, viewer):
    page.get_by_role("tab", name="Command").click()
    box = page.get_by_role("slider").first.bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + 4)
    page.mouse.down()
    page.mouse.move(box["x"] + 20, box["y"] + 4, steps=3)
    page.mouse.up()
    wait_for(lambda: command(viewer)[0] > 0.1)
    before = command(viewer)[0]
    page.keyboard.press("ArrowLeft")
    wait_for(lambda: command(viewer)[2] > 0.0)
    assert command(viewer)[0] == before
    page.keyboard.press(" ")
    wait_for(lambda: not command(viewer).any())


def test_held_keys_step_the_command_and_neither_pause_again_nor_move_the_camera(page, viewer):
    (client,) = viewer.server.get_clients().values()
    before = client.camera.position

    def held():
        page.keyboard.down("ArrowUp")  # as a keyboard repeats it
        return command(viewer)[0] >= 0.4

    wait_for(held)
    page.keyboard.up("ArrowUp")
    for _ in range(2):
        page.keyboard.down("p")
    wait_for(lambda: viewer.loop.paused)
    time.sleep(0.5)
    assert viewer.loop.paused
    page.keyboard.up("p")
    page.keyboard.press("p")
    page.keyboard.press(" ")
    wait_for(lambda: not viewer.loop.paused and not command(viewer).any())
    np.testing.assert_allclose(client.camera.position, before, atol=1e-3)


def test_a_drag_with_the_mouse_pushes_the_robot(page, viewer):
    middle = SIZE["width"] / 2 - 160, SIZE["height"] / 2  # the robot, left of the controls
    before = viewer.session.pushes.count
    page.keyboard.down("Control")
    for x in np.linspace(-60, 60, 13):  # the robot is small: try around the middle
        page.mouse.move(middle[0] + x, middle[1])
        page.mouse.down()
        page.mouse.move(middle[0] + x + 60, middle[1] - 40, steps=8)
        time.sleep(1.0)
        page.mouse.up()
        if viewer.session.pushes.count > before:
            break
    page.keyboard.up("Control")
    wait_for(lambda: viewer.session.pushes.count > before)
    assert "drag" in [row["command"] for row in viewer.session.log]


def test_a_second_browser_sees_the_same_and_its_end_ends_nothing(page, viewer):
    second = page.context.browser.new_page()
    second.goto(page.url, wait_until="domcontentloaded")
    wait_for(lambda: len(viewer.server.get_clients()) == 2)
    second.close()
    wait_for(lambda: len(viewer.server.get_clients()) == 1)
    steps = viewer.session.steps
    wait_for(lambda: viewer.session.steps > steps)
    assert not viewer.loop.ended


def test_no_page_gets_a_public_address(page, viewer):
    assert page.get_by_text("Share", exact=False).count() == 0 and viewer.server._share_tunnel is None
