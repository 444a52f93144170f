"""Factors that change model fields, per simulation of a batch or in one model: value = nominal x scales + shifts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import mujoco
import numpy as np
from mujoco.batch import Batch

from utils.config import nearest_name
from utils.model_fields import derives_constants, field_of, owner_of, rows_of, write_field


@dataclass(frozen=True)
class Scale:
    """Multiplies entries of a model field: the rows of the named objects (all if None), in these columns (all if None).

    Fields are named as in MjModel, and fields of MjOption as "opt.gravity", where the components are rows. With `each`, the
    factor has one value per named object, in the order of `names`, instead of one value for all objects.
    """

    field: str
    names: tuple[str, ...] | None = None
    columns: tuple[int, ...] | None = None
    each: bool = False

    def __post_init__(self):
        if self.each and not self.names:
            raise ValueError(f"a change of {self.field} with one value for each object needs their names")


@dataclass(frozen=True)
class Shift(Scale):
    """Adds to entries of a model field, in the field's unit, after all scales."""


def scaled_mass(*bodies: str) -> tuple[Scale, Scale]:
    """Returns the changes that scale the density of bodies: the same scale for mass and inertia."""
    return Scale("body_mass", bodies), Scale("body_inertia", bodies)


class _Entry(NamedTuple):
    """A change with names resolved for one model."""

    change: Scale
    factor: str
    mask: np.ndarray  # bool, the field's shape: which entries change
    value_of_row: np.ndarray | None  # (rows,) index into the factor's values; None if it has one value for all


