"""What may vary in a model (name -> field, entries), per simulation of a batch; always nominal x scale, then + shift."""

from collections.abc import Mapping, Sequence
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

    Raises:
        ValueError: a field, object or column does not exist, or a factor mixes scales with shifts.
    """

    transient = ("_sim",)

    def __init__(self, sim: Batch, factors: Mapping[str, Sequence[Scale]]):
        self._sim = sim
        self.values = {name: np.full(sim.nsim, _neutral(name, changes)) for name, changes in factors.items()}
        declared = [(change, name) for name, changes in factors.items() for change in changes]
        declared.sort(key=lambda pair: isinstance(pair[0], Shift))
        self._fields = {change.field: _nominal(sim.model, change.field) for change, _ in declared}
        self._expanded = {field: sim.expand(field) for field in self._fields}
        self._changes = [(change, name, _mask(sim.model, change, self._fields[change.field])) for change, name in declared]

    def apply(self, values: Mapping[str, np.ndarray], ids: np.ndarray) -> None:
        """Sets factors of simulations `ids` (k,) to `values` (k,) each; factors left out stay as they are.

        Derived constants follow. A reset() or forward() of these simulations must come next.

        Raises:
            ValueError: a factor was not declared, or a value is not finite.
        """
        for name, value in values.items():
            if name not in self.values:
                raise ValueError(f"no factor is called {name!r}{nearest_name(name, self.values)}")
            if not np.isfinite(value).all():
                raise ValueError(f"the factor {name} must be finite, got {value}")
        for name, value in values.items():
            self.values[name][ids] = value
        fields = dict.fromkeys(change.field for change, name, _ in self._changes if name in values)
        for field in fields:
            self._expanded[field][ids] = self._entries(field, ids)
        self._derive(fields, ids)

    def after_restore(self) -> None:
        """Computes what the model derives from its fields, once these are back."""
        self._derive(self._fields, np.arange(self._sim.nsim))

    def _derive(self, fields, ids):
        if any(field.startswith("opt.") or field in mujoco.MjModel._setconst_inputs for field in fields):
            self._sim.set_const(ids)

    def _entries(self, field, ids):
        """Returns the field's entries (k, ...) that all its factors make of the nominal ones."""
        nominal = self._fields[field]
        entries = np.repeat(nominal[None], len(ids), axis=0)
        for change, name, mask in self._changes:
            if change.field == field:
                by = self.values[name][ids].reshape(-1, *[1] * nominal.ndim)
                entries = np.where(mask, entries + by if isinstance(change, Shift) else entries * by, entries)
        return entries


def _neutral(name, changes):
    kinds = {isinstance(change, Shift) for change in changes}
    if len(kinds) != 1:
        raise ValueError(f"the factor {name} must hold scales alone or shifts alone, got {list(changes)}")
    return 0.0 if kinds.pop() else 1.0


def _nominal(model, field):
    """Returns a copy of the model's own values of `field`."""
    owner, name = (model.opt, field[4:]) if field.startswith("opt.") else (model, field)
    if not hasattr(owner, name):
        raise ValueError(f"a model has no field {field!r}{nearest_name(name, _number_fields(owner))}")
    return np.array(getattr(owner, name), dtype=float)


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
