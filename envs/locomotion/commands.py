"""Commands of walking robots: a velocity along a turning heading, or targets to walk to."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from envs.locomotion.streams import Generators, spawned
from utils.fields import Checked, FieldError, span, within


@dataclass(frozen=True)
class CommandSegments(Checked):
    """Resampling of a velocity command within an episode: the episode becomes a sequence of segments. Off by default."""

    duration: tuple[float, float] = span((0.0, 0.0), 0.0, 1e4, "s")
    """Range of the duration of a segment, s; with (0, 0) the command never changes within an episode."""
    stand_share: float = within(0.0, 0.0, 1.0)
    """Share of segments that command standing still."""

    def __post_init__(self):
        super().__post_init__()
        if self.duration != (0.0, 0.0) and self.duration[0] < 0.1:
            raise FieldError("duration", f"must begin at 0.1 s or more, or be (0, 0), got {self.duration}")
        if self.stand_share and not self.enabled:
            raise FieldError("stand_share", "has no effect without a duration of segments")

    @property
    def enabled(self) -> bool:
        """Whether commands change within an episode."""
        return self.duration[1] > 0.0


class VelocityCommand:
    """Commanded velocities of n robots, each in the frame of a commanded heading that turns at the commanded yaw rate.

    Args:
        n: number of robots.
        ranges: (low, high) of vx, vy (m/s) and the yaw rate (rad/s).
        segments: whether, and how often, commands are resampled within an episode.

    Attributes:
        value: (n, 3) vx (forward) and vy (to the left) in m/s, and the yaw rate in rad/s.
        heading: (n,) commanded yaw in the world, rad.
        ahead, left: (n, 2) axes of the commanded heading in the world, x and y.
    """

    def __init__(self, n: int, ranges: Sequence[tuple[float, float]], segments: CommandSegments = CommandSegments()):
        self.low, self.high = np.array(ranges, float).T
        self.segments = segments
        self.value, self._drawn = np.zeros((2, n, 3))
        self._fixed = np.zeros(n, bool)
        self._seconds_left = np.zeros(n)  # until the current segment ends
        self._streams: list[np.random.Generator | None] = [None] * n
        self._turning = False
        self._set_heading(np.zeros(n))

    def reset(self, ids: np.ndarray, draws: np.ndarray, heading: np.ndarray, generators: Generators) -> None:
        """Starts episodes of robots `ids` (k,): commands from `draws` (k, 3) in [0, 1), headings (k,) in rad.

        Each of the `generators` (k) gives one number if commands are resampled within an episode, and none otherwise.
        """
        self._drawn[ids] = self._in_range(draws)
        if self.segments.enabled:
            for i, stream in zip(ids, spawned(generators)):
                self._streams[i] = stream
            self._start_segments(ids)
        self._update(ids)
        headings = self.heading.copy()
        headings[ids] = heading
        self._set_heading(headings)

    def advance(self, dt: float) -> np.ndarray:
        """Turns headings by a control step of `dt`, s; returns the robots (k,) that start a new segment in it."""
        ids = self._next_segments(dt) if self.segments.enabled else _NONE
        if self._turning:
            self._set_heading(self.heading + self.value[:, 2] * dt)
        return ids

    def fix(self, value: np.ndarray, ids: np.ndarray | slice = slice(None)) -> None:
        """Gives robots `ids` the command `value`, (3,) or (k, 3), in this and all following episodes until `release`."""
        self._fixed[ids] = True
        self.value[ids] = value
        self._turning = bool(self.value[:, 2].any())

    def release(self, ids: np.ndarray | slice = slice(None)) -> None:
        """Gives robots `ids` their drawn commands again."""
        self._fixed[ids] = False
        self._update(ids)

    def seen_from_heading(self, quat: np.ndarray) -> np.ndarray:
        """Returns orientations `quat` (n, 4), wxyz in the world, relative to the commanded headings, with w >= 0."""
        # (cos h/2, 0, 0, -sin h/2) times (w, x, y, z): the second part takes z, y, x, w in turn.
        turned = self._half_cosine * quat + self._half_sines * quat[:, ::-1]
        return turned * np.copysign(1.0, turned[:, :1])

    def _in_range(self, draws):
        return self.low + draws * (self.high - self.low)

    def _update(self, ids):
        """Takes the drawn commands of robots `ids` that are not fixed."""
        self.value[ids] = np.where(self._fixed[ids, None], self.value[ids], self._drawn[ids])
        self._turning = bool(self.value[:, 2].any())

    def _next_segments(self, dt):
        self._seconds_left -= dt
        ids = np.flatnonzero(self._seconds_left < dt / 2)  # rounding must not move an end by a step
        if len(ids):
            self._drawn[ids] = self._in_range(np.array([self._streams[i].random(3) for i in ids]))
            self._start_segments(ids)
            self._update(ids)
        return ids

    def _start_segments(self, ids):
        draws = np.array([self._streams[i].random(2) for i in ids]).reshape(-1, 2)
        shortest, longest = self.segments.duration
        self._seconds_left[ids] = shortest + draws[:, 0] * (longest - shortest)
        self._drawn[ids[draws[:, 1] < self.segments.stand_share]] = 0.0

    def _set_heading(self, heading):
        """Sets the headings (n,), rad, with their axes in the world and the terms that turn quaternions."""
        self.heading, cosine, sine = heading, np.cos(heading), np.sin(heading)
        self.ahead, self.left = np.stack([cosine, sine], axis=1), np.stack([-sine, cosine], axis=1)
        self._half_cosine = np.cos(heading / 2)[:, None]
        self._half_sines = np.sin(heading / 2)[:, None] * (1.0, 1.0, -1.0, -1.0)


class TargetCommand:
    """Targets on the ground for n robots. A new target is drawn around the robot whenever it has reached the last one.

    Args:
        n: number of robots.
        distance: range of a target's distance from the robot, m.
        direction: range of a target's direction from the robot's yaw, rad.
        radius: distance within which a target counts as reached, m.

    Attributes:
        position: (n, 2) targets in the world, m.
        reached: (n,) targets reached in the current episode.

    Raises:
        ValueError: a target could be drawn within the radius.
    """

    def __init__(self, n: int, distance: tuple[float, float], direction=(-np.pi, np.pi), radius: float = 0.5):
        if not 0.0 < radius < distance[0] <= distance[1]:
            raise ValueError(f"distance must be a range of ascending values above the radius {radius} m, got {distance} m")
        self.radius, self._ranges = radius, np.array([distance, direction], float)
        self.position, self.reached = np.zeros((n, 2)), np.zeros(n, int)
        self._streams: list[np.random.Generator | None] = [None] * n

    def reset(self, ids: np.ndarray, position: np.ndarray, yaw: np.ndarray, generators: Generators) -> None:
        """Draws first targets for robots `ids` (k,) at `position` (k, 2), m, and `yaw` (k,), rad, in the world.

        Each of the `generators` (k) gives one number.
        """
        for i, stream in zip(ids, spawned(generators)):
            self._streams[i] = stream
        self.reached[ids] = 0
        self._draw(ids, position, yaw)

    def advance(self, position: np.ndarray, yaw: np.ndarray, able: np.ndarray | bool = True) -> np.ndarray:
        """Draws new targets for robots that have reached theirs; returns (n,) bool, True for these robots.

        `position` (n, 2), m, and `yaw` (n,), rad, are the poses of all robots in the world. Only robots that are `able`
        (n,) bool, for example those that have not fallen, can reach a target.
        """
        arrived = (self.distance(position) <= self.radius) & able
        if arrived.any():
            ids = np.flatnonzero(arrived)
            self.reached[ids] += 1
            self._draw(ids, position[ids], yaw[ids])
        return arrived

    def place(self, ids: np.ndarray, in_body: np.ndarray, position: np.ndarray, yaw: np.ndarray) -> None:
        """Replaces targets of robots `ids` by points `in_body` (2,), m ahead and to the left.

        `position` (n, 2), m, and `yaw` (n,), rad, are the poses of all robots in the world.
        """
        x, y = in_body
        cosine, sine = np.cos(yaw), np.sin(yaw)
        self.position[ids] = (position + np.stack([cosine * x - sine * y, sine * x + cosine * y], axis=1))[ids]

    def distance(self, position: np.ndarray) -> np.ndarray:
        """Returns the distances (n,) from `position` (n, 2) in the world to the targets, m."""
        offset = self.position - position
        return np.sqrt(np.vecdot(offset, offset))

    def in_body(self, position: np.ndarray, yaw: np.ndarray) -> np.ndarray:
        """Returns the targets (n, 2) in the frames of robots at `position` (n, 2), m, with `yaw` (n,), rad: x and y, m."""
        x, y = (self.position - position).T
        cosine, sine = np.cos(yaw), np.sin(yaw)
        return np.stack([cosine * x + sine * y, cosine * y - sine * x], axis=1)

    def _draw(self, ids, position, yaw):
        draws = np.array([self._streams[i].random(2) for i in ids]).reshape(-1, 2)
        distance, direction = (self._ranges[:, 0] + draws * (self._ranges[:, 1] - self._ranges[:, 0])).T
        angle = yaw + direction
        self.position[ids] = position + distance[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)


_NONE = np.zeros(0, int)