class Variation:
    """Applies declared factors to the models of a batch, with separate values for every simulation.

    A factor is a number per simulation that several changes share, such as the scale of a mass and of its inertia; or k
    numbers per simulation, one for each of k objects. Entries are always computed from the nominal model, so values never
    accumulate, and factors that change the same entries combine.

    Args:
        sim: the batch; only the fields that factors change get values per simulation.
        factors: the changes that each factor makes, by its name.

    Attributes:
        values: (n,) or (n, k) of each factor, as last applied; initially 1, or 0 where all its changes are shifts.
        overrides: values that replace the applied ones, in the same shapes; NaN where nothing is overridden.

    Raises:
        ValueError: a field, object or column does not exist, or a factor mixes scales with shifts.
    """

    transient = ("_sim", "_entries")  # `declare` makes the entries

    def __init__(self, sim: Batch, factors: Mapping[str, Sequence[Scale]]):
        self._sim = sim
        self._neutral: dict[str, float] = {}
        self.values: dict[str, np.ndarray] = {}
        self.overrides: dict[str, np.ndarray] = {}
        self._fields, self._expanded, self._entries = {}, {}, ()
        self.declare(factors)

    @property
    def num_simulations(self) -> int:
        """Number of simulations in the batch."""
        return self._sim.nsim

    def declare(self, factors: Mapping[str, Sequence[Scale]]) -> None:
        """Adds factors; names that are declared already keep their changes."""
        new = {name: changes for name, changes in factors.items() if name not in self.values}
        self._neutral |= {name: _neutral(name, changes) for name, changes in new.items()}
        entries = _resolved(self._sim.model, new)
        for name, changes in new.items():
            self.values[name] = np.full((self._sim.nsim, *_shape(name, changes)), self._neutral[name])
        self._entries = tuple(sorted((*self._entries, *entries), key=lambda entry: isinstance(entry.change, Shift)))
        for field in (entry.change.field for entry in entries):
            self._fields.setdefault(field, field_of(self._sim.model, field))
            self._expanded.setdefault(field, self._sim.expand(field))

    def override(self, values: Mapping[str, np.ndarray], ids: np.ndarray) -> None:
        """Sets values that replace those of all following calls of `apply` in simulations `ids` (k,).

        A factor with one value per object accepts (k, objects), or (k,) for the same value for all objects.

        Raises:
            ValueError: a factor was not declared, or a value is not finite.
        """
        self._check(values)
        for name, value in values.items():
            if name not in self.overrides:
                self.overrides[name] = np.full(self.values[name].shape, np.nan)
            self.overrides[name][ids] = self._fitted(name, value)

    def apply(self, values: Mapping[str, np.ndarray], ids: np.ndarray) -> None:
        """Sets factors of simulations `ids` (k,) to `values`, (k,) or (k, objects); factors left out keep their values.

        Constants that MuJoCo derives are updated. A reset() or forward() of these simulations must come next.

        Raises:
            ValueError: a factor was not declared, or a value is not finite.
        """
        self._check(values)
        values = {name: self._fitted(name, value) for name, value in values.items()}
        for name, override in self.overrides.items():
            values[name] = np.where(np.isnan(override[ids]), values.get(name, self._neutral[name]), override[ids])
        self._write(values, ids)

    def change(self, values: Mapping[str, np.ndarray], ids: np.ndarray) -> None:
        """Sets factors within an episode, as `apply` does, but without the overrides, which may be of the next episode."""
        self._check(values)
        self._write({name: self._fitted(name, value) for name, value in values.items()}, ids)

    def _write(self, values, ids):
        for name, value in values.items():
            self.values[name][ids] = value
        fields = dict.fromkeys(entry.change.field for entry in self._entries if entry.factor in values)
        for field in fields:
            self._expanded[field][ids] = self._changed(field, ids)
        self._derive(fields, ids)

    def set_nominal(self, fields: Iterable[str]) -> None:
        """Reads the nominal values of these fields from the batch's model again, and applies the current factors.

        A forward() must come next.
        """
        fields, everyone = list(fields), np.arange(self._sim.nsim)
        for field in fields:
            self._fields[field] = field_of(self._sim.model, field)
            self._expanded.setdefault(field, self._sim.expand(field))[:] = self._changed(field, everyone)
        self._derive(fields, everyone)

    def current(self, field: str, ids: np.ndarray) -> np.ndarray:
        """Returns a copy (k, ...) of the current values of a model field in simulations `ids` (k,)."""
        if field in self._expanded:
            return self._expanded[field][ids]
        return np.repeat(field_of(self._sim.model, field)[None], len(ids), axis=0)

    def before_restore(self, captured: Mapping) -> None:
        """Prepares for `restore`: the captured fields get one value per simulation; factors declared later are undone.

        Raises:
            ValueError: the state has a factor that was not declared.
        """
        self._check(captured["values"])
        self._entries = tuple(entry for entry in self._entries if entry.factor in captured["values"])
        later = self._expanded.keys() - captured["_expanded"].keys()
        for field in later:
            self._expanded[field][:] = self._fields[field]
        self._derive(later, np.arange(self._sim.nsim))
        for field in captured["_expanded"]:
            if field not in self._expanded:
                self._expanded[field] = self._sim.expand(field)

    def after_restore(self) -> None:
        """Writes the nominal values to the batch's model, and computes the constants that depend on restored fields."""
        for field, nominal in self._fields.items():
            write_field(self._sim.model, field, nominal)
        self._derive(self._fields, np.arange(self._sim.nsim))

    def _check(self, values):
        for name, value in values.items():
            if name not in self.values:
                raise ValueError(f"no factor is called {name!r}{nearest_name(name, self.values)}")
            if not np.isfinite(value).all():
                raise ValueError(f"the factor {name} must be finite, got {value}")

    def _fitted(self, name, value):
        value = np.asarray(value, float)
        return value[..., None] if value.ndim == 1 < self.values[name].ndim else value

    def _derive(self, fields, ids):
        if derives_constants(fields):
            self._sim.set_const(ids)

    def _changed(self, field, ids):
        """Returns the field (k, ...): the nominal values changed by all factors."""
        entries = np.repeat(self._fields[field][None], len(ids), axis=0)
        for entry in self._entries:
            if entry.change.field == field:
                entries = _changed(entry, entries, self.values[entry.factor][ids])
        return entries


