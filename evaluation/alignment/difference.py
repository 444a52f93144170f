"""A difference between training environment and control loop, with the joint, the step and the likely kind."""

from dataclasses import dataclass

import numpy as np

from evaluation.alignment.kinds import Kind

_COLUMNS = {
    "phase": ("sine", "cosine"),
    "command": ("vx", "vy", "yaw rate"),
    "euler": ("roll", "pitch", "yaw"),
    "inertia of the base": ("motion x", "motion y", "motion z", "rotation x", "rotation y", "rotation z"),
}


@dataclass(frozen=True)
class Difference:
    """The first difference between the two sides.

    Attributes:
        quantity: name of the quantity, with the joint or value.
        kind: name of the likely kind; docs/deploy.md lists all of them.
        words: a sentence about the cause.
        step: index of the first recorded step in which it differs.
        training, loop: the values of both sides in this step.
    """

    quantity: str
    kind: str
    words: str
    step: int
    training: float
    loop: float

    def __str__(self):
        values = f"{self.training:.6g} in training, {self.loop:.6g} in the loop"
        return f"first difference: {self.quantity}, step {self.step}: {values}; likely kind: {self.kind}: {self.words}"


def located(quantity: str, kind: Kind, wrong: np.ndarray, training: np.ndarray, loop: np.ndarray, column: int) -> Difference:
    """Returns the difference in the first step in which a column of `wrong` (T, k) is True; both sides are (T, k)."""
    found = np.flatnonzero(wrong[:, column])
    step = int(found[0]) if len(found) else 0
    values = float(training[step, column]), float(loop[step, column])
    return Difference(quantity, kind.name, kind.words, step, *values)


def labels(name: str, size: int, joints: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the names of the values of a quantity: joints, or the axes."""
    if size == len(joints):
        return joints
    return _COLUMNS.get(name, ("x", "y", "z")[:size] if size <= 3 else tuple(f"value {i}" for i in range(size)))
