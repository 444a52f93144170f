"""Opens the viewer for a program: checks that the web packages are there, prints the address, and runs until Ctrl-C."""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from viewer.recording import Recording, Replay
from viewer.session import Session, Setup

PACKAGES = ("viser", "mjviser")
FOLDER = Path("recordings")
HIGHEST_PORT = 65535


def is_installed() -> bool:
    """Returns whether the packages of the page are installed."""
    return all(find_spec(name) is not None for name in PACKAGES)


def show(
    setup: Setup,
    port: int = 8080,
    runs: Sequence[Path] = (),
    follow: bool = False,
    end_with_page: bool = False,
    folder: Path = FOLDER,
    recording: Recording | None = None,
) -> None:
    """Shows a setup, or replays a recording, on a page until Ctrl-C.

    Args:
        setup: what to show; with a recording, its start.
        port: TCP port of the page, on this machine only.
        runs, follow, end_with_page, folder: as in `viewer.app.Viewer`.
        recording: whose commands are repeated.

    Raises:
        ImportError: viser or mjviser is missing.
        ValueError: the port is in use, or the setup is wrong.
    """
    if not is_installed():
        raise ImportError("a page needs viser and mjviser: pip install 'viser>=1.1,<2' 'mjviser>=0.0.14,<0.1'")
    app = import_module("viewer.app")
    replay = None if recording is None else Replay(recording)
    session = Session(setup)
    viewer = app.Viewer(session, port, runs, follow, folder, end_with_page, replay)
    print(f"Open {viewer.server.address()}\nCtrl-C ends.", flush=True)
    try:
        viewer.run()
    except KeyboardInterrupt:  # how a page ends
        print()
    finally:
        viewer.close()