class ModelVariation:
    """Applies declared factors to one model in place, like `Variation` to the models of a batch."""

    def __init__(self, model: mujoco.MjModel, factors: Mapping[str, Sequence[Scale]]):
        self._model, self._scratch = model, mujoco.MjData(model)
        self.values = {name: _neutral(name, changes) for name, changes in factors.items()}
        self.values |= {name: np.full(_shape(name, c), self.values[name]) for name, c in factors.items() if _shape(name, c)}
        self._entries = _resolved(model, factors)
        self._fields = {entry.change.field: field_of(model, entry.change.field) for entry in self._entries}
        self._applied = dict(self._fields)  # values that this object has written last

    def use_model(self, model: mujoco.MjModel) -> None:
        """Applies the factors to another model of the same structure from now on."""
        self._model = model

    def apply(self, values: Mapping[str, float]) -> None:
        """Sets factors; those left out keep their values. A reset of the simulation must come next."""
        self.values |= values
        for field, applied in self._applied.items():  # values that other code has written since are nominal
            written = field_of(self._model, field)
            self._fields[field] = np.where(written == applied, self._fields[field], written)
        fields = {field: nominal[None] for field, nominal in self._fields.items()}
        for entry in self._entries:
            value = np.asarray(self.values[entry.factor], float)[None]
            fields[entry.change.field] = _changed(entry, fields[entry.change.field], value)
        for field, (value,) in fields.items():
            setattr(*owner_of(self._model, field), value if value.ndim else value.item())
            self._applied[field] = field_of(self._model, field)
        if derives_constants(fields):
            mujoco.mj_setConst(self._model, self._scratch)


def _resolved(model, factors):
    """Returns the entries of all factors' changes, shifts last."""
    declared = [(change, name) for name, changes in factors.items() for change in changes]
    declared.sort(key=lambda pair: isinstance(pair[0], Shift))
    return [_Entry(change, name, *_masked(model, change)) for change, name in declared]


def _changed(entry, fields, values):
    """Returns fields (k, ...) with a change applied, by values (k,) or (k, objects) of its factor."""
    rest = fields.ndim - 1
    if entry.value_of_row is None:
        by = values.reshape(-1, *[1] * rest)
    else:
        by = values[:, entry.value_of_row].reshape(len(values), -1, *[1] * (rest - 1))
    return np.where(entry.mask, fields + by if isinstance(entry.change, Shift) else fields * by, fields)


def _neutral(name, changes):
    kinds = {isinstance(change, Shift) for change in changes} or {True}  # without changes the task reads `values` itself
    if len(kinds) != 1:
        raise ValueError(f"the factor {name} must have only scales or only shifts, got {list(changes)}")
    return 0.0 if kinds.pop() else 1.0


def _shape(name, changes):
    """Returns the shape of a factor's value in one simulation: () or (objects,)."""
    shapes = {(len(change.names),) if change.each else () for change in changes} or {()}
    if len(shapes) != 1:
        raise ValueError(f"all changes of the factor {name} must have the same number of values, got {list(changes)}")
    return shapes.pop()


def _masked(model, change):
    """Returns the mask of a change's entries in its field, and the index of the value for each row (None for one value)."""
    nominal = field_of(model, change.field)
    mask, rows = np.zeros(nominal.shape, bool), slice(None)
    value_of_row = np.zeros(len(nominal), int) if change.each else None
    if change.names is not None:
        of_name = [rows_of(model, change.field, name) for name in change.names]
        rows = [row for named in of_name for row in named]
        if change.each:
            value_of_row[rows] = np.repeat(np.arange(len(of_name)), [len(named) for named in of_name])
    if change.columns is None:
        mask[... if nominal.ndim == 0 else rows] = True
        return mask, value_of_row
    size = nominal.shape[-1] if nominal.ndim > 1 else 0
    if not all(0 <= column < size for column in change.columns):
        raise ValueError(f"the columns of {change.field} must lie in 0 to {size - 1}, got {change.columns}")
    for column in change.columns:
        mask[rows, column] = True
    return mask, value_of_row
