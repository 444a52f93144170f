"""The viewer: a page, a loop and a session, put together."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from viewer.loop import LONGEST_MESSAGE, Loop
from viewer.panels.command import CommandPanel
from viewer.panels.controls import Controls
from viewer.panels.gamepad import GamepadPanel
from viewer.panels.policy import PolicyPanel
from viewer.panels.record import RecordPanel
from viewer.panels.see import SeePanel
from viewer.panels.world import WorldPanel
from viewer.recording import Replay
from viewer.scenes import MujocoScene, scene_of
from viewer.server import LocalServer
from viewer.session import Session

REFRESH = 0.2  # s between two updates of the numbers on the page
TABS = (CommandPanel, WorldPanel, PolicyPanel, SeePanel, RecordPanel)
VIEW_ANGLES = np.radians([135.0, 22.0])  # azimuth and elevation of the first camera


class Viewer:
    """Shows a session on a page, and steers it from there.

    Args:
        session: the simulations.
        port: TCP port of the page.
        runs: run folders whose policies the page offers.
        follow: follow the newest checkpoint of the first run.
        folder: where recordings and films go.
        end_with_page: end when the last page is closed.
        replay: commands of a recording, which the session was built from.

    Attributes:
        server, loop, scene, panels: the parts.

    Raises:
        ValueError: the port is in use.
    """

    def __init__(
        self,
        session: Session,
        port: int = 8080,
        runs: Sequence[Path] = (),
        follow: bool = False,
        folder: Path = Path("recordings"),
        end_with_page: bool = False,
        replay: Replay | None = None,
    ):
        self.server = LocalServer(port)
        self.loop = Loop(session, self.draw)
        self.runs, self.follow, self.folder, self._replay = tuple(runs), follow, folder, replay
        self.scene = scene_of(self.server, session, self.loop.post)
        self._refresh_due = 0.0
        self.panels = {panel.title: panel(self) for panel in (Controls, *TABS, GamepadPanel)}
        self._build_page()
        self._listen(session)
        self._watch_clients(end_with_page)
        self.server.get_event_loop().set_exception_handler(self._refuse_broken)

    @property
    def session(self) -> Session:
        """The session that the loop steps."""
        return self.loop.session

    def use(self, session: Session) -> None:
        """Replaces the session; only the thread of the loop calls it."""
        self.panels["Record"].end_film()
        old, self.loop.session, self._replay = self.loop.session, session, None
        self._listen(session)
        old.close()

    def refuse(self, error: Exception) -> None:
        """Shows why an input of the page was refused; from any thread."""
        words = (str(error) or type(error).__name__).splitlines()[0][:LONGEST_MESSAGE]

        def show():
            raise ValueError(words)

        self.loop.post(show)

    def draw(self) -> None:
        """Draws the scene, and a few times per second the numbers; only the thread of the loop calls it."""
        if not self.scene.is_current(self.session):
            robot, follow = self.scene.robot, self.scene.follow
            self.scene = scene_of(self.server, self.session, self.loop.post)
            self.scene.robot, self.scene.follow = min(robot, self.session.count - 1), follow
            self.panels["See"].add_overlays()
        self.scene.update()
        if time.monotonic() >= self._refresh_due:
            self._refresh_due = time.monotonic() + REFRESH
            for panel in self.panels.values():
                panel.refresh()

    def run(self) -> None:
        """Runs until the loop ends."""
        self.loop.run()

    def close(self) -> None:
        """Ends the film, closes the page and the environment."""
        try:
            self.panels["Record"].end_film()
        finally:
            self.server.stop()
            self.session.close()

    def _refuse_broken(self, loop, context):
        """Shows why viser could not read an input of the page, for example a text where it expects a number."""
        if isinstance(error := context.get("exception"), (ValueError, TypeError, OverflowError, AssertionError)):
            self.refuse(ValueError(f"the page sent a wrong value: {error or type(error).__name__}"))
        else:
            loop.default_exception_handler(context)

    def _build_page(self):
        self.panels["Controls"].build()
        tabs = self.server.gui.add_tab_group()
        for kind in TABS:
            with tabs.add_tab(kind.title):
                self.panels[kind.title].build()
        self.panels["Gamepad"].build()

    def _listen(self, session):
        session.on_step += [self.panels["See"].note, self.panels["Record"].note]
        if self._replay is not None:
            session.on_step.append(self._feed_replay)
            self._feed_replay()

    def _feed_replay(self):
        for command in self._replay.due(self.session.steps) if self._replay else ():
            self.session.apply(command)
        if self._replay and self._replay.done(self.session):
            same = self.session.digest == self._replay.recording.digest
            print(f"The replay has ended: {'the same bits' if same else 'other numbers'} as in the recording.", flush=True)
            self._replay, self.loop.paused = None, True

    def _watch_clients(self, end_with_page):
        position = camera_offset(self.scene)

        @self.server.on_client_connect
        async def _(client):
            client.camera.position, client.camera.look_at = position, np.zeros(3)

        @self.server.on_client_disconnect
        async def _(client):
            self.panels["Gamepad"].let_go(client.client_id)
            if end_with_page and not set(self.server.get_clients()) - {client.client_id}:
                self.loop.end()


def camera_offset(scene) -> np.ndarray:
    """Returns the first position of the camera (3,), m, from the robot: a few times the robot's size away."""
    radius = 0.5
    if isinstance(scene, MujocoScene):
        moving = np.flatnonzero(scene.model.body_dofnum)
        points = scene.poses.position[0, moving] if len(moving) else np.zeros((1, 3))
        radius = max(0.1, float(np.linalg.norm(points - points.mean(axis=0), axis=1).max()))
    azimuth, elevation = VIEW_ANGLES
    flat = np.array([np.cos(azimuth), np.sin(azimuth)]) * np.cos(elevation)
    return (4.0 * radius + 0.3) * np.array([*-flat, np.sin(elevation)])
