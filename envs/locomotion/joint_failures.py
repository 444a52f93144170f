"""Joint failures: joints that lock, lose their torque or a part of it, or act erratically, as changes of the model."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from envs.locomotion.randomisation import Parameter
from envs.locomotion.streams import Generators
from utils.fields import Checked, FieldError, is_name, span, within
from utils.perturbation import Perturbable
from utils.variation import Scale, Shift, Variation

FAILURES = ("lock", "passive", "weak", "erratic")
# Parameters that a `perturb_spec` sets to the index of a joint, in the order of FAILURES; -1 for no joint.
FORCED = ("locked_joint", "passive_joint", "weak_joint", "erratic_joint")
# A locked joint gets damping and armature. Damping alone would stop the joint, too, but the contact solver does not know
# the damping: it takes the joint for a free one, and contacts that load the joint become unstable within steps.
LOCKED_DAMPING = 2e4  # N m s/rad: a load of 1 N m turns a locked joint by 0.2 degrees in a minute
LOCKED_ARMATURE = 100.0  # kg m2: with this damping a joint loses half of its speed in 5 ms, or more
LATEST = 10**9  # control steps; sums of two fit into an array of integers
_LOCK, _ERRATIC = FAILURES.index("lock"), FAILURES.index("erratic")


@dataclass(frozen=True)
class JointFailureConfig(Checked):
    """Probability, number, kinds and times of joint failures in an episode; by default no joint fails."""

    share: float = within(0.0, 0.0, 1.0)
    """Share of episodes in which joints fail."""
    joints: tuple[int, int] = (1, 1)
    """Range of the number of joints that fail in such an episode."""
    kinds: tuple[str, ...] = FAILURES
    """Kinds of failure, equally likely: lock (does not turn), passive (no torque), weak (reduced torque and stiffness),
    erratic (torque and stiffness scaled by a new random factor in every control step)."""
    start: tuple[int, int] = (0, 0)
    """Range of the episode's control step in which a failure begins."""
    duration: tuple[int, int] = (0, 0)
    """Range of a failure's duration, control steps; (0, 0) lasts until the episode ends."""
    strength: tuple[float, float] = span((0.2, 0.6), 0.0, 1.0)
    """Range of the factor that scales the torque and stiffness of a weak joint."""

    def __post_init__(self):
        super().__post_init__()
        if not self.kinds or not all(is_name(kind, FAILURES) for kind in self.kinds):
            raise FieldError("kinds", f"must have at least one of {', '.join(FAILURES)}, got {self.kinds}")
        if len({*self.kinds}) < len(self.kinds):
            raise FieldError("kinds", f"must name each kind once, got {self.kinds}")
        for name, lowest, unit in (("joints", 1, "joints"), ("start", 0, "steps"), ("duration", 0, "steps")):
            low, high = getattr(self, name)
            if not lowest <= low <= high <= LATEST:
                words = f"must be a range (low, high) of {unit} with {lowest} <= low <= high <= {LATEST}"
                raise FieldError(name, f"{words}, got {(low, high)}")
        for name in ("joints", "kinds", "start", "duration"):
            if not self.share and getattr(self, name) != getattr(type(self), name):
                raise FieldError(name, "has no effect while share is 0, because no joint fails")


def failure_factors(joints: Mapping[str, str]) -> dict[str, tuple[Scale, ...]]:
    """Returns the factors that failures change, for `Task.factors`; each has one value per joint.

    `joints` maps the names of the hinge joints that may fail to the names of their actuators.
    """
    fields = ("actuator_gainprm", "actuator_biasprm", "actuator_forcerange")
    strength = tuple(Scale(field, tuple(joints.values()), each=True) for field in fields)
    return {
        "failed_joint_strength": strength,
        "failed_joint_damping": (Shift("dof_damping", tuple(joints), each=True),),
        "failed_joint_armature": (Shift("dof_armature", tuple(joints), each=True),),
    }


def failure_parameters(count: int) -> dict[str, Parameter]:
    """Returns a row for each kind of failure of a robot with `count` joints: its value is the index of the failing joint.

    A joint that several kinds name fails as the last of them in FORCED says.
    """
    last = count - 1
    return {name: Parameter((), Perturbable(-1.0, 0.0, last, 1.0, -1.0, last, whole=True)) for name in FORCED}


