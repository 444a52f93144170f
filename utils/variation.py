"""Factors that change fields of a model, per simulation of a batch or in one model: always nominal x scale, then + shift."""

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

    Fields are named as in MjModel; those of MjOption as "opt.gravity", whose rows are its components. With `each`, the
    factor has one value per named object instead of one for all of them, in the order of `names`.
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
    """Returns the changes that make bodies denser: mass and inertia by the same scale, with the same shape."""
    return Scale("body_mass", bodies), Scale("body_inertia", bodies)


class _Entry(NamedTuple):
    """A change, resolved for one model."""

    change: Scale
    factor: str
    mask: np.ndarray  # bool, the field's shape: which entries change
    value_of_row: np.ndarray | None  # (rows,) index into the factor's values; None if it has one value for all


class Variation:
    """Gives every simulation of a batch its own value of each declared factor.

    A factor is a number per simulation that several changes share, such as the scale of a mass and of its inertia; or k
    numbers per simulation, one for each of k objects. Entries are computed from the nominal model each time, so values
    never accumulate, and factors that share entries combine.

    Args:
        sim: the batch; only the fields that factors change get values per simulation.
        factors: the changes that each factor makes, by its name.

    Attributes:
        values: (n,) or (n, k) of each factor, as last applied; initially 1, or 0 where all its changes are shifts.
        overrides: values that replace the applied ones, in the same shapes; NaN where nothing is overridden.

    Raises:
        ValueError: a field, object or column does not exist, or a factor mixes scales with shifts.
    """

    transient = ("_sim",)

    def __init__(self, sim: Batch, factors: Mapping[str, Sequence[Scale]]):
        self._sim = sim
        self._neutral: dict[str, float] = {}
        self.values: dict[str, np.ndarray] = {}
        self.overrides: dict[str, np.ndarray] = {}
        self._fields, self._expanded, self._entries = {}, {}, ()
        self.declare(factors)

    @property
    def num_simulations(self) -> int:
        """Simulations of the batch."""
        return self._sim.nsim

    def declare(self, factors: Mapping[str, Sequence[Scale]]) -> None:
        """Adds factors; a name that is declared already keeps its changes."""
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
        """Makes these values replace, in simulations `ids` (k,), those of following calls of `apply`.

        A factor of one value per object takes (k, objects), or (k,) for the same value everywhere.

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

        Constants that MuJoCo derives follow. A reset() or forward() of these simulations must come next.

        Raises:
            ValueError: a factor was not declared, or a value is not finite.
        """
        self._check(values)
        values = {name: self._fitted(name, value) for name, value in values.items()}
        for name, override in self.overrides.items():
            values[name] = np.where(np.isnan(override[ids]), values.get(name, self._neutral[name]), override[ids])
        for name, value in values.items():
            self.values[name][ids] = value
        fields = dict.fromkeys(entry.change.field for entry in self._entries if entry.factor in values)
        for field in fields:
            self._expanded[field][ids] = self._changed(field, ids)
        self._derive(fields, ids)

    def set_nominal(self, fields: Iterable[str]) -> None:
        """Reads the nominal values of these fields from the batch's model again, for all simulations, and applies the
        current factors to them. A forward() must come next."""
        fields, everyone = list(fields), np.arange(self._sim.nsim)
        for field in fields:
            self._fields[field] = field_of(self._sim.model, field)
            self._expanded.setdefault(field, self._sim.expand(field))[:] = self._changed(field, everyone)
        self._derive(fields, everyone)

    def current(self, field: str, ids: np.ndarray) -> np.ndarray:
        """Returns a fresh copy (k, ...) of a model field as it is now in simulations `ids` (k,)."""
        if field in self._expanded:
            return self._expanded[field][ids]
        return np.repeat(field_of(self._sim.model, field)[None], len(ids), axis=0)

    def before_restore(self, captured: Mapping) -> None:
        """Expands the fields that the captured state contains, so that its values reach the batch."""
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
        """Returns the field (k, ...) as all factors make it from the nominal one."""
        entries = np.repeat(self._fields[field][None], len(ids), axis=0)
        for entry in self._entries:
            if entry.change.field == field:
                entries = _changed(entry, entries, self.values[entry.factor][ids])
        return entries


class ModelVariation:
    """Changes one model in place by declared factors, as `Variation` does those of a batch."""

    def __init__(self, model: mujoco.MjModel, factors: Mapping[str, Sequence[Scale]]):
        self._model, self._scratch = model, mujoco.MjData(model)
        self.values = {name: _neutral(name, changes) for name, changes in factors.items()}
        self.values |= {name: np.full(_shape(name, c), self.values[name]) for name, c in factors.items() if _shape(name, c)}
        self._entries = _resolved(model, factors)
        self._fields = {entry.change.field: field_of(model, entry.change.field) for entry in self._entries}
        self._applied = dict(self._fields)  # as this object left the model

    def use_model(self, model: mujoco.MjModel) -> None:
        """Changes this model from now on, which must be of the same structure."""
        self._model = model

    def apply(self, values: Mapping[str, float]) -> None:
        """Sets factors; those left out keep their values. A reset of the simulation must come next."""
        self.values |= values
        for field, applied in self._applied.items():  # what other code wrote since then is the new nominal value
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
    """Returns fields (k, ...) changed by a factor's values, (k,) or (k, objects)."""
    rest = fields.ndim - 1
    if entry.value_of_row is None:
        by = values.reshape(-1, *[1] * rest)
    else:
        by = values[:, entry.value_of_row].reshape(len(values), -1, *[1] * (rest - 1))
    return np.where(entry.mask, fields + by if isinstance(entry.change, Shift) else fields * by, fields)


def _neutral(name, changes):
    kinds = {isinstance(change, Shift) for change in changes} or {True}  # without changes the task reads `values` itself
    if len(kinds) != 1:
        raise ValueError(f"the factor {name} must hold scales alone or shifts alone, got {list(changes)}")
    return 0.0 if kinds.pop() else 1.0


def _shape(name, changes):
    """Returns the shape of a factor's value in one simulation: () or (objects,)."""
    shapes = {(len(change.names),) if change.each else () for change in changes} or {()}
    if len(shapes) != 1:
        raise ValueError(f"all changes of the factor {name} must have the same number of values, got {list(changes)}")
    return shapes.pop()


def _masked(model, change):
    """Returns which entries of its field a change means, and which of its values each row takes (None for the only one)."""
    nominal = field_of(model, change.field)
    mask, rows = np.zeros(nominal.shape, bool), slice(None)
    value_of_row = np.zeros(len(nominal), int) if change.each else None
    if change.names is not None:
        of_name = [rows_of(model, change.field, name) for name in change.names]
        rows = [row for own in of_name for row in own]
        if change.each:
            value_of_row[rows] = np.repeat(np.arange(len(of_name)), [len(own) for own in of_name])
    if change.columns is None:
        mask[... if nominal.ndim == 0 else rows] = True
        return mask, value_of_row
    size = nominal.shape[-1] if nominal.ndim > 1 else 0
    if not all(0 <= column < size for column in change.columns):
        raise ValueError(f"the columns of {change.field} must lie in 0 to {size - 1}, got {change.columns}")
    for column in change.columns:
        mask[rows, column] = True
    return mask, value_of_row
