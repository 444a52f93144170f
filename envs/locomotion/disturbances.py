"""Disturbances within an episode: pushes, late controls, and joint failures."""

from dataclasses import dataclass

import numpy as np

from envs.locomotion.streams import Generators
from utils.fields import Checked, FieldError, is_name, span, within
from utils.variation import Scale, Shift, Variation


@dataclass(frozen=True)
class DisturbanceConfig(Checked):
    """Late controls and pushes; none by default."""

    action_delay: float = within(0.0, 0.0, 1.0)
    """Share of episodes in which controls reach the servos one control step late."""
    push_speed: float = within(0.0, 0.0, 2.0, unit="m/s")
    """Largest speed that a push adds in a random horizontal direction, m/s; 0 for no pushes."""
    push_interval: float = within(3.0, 0.1, 1000.0, unit="s")
    """Mean time between pushes, s; each interval is 0.5 to 1.5 times as long."""


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


FAILURES = ("lock", "passive", "weak", "erratic")
LOCKED = 1e3  # N m s/rad: a servo of 30 N m turns a locked joint by 0.03 rad/s
LATEST = 10**9  # control steps; sums of two fit into an array of integers


@dataclass(frozen=True)
class JointFailureConfig(Checked):
    """Probability, kinds and times of a joint failure, at most one in an episode; by default no joint fails."""

    share: float = within(0.0, 0.0, 1.0)
    """Share of episodes in which a joint fails."""
    kinds: tuple[str, ...] = FAILURES
    """Kinds of failure, equally likely: lock (does not turn), passive (no torque), weak (reduced torque and stiffness),
    erratic (torque and stiffness scaled by a new random factor in every control step)."""
    start: tuple[int, int] = (0, 0)
    """Range of the episode's control step in which the failure begins."""
    duration: tuple[int, int] = (0, 0)
    """Range of the failure's duration, control steps; (0, 0) lasts until the episode ends."""
    strength: tuple[float, float] = span((0.2, 0.6), 0.0, 1.0)
    """Range of the factor that scales the torque and stiffness of a weak joint."""

    def __post_init__(self):
        super().__post_init__()
        if not self.kinds or not all(is_name(kind, FAILURES) for kind in self.kinds):
            raise FieldError("kinds", f"must have at least one of {', '.join(FAILURES)}, got {self.kinds}")
        for name in ("start", "duration"):
            low, high = getattr(self, name)
            if not 0 <= low <= high <= LATEST:
                words = f"must be a range (low, high) of steps with 0 <= low <= high <= {LATEST}"
                raise FieldError(name, f"{words}, got {(low, high)}")


class JointFailures:
    """Makes one joint of a robot fail, for all or part of an episode, by changing its model.

    Args:
        variation: the factors of a batch; two are added, with one value for each joint.
        joints: names of the hinge joints that may fail, each with the name of its actuator.
        config: probability, kinds and times of failures.

    Attributes:
        joint: (n,) index of the joint that fails in this episode; -1 if none does.
        kind: (n,) index of the kind of failure in `FAILURES`.
        active: (n,) bool, True while a joint fails.
    """

    def __init__(self, variation: Variation, joints: dict[str, str], config: JointFailureConfig):
        self.config, self._variation, n = config, variation, variation.num_simulations
        self._count, actuators = len(joints), tuple(joints.values())
        if config.share:
            fields = ("actuator_gainprm", "actuator_biasprm", "actuator_forcerange")
            strength = tuple(Scale(field, actuators, each=True) for field in fields)
            damping = (Shift("dof_damping", tuple(joints), each=True),)
            variation.declare({"failed_joint_strength": strength, "failed_joint_damping": damping})
        self._kinds = np.array([FAILURES.index(kind) for kind in config.kinds])
        self.joint, self.kind, self._start, self._end, self._age = np.zeros((5, n), int)
        self.joint[:] = -1
        self._strength, self.active = np.ones(n), np.zeros(n, bool)
        self._streams: list[np.random.Generator | None] = [None] * n

    def reset(self, ids: np.ndarray, streams: Generators) -> None:
        """Draws the failures of the episodes of simulations `ids` (k,) from `streams` (k); a reset of the batch must follow.

        Erratic joints draw from their simulation's stream in every step.
        """
        if not self.config.share:
            return
        for i, stream in zip(ids, streams):
            self._streams[i] = stream
        fails, joint, kind, start, duration, strength = np.array([stream.random(6) for stream in streams]).reshape(-1, 6).T
        self.joint[ids] = np.where(fails < self.config.share, (joint * self._count).astype(int), -1)
        self.kind[ids] = self._kinds[(kind * len(self._kinds)).astype(int)]
        self._start[ids] = _whole(start, self.config.start)
        lasting = _whole(duration, self.config.duration) if self.config.duration[1] else np.iinfo(int).max // 2
        self._end[ids] = self._start[ids] + lasting
        low, high = self.config.strength
        self._strength[ids] = low + strength * (high - low)
        self._age[ids] = 0
        self._apply(ids)

    def step(self) -> None:
        """Starts and ends failures. Call it once in every control step, before the physics."""
        if not self.config.share:
            return
        erratic = self.active & (self.kind == FAILURES.index("erratic"))
        changing = ((self._age == self._start) & (self._age > 0)) | (self._age == self._end) | erratic
        ids = np.flatnonzero(changing & (self.joint >= 0))
        if len(ids):
            self._apply(ids)  # the batch recomputes the stages of changed models by itself
        self._age += 1

    def _apply(self, ids):
        """Writes the failures of simulations `ids` (k,), at their current age, to their models."""
        self.active[ids] = (self.joint[ids] >= 0) & (self._age[ids] >= self._start[ids]) & (self._age[ids] < self._end[ids])
        strength, damping = np.ones((len(ids), self._count)), np.zeros((len(ids), self._count))
        rows = np.flatnonzero(self.active[ids])
        failing = ids[rows]
        kind, joint = self.kind[failing], self.joint[failing]
        left = np.array([self._streams[i].random() if FAILURES[self.kind[i]] == "erratic" else 0.0 for i in failing])
        by_kind = np.array([np.ones(len(rows)), np.zeros(len(rows)), self._strength[failing], left])
        strength[rows, joint] = by_kind[kind, np.arange(len(rows))]
        damping[rows, joint] = np.where(kind == FAILURES.index("lock"), LOCKED, 0.0)
        self._variation.apply({"failed_joint_strength": strength, "failed_joint_damping": damping}, ids)


def _whole(draws, steps):
    """Returns integers (k,) from the range `steps`, both ends included, for `draws` (k,) in [0, 1)."""
    low, high = steps
    return low + (draws * (high - low + 1)).astype(int)
