"""Reads and writes fields of a MuJoCo model by name, and finds the rows of named objects."""

import mujoco
import numpy as np

from utils.config import nearest_name

# Object type of the rows of a field, by the field's prefix.
_OBJECTS = {
    "body": mujoco.mjtObj.mjOBJ_BODY,
    "jnt": mujoco.mjtObj.mjOBJ_JOINT,
    "dof": mujoco.mjtObj.mjOBJ_JOINT,
    "geom": mujoco.mjtObj.mjOBJ_GEOM,
    "site": mujoco.mjtObj.mjOBJ_SITE,
    "tendon": mujoco.mjtObj.mjOBJ_TENDON,
    "actuator": mujoco.mjtObj.mjOBJ_ACTUATOR,
}


def field_of(model: mujoco.MjModel, field: str) -> np.ndarray:
    """Returns a float copy of a model field; fields of MjOption have the prefix "opt.", for example "opt.gravity".

    Raises:
        ValueError: the model has no such field.
    """
    owner, name = owner_of(model, field)
    if not hasattr(owner, name):
        raise ValueError(f"a model has no field {field!r}{nearest_name(name, _number_fields(owner))}")
    return np.array(getattr(owner, name), dtype=float)


def field_value(model: mujoco.MjModel, name: str) -> np.ndarray:
    """Returns a field as an array; an array field is a view of the model's memory."""
    return np.asarray(getattr(model.opt, name[4:]) if name.startswith("opt.") else getattr(model, name))


def write_field(model: mujoco.MjModel, name: str, value: np.ndarray) -> None:
    """Writes all entries of a field."""
    if name.startswith("opt.") and not isinstance(getattr(model.opt, name[4:]), np.ndarray):
        setattr(model.opt, name[4:], value.item())
    else:
        field_value(model, name)[...] = value


def owner_of(model: mujoco.MjModel, field: str) -> tuple[object, str]:
    """Returns the object with the field (the model or its options), and the field's name in that object."""
    return (model.opt, field[4:]) if field.startswith("opt.") else (model, field)


def derives_constants(fields) -> bool:
    """Returns whether MuJoCo computes other constants of the model from any of these fields."""
    return any(field.startswith("opt.") or field in mujoco.MjModel._setconst_inputs for field in fields)


def rows_of(model: mujoco.MjModel, field: str, name: str) -> list[int]:
    """Returns the rows of a field for the named object; a joint may have several rows (degrees of freedom).

    Raises:
        ValueError: the field has no rows of named objects, or the model has no object of that name.
    """
    prefix = field.split("_")[0]
    if prefix not in _OBJECTS:
        raise ValueError(f"objects can be named for fields of {', '.join(_OBJECTS)}, not for {field}")
    index = _object_id(model, _OBJECTS[prefix], name)
    return np.flatnonzero(model.dof_jntid == index).tolist() if prefix == "dof" else [index]


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


def _number_fields(owner):
    return [name for name in dir(owner) if np.asarray(getattr(owner, name, "")).dtype.kind == "f"]
