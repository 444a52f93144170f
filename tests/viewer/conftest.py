"""Viewers without a browser, for tests of the page and of its scenes."""

import pytest

from tests.helpers.web_page import free_port
from viewer.session import Session, Setup


@pytest.fixture
def viewers(tmp_path):
    """Returns a function that makes viewers, which are closed at the end; their loop ticks only when a test says so."""
    app = pytest.importorskip("viewer.app", reason="the page needs viser and mjviser", exc_type=ImportError)
    made = []

    def make(env_id="ResidualWalk-v0", runs=(), arguments=None, end_with_page=False, **setup):
        session = Session(Setup(env_id, arguments or {}, **{"kind": "flat", "policy": "zero", **setup}))
        folder = tmp_path / "recordings"
        made.append(app.Viewer(session, free_port(), runs, folder=folder, end_with_page=end_with_page))
        return made[-1]

    yield make
    for viewer in made:
        viewer.close()


@pytest.fixture
def viewer(viewers):
    return viewers()
