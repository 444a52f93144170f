"""Base of the tabs: registers handlers so that they run in the order of the events, and checks what the page sends."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from viewer.commands import Command, Control

if TYPE_CHECKING:
    from viewer.app import Viewer


class Panel:
    """One tab. A subclass builds its controls in `build`, and shows the state in `refresh`.

    Handlers run in viser's event loop. They only read the page and post commands; the loop's thread does the rest.

    Args:
        viewer: the viewer.
    """

    title: str

    def __init__(self, viewer: "Viewer"):
        self.viewer, self.gui = viewer, viewer.server.gui

    def build(self) -> None:
        """Adds the controls to the current tab."""

    def refresh(self) -> None:
        """Shows the current state; called a few times per second by the thread of the loop."""

    def request(self, make: Callable[[], Command | Control]) -> None:
        """Posts the command that `make` returns; a wrong value from the page becomes a message instead."""
        try:
            command = make()
        except (ValueError, TypeError) as error:
            self.viewer.refuse(error)
        else:
            self.viewer.loop.post(command)

    @staticmethod
    def on(register: Callable, handler: Callable[[], None]) -> None:
        """Registers a handler without arguments: `register` is `handle.on_update`, `on_click` or `on_trigger`.

        viser awaits asynchronous handlers one after the other; plain ones run in threads, in any order. It also calls them
        when the program sets a value; only events of a page count.
        """

        async def handle(event):
            if event.client_id is not None:
                handler()

        register(handle)
