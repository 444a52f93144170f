"""Gives user code the model of a batch, and applies the values that it writes there to all simulations."""

import copy

import mujoco
import numpy as np
from mujoco.batch import MODEL_FIELDS, Batch

from utils.model_fields import field_value, write_field
from utils.variation import Variation

_OPTIONS = sorted(name for name in MODEL_FIELDS if name.startswith("opt."))
# Fields that a task reads only when it is built, and a hint for the user.
_READ_ONCE = {"opt.timestep": "give control_dt when the environment is made", "key_": "the task sets start states"}


class ShownModel:
    """Detects changes of a model by comparing it with a copy: 15 us a step for a model of 200 kB, nothing before `show`."""

    def __init__(self, sim: Batch, factors: Variation):
        self._sim, self._factors = sim, factors
        self._known: mujoco.MjModel | None = None
        self._bytes = np.zeros(0, np.uint8)

    def show(self) -> mujoco.MjModel:
        """Returns the nominal model of all simulations."""
        if self._known is None:
            self._remember()
        return self._sim.model

    def take_over(self) -> bool:
        """Makes values that were written since the last call nominal in all simulations; returns whether there were any.

        A forward() of the batch must come next. Constants that MuJoCo derives from these fields are updated.

        Raises:
            ValueError: a written field cannot change after the start, or a value is not finite; the model is restored.
        """
        if self._known is None or np.array_equal(_bytes(self._sim.model), self._bytes):
            return False
        changed = [name for name in field_names(self._sim.model) if _differs(self._sim.model, self._known, name)]
        try:
            for name in changed:
                _check(self._sim.model, name)
        except ValueError:
            _put_back(self._sim.model, self._known, changed)
            raise
        self._factors.set_nominal(changed)
        self._remember()
        return True

    def _remember(self):
        self._known, self._bytes = copy.copy(self._sim.model), _bytes(self._sim.model)


def field_names(model: mujoco.MjModel) -> list[str]:
    """Returns the names of a model's numeric fields; those of its options are written as "opt.gravity"."""
    arrays = [name for name in dir(model) if not name.startswith("_") and isinstance(getattr(model, name), np.ndarray)]
    return arrays + _OPTIONS


def _bytes(model):
    buffer = np.zeros(mujoco.mj_sizeModel(model), np.uint8)
    mujoco.mj_saveModel(model, None, buffer)
    return buffer


def _differs(model, known, name):
    return field_value(model, name).tobytes() != field_value(known, name).tobytes()  # as bytes, because NaN != NaN


def _check(model, name):
    for beginning, instead in _READ_ONCE.items():
        if name.startswith(beginning):
            raise ValueError(f"model.{name} cannot be changed once the environment is made: {instead}")
    if name not in MODEL_FIELDS:
        raise ValueError(f"model.{name} cannot be changed once the environment is made: all simulations share it")
    value = field_value(model, name)
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        raise ValueError(f"model.{name} must be finite, got {value.ravel()[~np.isfinite(value.ravel())][0]}")


def _put_back(model, known, names):
    for name in names:
        write_field(model, name, field_value(known, name))
