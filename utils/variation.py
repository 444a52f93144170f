"""What may vary in a model (name -> field, entries), per simulation of a batch or in one model; always nominal x scale,
then + shift."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from mujoco.batch import Batch

from utils.config import nearest_name

_OBJECTS = {  # what the rows of a field belong to, by the field's prefix
    "body": mujoco.mjtObj.mjOBJ_BODY,
    "jnt": mujoco.mjtObj.mjOBJ_JOINT,
    "dof": mujoco.mjtObj.mjOBJ_JOINT,
    "geom": mujoco.mjtObj.mjOBJ_GEOM,
    "site": mujoco.mjtObj.mjOBJ_SITE,
    "tendon": mujoco.mjtObj.mjOBJ_TENDON,
    "actuator": mujoco.mjtObj.mjOBJ_ACTUATOR,
}


@dataclass(frozen=True)
class Scale:
    """Multiplies entries of a model field: the rows of the named objects (all if None), in these columns (all if None).

    Fields are named as in MjModel; those of MjOption as "opt.gravity", whose rows are its components.
    """

    field: str
    names: tuple[str, ...] | None = None
    columns: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Shift(Scale):
    """Adds to entries of a model field, in the field's unit, after all scales."""


def scaled_mass(*bodies: str) -> tuple[Scale, Scale]:
    """Returns the changes that make bodies denser: mass and inertia by the same scale, the shape as it was."""
    return Scale("body_mass", bodies), Scale("body_inertia", bodies)


class Variation:
    """Gives every simulation of a batch its own value of each declared factor.

    A factor is one number per simulation that several changes share, such as the scale of a mass and of its inertia.
    Entries are computed from the nominal model each time, so values never pile up, and factors that share entries
    combine.

    Args:
        sim: the batch; the fields of the factors are expanded, no others.
        factors: the changes that each factor makes, by its name.

    Attributes:
        values: (n,) of each factor, as last applied; 1 or, where all its changes are shifts, 0 before that.
        held: (n,) of each factor that is held in some simulation, NaN in the others.

    Raises:
        ValueError: a field, object or column does not exist, or a factor mixes scales with shifts.
    """

    transient = ("_sim",)

    def __init__(self, sim: Batch, factors: Mapping[str, Sequence[Scale]]):
        self._sim = sim
        self._neutral: dict[str, float] = {}
        self.values: dict[str, np.ndarray] = {}
        self.held: dict[str, np.ndarray] = {}
        self._fields, self._expanded, self._changes = {}, {}, ()
        self.declare(factors)

    def declare(self, factors: Mapping[str, Sequence[Scale]]) -> None:
        """Adds factors; those that are declared already stay as they are."""
        new = {name: changes for name, changes in factors.items() if name not in self.values}
        self._neutral |= {name: _neutral(name, changes) for name, changes in new.items()}
        changes = _changes(self._sim.model, new)
        self.values |= {name: np.full(self._sim.nsim, self._neutral[name]) for name in new}
        self._changes = tuple(sorted((*self._changes, *changes), key=lambda entry: isinstance(entry[0], Shift)))
        for change, _, _ in changes:
            self._fields.setdefault(change.field, _nominal(self._sim.model, change.field))
            self._expanded.setdefault(change.field, self._sim.expand(change.field))

    def hold(self, values: Mapping[str, np.ndarray], ids: np.ndarray) -> None:
        """Makes these values (k,) of simulations `ids` (k,) take the place of whatever following `apply`s say.

        Raises:
            ValueError: a factor was not declared, or a value is not finite.
        """
        self._check(values)
        for name, value in values.items():
            if name not in self.held:
                self.held[name] = np.full(self._sim.nsim, np.nan)
            self.held[name][ids] = value

    def apply(self, values: Mapping[str, np.ndarray], ids: np.ndarray) -> None:
        """Sets factors of simulations `ids` (k,) to `values` (k,) each; factors left out stay as they are.

        Derived constants follow. A reset() or forward() of these simulations must come next.

        Raises:
            ValueError: a factor was not declared, or a value is not finite.
        """
        self._check(values)
        values = dict(values)
        for name, held in self.held.items():
            values[name] = np.where(np.isnan(held[ids]), values.get(name, self._neutral[name]), held[ids])
        for name, value in values.items():
            self.values[name][ids] = value
        fields = dict.fromkeys(change.field for change, name, _ in self._changes if name in values)
        for field in fields:
            self._expanded[field][ids] = self._entries(field, ids)
        self._derive(fields, ids)

    def set_nominal(self, fields: Iterable[str]) -> None:
        """Takes the nominal values of these fields from the batch's model anew, for all simulations, under the factors in
        force. A forward() must come next."""
        fields, everyone = list(fields), np.arange(self._sim.nsim)
        for field in fields:
            self._fields[field] = _nominal(self._sim.model, field)
            self._expanded.setdefault(field, self._sim.expand(field))[:] = self._entries(field, everyone)
        self._derive(fields, everyone)

    def current(self, field: str, ids: np.ndarray) -> np.ndarray:
        """Returns a model field as it is now in simulations `ids` (k,): (k, ...), fresh."""
        if field in self._expanded:
            return self._expanded[field][ids]
        return np.repeat(_nominal(self._sim.model, field)[None], len(ids), axis=0)

    def after_restore(self) -> None:
        """Computes what the model derives from its fields, once these are back."""
        self._derive(self._fields, np.arange(self._sim.nsim))

    def _check(self, values):
        for name, value in values.items():
            if name not in self.values:
                raise ValueError(f"no factor is called {name!r}{nearest_name(name, self.values)}")
            if not np.isfinite(value).all():
                raise ValueError(f"the factor {name} must be finite, got {value}")

    def _derive(self, fields, ids):
        if _derives(fields):
            self._sim.set_const(ids)

    def _entries(self, field, ids):
        """Returns the field's entries (k, ...) that all its factors make of the nominal ones."""
        nominal = self._fields[field]
        entries = np.repeat(nominal[None], len(ids), axis=0)
        for change, name, mask in self._changes:
            if change.field == field:
                by = self.values[name][ids].reshape(-1, *[1] * nominal.ndim)
                entries = _changed(change, mask, entries, by)
        return entries


