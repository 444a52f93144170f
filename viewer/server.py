"""The web server of the page: it listens on this machine only, and refuses the library's public tunnel."""

import socket
from contextlib import redirect_stdout
from io import StringIO

import viser

HOST = "127.0.0.1"
PANEL_WIDTH = "large"


class LocalServer(viser.ViserServer):
    """viser's server on 127.0.0.1. A page can ask it for a public address; it never gets one.

    Args:
        port: TCP port.

    Raises:
        ValueError: the port is in use.
    """

    def __init__(self, port: int):
        check_port(port)
        with redirect_stdout(StringIO()):  # viser prints a box; the program prints the address itself
            super().__init__(host=HOST, port=port, label="residual-walk", verbose=False)
        self.shares_refused = 0
        self.gui.configure_theme(control_width=PANEL_WIDTH, show_share_button=False, show_logo=False)
        self.gui.main_panel.dock_right()

    def request_share_url(self, verbose: bool = True) -> None:
        """Refuses the tunnel to a public server, whichever page asks for it."""
        self.shares_refused += 1

    def stop(self) -> None:
        """Closes the page."""
        with redirect_stdout(StringIO()):  # viser prints that it has stopped
            super().stop()

    def address(self) -> str:
        """Returns the address of the page, and the command that forwards it from another machine."""
        port = self.get_port()
        return f"http://{HOST}:{port}   (from another machine: ssh -L {port}:{HOST}:{port} {socket.gethostname()})"


def check_port(port: int) -> None:
    """Raises ValueError if no server can listen on the port; viser would silently take the next free one."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except OSError as error:
            raise ValueError(f"port {port} cannot be used ({error.strerror}): give another --port") from error
