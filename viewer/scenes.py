"""What the page draws: the bodies of all robots with mjviser, or the pictures of an environment without MuJoCo."""

from collections.abc import Callable
from contextlib import suppress
from copy import copy

import numpy as np
import viser
from mjviser import ViserMujocoScene

from viewer.bodies import Poses
from viewer.commands import Drag, Drop
from viewer.session import Session

ARROW = (230, 70, 40)
LABEL_HEIGHT = 0.12  # m above a robot's body
ARROWS, LABELS = "/pushes", "/labels"
Post = Callable[[Drag | Drop], None]


class MujocoScene:
    """The bodies of all robots of a session on their ground.

    The camera follows the first moving body of the chosen robot: the scene moves, and the robot stays at the origin.

    Args:
        server: the page.
        session: the simulations; all have the geometry of the first one.
        post: receives the commands of the mouse.

    Attributes:
        robot: the robot that the camera follows.
        follow: whether it follows it.
    """

    def __init__(self, server: viser.ViserServer, session: Session, post: Post):
        self._server, self._session, self._post = server, session, post
        self.model, self.robot, self.follow = session.bodies.model, 0, True
        self._scene = ViserMujocoScene(server, copy(self.model), session.count)  # it changes the model's colours and scales
        self.poses = session.bodies.poses()
        self._offset = np.zeros(3)
        self._grabbed: dict[int, tuple[int, np.ndarray]] = {}
        for group in self._scene._mesh_groups:
            group.handle.on_drag("left", modifier="cmd/ctrl")(self._dragging(np.array(group.body_ids)))
        self._labels = [server.scene.add_label(f"{LABELS}/{i}", "") for i in range(session.count)] if _many(session) else []

    def is_current(self, session: Session) -> bool:
        """Returns whether the scene shows the model and the number of robots of a session."""
        return (
            session.bodies is not None and session.bodies.model is self.model and len(self.poses.position) == session.count
        )

    def create_controls(self) -> None:
        """Adds mjviser's switches for contacts, forces, joints and groups to the current part of the page."""
        self._scene.create_overlay_gui()
        self._scene.create_groups_gui()

    def update(self) -> None:
        """Draws the current poses, labels and arrows."""
        poses = self.poses = self._session.bodies.poses()
        self._scene.env_idx = self.robot = min(self.robot, self._session.count - 1)
        self._scene.camera_tracking_enabled = self.follow
        self._scene.update_from_arrays(
            poses.position, poses.rotation, poses.mocap_position, poses.mocap_quat,
            qpos=poses.qpos, qvel=poses.qvel, ctrl=poses.ctrl,
        )  # fmt: skip
        body = self._scene._tracked_body_id
        self._offset = -poses.position[self.robot, body] if self.follow and body is not None else np.zeros(3)
        self._draw_labels(poses)
        self._draw_arrows(poses)

    def grab(self, phase: str, robot: int, body: int, start: np.ndarray, end: np.ndarray) -> Drag | Drop:
        """Returns the command of a gesture with the mouse.

        Args:
            phase: "start", "update" or "end".
            robot: the robot.
            body: the body under the mouse at the start.
            start: (3,) grabbed point, m, in the coordinates of the page.
            end: (3,) point of the mouse, m, in the coordinates of the page.
        """
        if phase == "end":
            self._grabbed.pop(robot, None)
            return Drop(robot)
        if phase == "start" or robot not in self._grabbed:
            local = self.poses.rotation[robot, body].T @ (start - self._offset - self.poses.position[robot, body])
            self._grabbed[robot] = body, local
        body, local = self._grabbed[robot]
        return Drag(robot, int(body), tuple(local.tolist()), tuple((end - self._offset).tolist()))

    def _dragging(self, body_ids):
        """Returns the callback of a batch of bodies; viser numbers the instances of all robots in order."""

        async def dragged(event):
            robot, place = divmod(event.instance_index or 0, len(body_ids))
            points = np.array(event.start_position, float), np.array(event.end_position, float)
            with suppress(ValueError):  # a point that is not finite, or too far away
                self._post(self.grab(event.phase, robot, int(body_ids[place]), *points))

        return dragged

    def _draw_labels(self, poses):
        body = self._scene._tracked_body_id
        for i, (label, text) in enumerate(zip(self._labels, self._session.labels())):
            label.text = text.rpartition("/")[2]
            label.position = poses.position[i, body or 0] + self._offset + (0.0, 0.0, LABEL_HEIGHT)

    def _draw_arrows(self, poses: Poses):
        drags = self._session.pushes.drags
        ends = [(poses.point(drag.robot, drag.body, np.array(drag.point)), np.array(drag.target)) for drag in drags]
        points = np.array(ends or np.zeros((1, 2, 3))) + (self._offset if ends else 0.0)
        size = float(self.model.stat.meansize)
        self._server.scene.add_arrows(
            ARROWS,
            points,
            ARROW,
            shaft_radius=0.1 * size,
            head_radius=0.25 * size,
            head_length=0.5 * size,
            visible=bool(ends),
        )


class PictureScene:
    """The pictures of the first simulation of an environment without MuJoCo, behind the controls.

    Attributes:
        robot, follow: as in `MujocoScene`; without effect.
    """

    def __init__(self, server: viser.ViserServer, session: Session):
        self._server, self._session, self.robot, self.follow = server, session, 0, False
        self._shown = session.env

    def is_current(self, session: Session) -> bool:
        """Returns whether the scene shows the environment of a session."""
        return session.bodies is None and session.env is self._shown

    def create_controls(self) -> None:
        """Adds nothing: a picture has no overlays."""

    def update(self) -> None:
        """Draws the current picture, if the environment renders pictures."""
        frames = self._session.env.render()
        if frames is not None and len(frames) and isinstance(frames[0], np.ndarray):
            self._server.scene.set_background_image(np.asarray(frames[0])[..., :3], format="jpeg")


def scene_of(server: viser.ViserServer, session: Session, post: Post) -> MujocoScene | PictureScene:
    """Returns the scene of a session on an empty page."""
    server.scene.reset()
    return PictureScene(server, session) if session.bodies is None else MujocoScene(server, session, post)


def _many(session):
    return session.setup.groups > 1
