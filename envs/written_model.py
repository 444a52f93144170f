"""Copies the values that user code has written to a model into the models that replace it."""

import copy

import mujoco
import numpy as np

from envs.shown_model import field_names
from utils.model_fields import field_value, write_field


class WrittenModel:
    """Finds the entries that user code has written to a model, and writes them to the next model.

    Where the two models differ as built, the written value is scaled by the ratio of their entries.
    """

    def __init__(self):
        self._model = self._built = self._left = None
        self._written: dict[
            str, tuple[np.ndarray, np.ndarray, np.ndarray]
        ] = {}  # values, values as built, mask of written entries

    def show(self, model: mujoco.MjModel) -> mujoco.MjModel:
        """Returns `model` for user code to read and write."""
        if self._model is not model:
            self._find()
            self._model, self._built, self._left = model, copy.copy(model), copy.copy(model)
        return model

    def carry_to(self, model: mujoco.MjModel) -> None:
        """Writes the values of earlier models to a newly built `model`. A reset of its simulation must come next.

        Constants that MuJoCo derives from these fields follow.
        """
        if self._model is None:
            return
        built = copy.copy(model)
        self._find()
        for name, (values, built_then, which) in self._written.items():
            write_field(model, name, _carried(values, built_then, which, field_value(built, name)))
        if self._written:
            mujoco.mj_setConst(model, mujoco.MjData(model))
        self._model, self._built, self._left = model, built, copy.copy(model)

    def _find(self):
        """Records the entries that were written since `show`."""
        for name in () if self._model is None else field_names(self._model):
            now, left, built = (field_value(model, name) for model in (self._model, self._left, self._built))
            if now.tobytes() != left.tobytes():
                new = now != left
                values, built_then, which = self._written.get(name, (now, built, new))
                self._written[name] = np.where(new, now, values), np.where(new, built, built_then), which | new


def _carried(values, built_then, which, built):
    same = (built == built_then) | (built_then == 0)
    scaled = values * np.divide(built, built_then, out=np.ones(built.shape), where=~same)
    return np.where(which, np.where(same, values, scaled), built)