class JointFailures:
    """Makes joints of a robot fail, for all or part of an episode, by changing its model.

    Each joint that fails has its own kind, start and duration. An override of a parameter of `failure_parameters` makes its
    joint fail for whole episodes; it takes precedence over the draws.

    Args:
        variation: the factors of a batch; `failure_factors` are added if joints fail.
        joints: names of the hinge joints that may fail, each with the name of its actuator.
        config: probability, number, kinds and times of failures.

    Attributes:
        share: share of the episodes in which joints fail; resets read it.
        kind: (n, j) index in `FAILURES` of the kind of each joint's failure in this episode; -1 for a healthy joint.
        active, locked: (n, j) bool, True while a joint fails, and while it is locked.
        strength: (n, j) current factor of each joint's torque and stiffness, 1 for a healthy or a locked joint.

    Raises:
        ValueError: more joints shall fail than there are.
    """

    def __init__(self, variation: Variation, joints: Mapping[str, str], config: JointFailureConfig):
        n, self._count = variation.num_simulations, len(joints)
        if config.joints[1] > self._count:
            raise FieldError("joints", f"must be at most {self._count}, the number of joints, got {config.joints}")
        self.config, self._variation, self._factors = config, variation, failure_factors(joints)
        self.share = config.share
        if config.share:
            variation.declare(self._factors)
        self._kinds = np.array([FAILURES.index(kind) for kind in config.kinds])
        self.kind, self._start, self._end = np.full((3, n, self._count), -1)
        self._weak, self.strength = np.ones((2, n, self._count))
        self.active, self.locked = np.zeros((2, n, self._count), bool)
        self._age = np.zeros(n, int)
        self._some_fail = False
        self._streams: list[np.random.Generator | None] = [None] * n

    def reset(self, ids: np.ndarray, streams: Generators) -> None:
        """Draws the failures of the episodes of simulations `ids` (k,) from `streams` (k); a reset of the batch must follow.

        Erratic joints draw from their simulation's stream in every step.
        """
        forced = self._forced(ids)
        if not self.config.share and forced is None:
            return
        self._variation.declare(self._factors)
        for i, stream in zip(ids, streams):
            self._streams[i] = stream
        self._draw(ids, np.array([stream.random(2 + 5 * self._count) for stream in streams]))
        if forced is not None:
            failing = forced >= 0
            self.kind[ids] = np.where(failing, forced, self.kind[ids])
            self._start[ids] = np.where(failing, 0, self._start[ids])
            self._end[ids] = np.where(failing, _FOREVER, self._end[ids])
        self._age[ids] = 0
        self._some_fail = bool((self.kind >= 0).any())
        self._apply(ids)

    def step(self) -> None:
        """Starts and ends failures. Call it once in every control step, before the physics."""
        if not self._some_fail:
            return
        age = self._age[:, None]
        erratic = self.active & (self.kind == _ERRATIC)
        changing = ((age == self._start) & (age > 0)) | (age == self._end) | erratic
        ids = np.flatnonzero((changing & (self.kind >= 0)).any(axis=1))
        if len(ids):
            self._apply(ids)  # the batch recomputes the stages of changed models by itself
        self._age += 1

    def _forced(self, ids):
        """Returns the kind (k, j) of failure that overrides give to each joint, -1 for none; None without overrides."""
        overrides = self._variation.overrides
        if not any(name in overrides for name in FORCED):
            return None
        kind = np.full((len(ids), self._count), -1)
        for index, name in enumerate(FORCED):
            if name in overrides:
                kind[overrides[name][ids, None] == np.arange(self._count)] = index
        return kind

    def _draw(self, ids, draws):
        """Draws failures from `draws` (k, 2 + 5 j) in [0, 1): any, how many, then rank, kind and times of each joint."""
        c = self.config
        rank, kind, start, duration, strength = draws[:, 2:].reshape(len(ids), 5, self._count).transpose(1, 0, 2)
        number = np.where(draws[:, 0] < self.share, _whole(draws[:, 1], c.joints), 0)
        fails = rank.argsort(axis=1).argsort(axis=1) < number[:, None]
        self.kind[ids] = np.where(fails, self._kinds[(kind * len(self._kinds)).astype(int)], -1)
        self._start[ids] = _whole(start, c.start)
        self._end[ids] = self._start[ids] + _whole(duration, c.duration) if c.duration[1] else _FOREVER
        self._weak[ids] = c.strength[0] + strength * (c.strength[1] - c.strength[0])

    def _apply(self, ids):
        """Writes the failures of simulations `ids` (k,), at their current age, to their models."""
        age, kind = self._age[ids, None], self.kind[ids]
        self.active[ids] = active = (kind >= 0) & (self._start[ids] <= age) & (age < self._end[ids])
        kind = np.where(active, kind, -1)
        self.locked[ids] = locked = kind == _LOCK
        one, erratic = np.ones(kind.shape), np.ones(kind.shape)
        for row in np.flatnonzero((kind == _ERRATIC).any(axis=1)):
            erratic[row] = self._streams[ids[row]].random(self._count)
        self.strength[ids] = np.choose(kind + 1, [one, one, 0.0 * one, self._weak[ids], erratic])  # from healthy on
        values = {"failed_joint_strength": self.strength[ids]}
        values |= {f"failed_joint_{name}": value * locked for name, value in _LOCKED.items()}
        self._variation.change(values, ids)


_LOCKED = {"damping": LOCKED_DAMPING, "armature": LOCKED_ARMATURE}
_FOREVER = np.iinfo(int).max // 2


def _whole(draws, steps):
    """Returns integers, in the shape of `draws` in [0, 1), from the range `steps`, both ends included."""
    low, high = steps
    return low + (draws * (high - low + 1)).astype(int)
