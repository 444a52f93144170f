"""The model of a batch as user code gets it: what is written to it acts, in every simulation, from the next step on."""

import copy

import mujoco
import numpy as np
from mujoco.batch import MODEL_FIELDS, Batch

from utils.model_fields import field_value, write_field
from utils.variation import Variation

_OPTIONS = sorted(name for name in MODEL_FIELDS if name.startswith("opt."))
# Fields that a task has read when it was built, and what to use for them.
_READ_ONCE = {"opt.timestep": "give control_dt when the environment is made", "key_": "starts are the task's own"}


class ShownModel:
    """Compares the model with what it was, once it was shown: 15 us a step for a model of 200 kB, nothing before that."""

    def __init__(self, sim: Batch, factors: Variation):
        self._sim, self._factors = sim, factors
        self._known: mujoco.MjModel | None = None
        self._bytes = np.zeros(0, np.uint8)

    def show(self) -> mujoco.MjModel:
        """Returns the model that all simulations are nominally like."""
        if self._known is None:
            self._remember()
        return self._sim.model

    def take_over(self) -> bool:
        """Makes what was written since the last call the nominal values of all simulations; returns whether there was any.

        A forward() of the batch must come next. Constants that MuJoCo derives from these fields follow.

        Raises:
            ValueError: a field that cannot change any more, or a value that is not finite; the model is put back.
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
    """Returns the fields of a model that hold numbers, those of its options as "opt.gravity"."""
    arrays = [name for name in dir(model) if not name.startswith("_") and isinstance(getattr(model, name), np.ndarray)]
    return arrays + _OPTIONS


def _bytes(model):
    buffer = np.zeros(mujoco.mj_sizeModel(model), np.uint8)
    mujoco.mj_saveModel(model, None, buffer)
    return buffer


def _differs(model, known, name):
    return field_value(model, name).tobytes() != field_value(known, name).tobytes()  # as bytes: NaN is like NaN


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