class ModelVariation:
    """Changes one model in place by declared factors, as `Variation` does those of a batch."""

    def __init__(self, model: mujoco.MjModel, factors: Mapping[str, Sequence[Scale]]):
        self._model, self._scratch = model, mujoco.MjData(model)
        self.values = {name: _neutral(name, changes) for name, changes in factors.items()}
        self._changes = _changes(model, factors)
        self._fields = {change.field: _nominal(model, change.field) for change, _, _ in self._changes}
        self._applied = dict(self._fields)  # as the model was left

    def apply(self, values: Mapping[str, float]) -> None:
        """Sets factors; those left out stay as they are. A reset of the simulation must come next."""
        self.values |= values
        for field, applied in self._applied.items():  # what somebody else has written since is nominal from now on
            written = _nominal(self._model, field)
            self._fields[field] = np.where(written == applied, self._fields[field], written)
        entries = {field: nominal.copy() for field, nominal in self._fields.items()}
        for change, name, mask in self._changes:
            entries[change.field] = _changed(change, mask, entries[change.field], self.values[name])
        for field, own in entries.items():
            setattr(*_owner(self._model, field), own if own.ndim else own.item())
            self._applied[field] = _nominal(self._model, field)
        if _derives(entries):
            mujoco.mj_setConst(self._model, self._scratch)


def _changes(model, factors):
    """Returns (change, name of its factor, mask of its entries) of all factors, shifts last."""
    declared = [(change, name) for name, changes in factors.items() for change in changes]
    declared.sort(key=lambda pair: isinstance(pair[0], Shift))
    return [(change, name, _mask(model, change, _nominal(model, change.field))) for change, name in declared]


def _changed(change, mask, entries, by):
    return np.where(mask, entries + by if isinstance(change, Shift) else entries * by, entries)


def _derives(fields):
    """Returns whether a model holds constants that follow from any of these fields."""
    return any(field.startswith("opt.") or field in mujoco.MjModel._setconst_inputs for field in fields)


def _neutral(name, changes):
    kinds = {isinstance(change, Shift) for change in changes} or {True}  # without changes, whoever declared it reads it
    if len(kinds) != 1:
        raise ValueError(f"the factor {name} must hold scales alone or shifts alone, got {list(changes)}")
    return 0.0 if kinds.pop() else 1.0


def _nominal(model, field):
    """Returns a copy of the model's own values of `field`."""
    owner, name = _owner(model, field)
    if not hasattr(owner, name):
        raise ValueError(f"a model has no field {field!r}{nearest_name(name, _number_fields(owner))}")
    return np.array(getattr(owner, name), dtype=float)


def _owner(model, field):
    """Returns the object that holds a field, and the field's name there."""
    return (model.opt, field[4:]) if field.startswith("opt.") else (model, field)


def _number_fields(owner):
    return [name for name in dir(owner) if np.asarray(getattr(owner, name, "")).dtype.kind == "f"]


def _mask(model, change, nominal):
    """Returns which entries of `nominal` the change means, in its shape."""
    mask = np.zeros(nominal.shape, bool)
    rows = slice(None) if change.names is None else _rows(model, change)
    if change.columns is None:
        mask[... if nominal.ndim == 0 else rows] = True
        return mask
    size = nominal.shape[-1] if nominal.ndim > 1 else 0
    if not all(0 <= column < size for column in change.columns):
        raise ValueError(f"the columns of {change.field} must lie in 0 to {size - 1}, got {change.columns}")
    for column in change.columns:
        mask[rows, column] = True
    return mask


def _rows(model, change):
    prefix = change.field.split("_")[0]
    if prefix not in _OBJECTS:
        raise ValueError(f"objects can be named for fields of {', '.join(_OBJECTS)}, not for {change.field}")
    ids = [_object_id(model, _OBJECTS[prefix], name) for name in change.names]
    return np.flatnonzero(np.isin(model.dof_jntid, ids)) if prefix == "dof" else ids


def _object_id(model, kind, name):
    index = mujoco.mj_name2id(model, int(kind), name)
    if index < 0:
        names = [mujoco.mj_id2name(model, int(kind), i) for i in range(_count(model, kind))]
        raise ValueError(f"the model has no {_noun(kind)} called {name!r}{nearest_name(name, filter(None, names))}")
    return index


def _count(model, kind):
    counts = {"body": "nbody", "joint": "njnt", "geom": "ngeom", "site": "nsite", "tendon": "ntendon", "actuator": "nu"}
    return getattr(model, counts[_noun(kind)])


def _noun(kind):
    return kind.name.removeprefix("mjOBJ_").lower()
