"""Events of a page without a browser: sets a control's value and runs its handlers, as viser's server does."""

import asyncio
import socket

from viser import CommandEvent, GuiEvent

PAGE = 0  # number of the page that sends the events


def change(handle, value=None, page=PAGE):
    """Changes a control to `value` on a page, or presses a button, and runs its handlers."""
    if value is not None:
        handle._impl.value = value
    for callback in handle._impl.update_cb:
        asyncio.run(callback(GuiEvent(client=None, client_id=page, target=handle)))


def press(gui, key, modifier=None):
    """Presses a key: runs the handlers of the commands with this hotkey."""
    handles = [h for h in gui._command_handle_from_uuid.values() if (h.hotkey, h.modifier) == (key, modifier)]
    assert handles, key
    for handle in handles:
        for callback in handle._impl.trigger_cb:
            asyncio.run(callback(CommandEvent(client=None, client_id=PAGE, target=handle)))


def free_port():
    """Returns a TCP port that no program uses now."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


def settle(viewer):
    """Handles all requests and draws, without time for steps."""
    viewer.loop._handle_requests()
    viewer._refresh_due = 0.0
    viewer.draw()
    return viewer.session.log[-1] if viewer.session.log else None
