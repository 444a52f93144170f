"""Disturbances within an episode: pushes and late controls."""

from dataclasses import dataclass

import numpy as np

from envs.locomotion.streams import Generators
from utils.fields import Checked, within


@dataclass(frozen=True)
class DisturbanceConfig(Checked):
    """Late controls and pushes; none by default."""

    action_delay: float = within(0.0, 0.0, 1.0)
    """Share of episodes in which controls reach the servos one control step late."""
    push_speed: float = within(0.0, 0.0, 2.0, unit="m/s")
    """Largest speed that a push adds in a random horizontal direction, m/s; 0 for no pushes."""
    push_interval: float = within(3.0, 0.1, 1000.0, unit="s")
    """Mean time between pushes, s; each interval is 0.5 to 1.5 times as long."""

    @property
    def idle(self) -> dict[str, str]:
        """Fields that have no effect in this config -> the reason."""
        return {} if self.push_speed else {"push_interval": "push_speed is 0"}


class Pushes:
    """Adds a random horizontal velocity to each robot, at random intervals.

    Args:
        velocity: live (n, 2) array of the robots' horizontal velocities, m/s, which pushes change.
        speed: largest speed of a push, m/s; 0 for no pushes.
        interval: mean interval between pushes, control steps; each is 0.5 to 1.5 times as long.

    Attributes:
        steps_left: (n,) control steps until the next push.
    """

    transient = ("_velocity",)

    def __init__(self, velocity: np.ndarray, speed: float, interval: float):
        self._velocity, self.speed, self.interval = velocity, speed, interval
        self.steps_left = np.zeros(len(velocity), int)
        self._streams: list[np.random.Generator | None] = [None] * len(velocity)

    def reset(self, ids: np.ndarray, streams: Generators) -> None:
        """Draws the first push time of robots `ids` (k,); all pushes of this episode are drawn from `streams` (k)."""
        for i, stream in zip(ids, streams):
            self._streams[i] = stream
        self.steps_left[ids] = self._interval(np.array([stream.random() for stream in streams]))

    def step(self) -> None:
        """Pushes the robots whose interval has passed. Call it once in every control step."""
        if not self.speed:
            return
        self.steps_left -= 1
        due = np.flatnonzero(self.steps_left == 0)
        if len(due) == 0:
            return
        draws = np.array([self._streams[i].random(3) for i in due])
        direction, speed = 2 * np.pi * draws[:, 0], self.speed * draws[:, 1]
        self._velocity[due] += np.stack([speed * np.cos(direction), speed * np.sin(direction)], axis=1)
        self.steps_left[due] = self._interval(draws[:, 2])

    def _interval(self, draws):
        return np.maximum(1, np.rint((0.5 + draws) * self.interval)).astype(int)


class LateControls:
    """Delays the controls of n simulations by whole numbers of control steps, one number per simulation.

    Attributes:
        steps: (n,) delay of the controls, control steps.
    """

    def __init__(self, n: int, size: int, most: int):
        self.steps, self._everyone = np.zeros(n, int), np.arange(n)
        self._sent = np.zeros((most + 1, n, size))  # newest first
        self._late = False

    def reset(self, ids: np.ndarray, steps: np.ndarray, ctrl: np.ndarray) -> None:
        """Delays simulations `ids` (k,) by `steps` (k,); until the first control arrives they get `ctrl` (size,)."""
        self.steps[ids] = steps
        self._sent[:, ids] = ctrl
        self._late = bool(self.steps.any())

    def step(self, ctrl: np.ndarray) -> np.ndarray:
        """Returns the controls (n, size) that arrive when `ctrl` (n, size) is sent. Call it once in every control step."""
        if not self._late:
            return ctrl
        self._sent[1:] = self._sent[:-1].copy()
        self._sent[0] = ctrl
        return self._sent[self.steps, self._everyone]
