"""Below the tabs: the gamepad of the browser, which a script on the page brings to the server."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import viser

from utils.fields import shown
from utils.observation import Row
from viewer.panels.panel import Panel

SCRIPT = Path(__file__).with_name("page.js")
REST = (0.0, 0.0, 0.0, 0.0)
# Axes that steer the rows, by number of rows: 0 and 1 are left stick right and down, 2 and 3 those of the right stick
# (https://w3c.github.io/gamepad/#remapping). The command's rows are positive ahead and to the left.
AXES = {1: (1,), 2: (1, 0), 3: (1, 0, 2)}
MOST_AXES = (1, 0, 3, 2)
HINT = (
    "A browser offers a gamepad after its first button press. Left stick: the first rows of the command; right stick: the "
    "last. A: zero; B: pause; Y: reset; cross: arrow keys."
)


class GamepadPanel(Panel):
    """The deflections of the sticks, as the page of the browser with the gamepad writes them.

    A row's value is the deflection times its range. When the page that steered last is closed, the command becomes 0.
    """

    title = "Gamepad"

    def build(self):
        self._driver: int | None = None
        self.sticks = None
        if self.viewer.session.knobs.rows:
            self.sticks = self.gui.add_text("Gamepad", written(REST), hint=HINT)
            self.sticks.on_update(self._moved)
        has_script = send_script(self.viewer.server, self.sticks)
        if self.sticks is not None:
            self.sticks.visible = has_script

    def steer(self, text: str):
        """Gives all robots the command of a text with the deflections; a wrong text becomes a message."""
        try:
            values = steered(self.viewer.session.knobs.rows, deflections(text))
        except ValueError as error:
            self.viewer.refuse(error)
        else:
            self.viewer.panels["Command"].set(values)

    def let_go(self, client_id: int):
        """Sets the command to 0 if the page `client_id`, which was closed, held a stick."""
        if client_id == self._driver and self.sticks.value != written(REST):
            self.sticks.value = written(REST)
            self.steer(self.sticks.value)

    async def _moved(self, event):
        if event.client_id is not None:
            self._driver = event.client_id
            self.steer(self.sticks.value)


def written(values: Sequence[float]) -> str:
    """Returns deflections as the text that the page writes."""
    return " ".join(f"{value:g}" for value in values)


def deflections(text: str) -> tuple[float, ...]:
    """Returns the deflections of both sticks (4,), -1 to 1, positive to the right and down.

    Raises:
        ValueError: the text is not four such numbers.
    """
    try:
        values = tuple(map(float, text.split()))
    except ValueError:
        values = ()
    if len(values) != len(REST) or not all(-1.0 <= value <= 1.0 for value in values):
        raise ValueError(f"a gamepad has four deflections in -1 to 1, got {shown(text)}")
    return values


def steered(rows: Sequence[Row], values: Sequence[float]) -> Mapping[str, float]:
    """Returns the values of the rows that the sticks steer, for the deflections (4,); other rows are left out."""
    pairs = zip(rows, AXES.get(len(rows), MOST_AXES))
    return {row.name: float(_scaled(row, -values[axis])) for row, axis in pairs}


def send_script(server: viser.ViserServer, sticks: viser.GuiTextHandle | None) -> bool:
    """Sends the script to every page, also to those that connect later; returns whether this viser can send one.

    The message is one of viser's private ones, so that a later version may lack it. The page then works without a gamepad.
    """
    uuid = "" if sticks is None else sticks._impl.uuid
    try:
        message = viser._messages.RunJavascriptMessage(source=f"({SCRIPT.read_text()})({json.dumps(uuid)})")
        server._websock_server.queue_message(message)
    except (AttributeError, TypeError):
        return False
    return True


def _scaled(row, deflection):
    high, low = float(row.high), float(row.low)
    return min(max(deflection * (high if deflection > 0.0 else -low), low), high)
