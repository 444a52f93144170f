"""Pushes of a biped: velocities that are added over a while, along the ground and about the trunk's axes."""

import numpy as np

from envs.locomotion.disturbances import Pushes


class BodyPushes(Pushes):
    """Adds a random horizontal velocity and a random angular velocity to each robot, at random intervals.

    Args:
        velocity: live (n, 6) array of the free joint's velocities, which pushes change: m/s in the world, then rad/s in the
            trunk's frame.
        speed, interval: as in `Pushes`.
        turn: largest angular velocity about each axis, rad/s.
        steps: control steps over which a push is added in equal parts.

    Attributes:
        turn: largest angular velocity about each axis, rad/s.
        scale: factor of both velocities, 0 to 1, for a curriculum.
        current: (n, 5) velocities that the current push adds in total: x and y, m/s, and about three axes, rad/s; 0 between
            pushes.
    """

    def __init__(self, velocity: np.ndarray, speed: float, interval: float, turn: float = 0.0, steps: int = 1):
        super().__init__(velocity, speed, interval)
        self.scale = 1.0
        self.turn, self._steps = turn, steps
        self.current, self._remaining = np.zeros((len(velocity), 5)), np.zeros(len(velocity), int)  # control steps

    def reset(self, ids, streams):
        super().reset(ids, streams)
        self.current[ids], self._remaining[ids] = 0.0, 0

    def step(self):
        if not (self.speed or self.turn):
            return
        self.steps_left -= 1
        self.current[self._remaining == 0] = 0.0
        due = np.flatnonzero(self.steps_left == 0)
        if len(due):
            self._begin(due, np.array([self._streams[i].random(6) for i in due]))
        active = np.flatnonzero(self._remaining)
        self._velocity[np.ix_(active, (0, 1, 3, 4, 5))] += self.current[active] / self._steps
        self._remaining[active] -= 1

    def _begin(self, due, draws):
        direction, speed = 2 * np.pi * draws[:, 0], self.scale * self.speed * draws[:, 1]
        self.current[due, 0], self.current[due, 1] = speed * np.cos(direction), speed * np.sin(direction)
        self.current[due, 2:] = self.scale * self.turn * (2 * draws[:, 3:] - 1)
        self._remaining[due] = self._steps
        self.steps_left[due] = np.maximum(self._interval(draws[:, 2]), self._steps)
