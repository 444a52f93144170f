"""Base class of challenge specs: config dataclasses read from nested mappings; errors give the path of a value."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar, TypeVar

from utils.config import nearest_name
from utils.fields import Checked, FieldError, shown


@dataclass(frozen=True)
class Spec(Checked):
    """Base class of specs; its fields are declared and checked like those of every config.

    `where` is the spec's name in errors, for example "noise_spec.dropped". `aliases` maps other spellings to field names.
    """

    where: ClassVar[str] = "spec"
    aliases: ClassVar[Mapping[str, str]] = {}

    def __post_init__(self):
        try:
            super().__post_init__()
        except FieldError as error:
            raise error.inside(self.where) from None


SpecType = TypeVar("SpecType", bound=Spec)


def parse(kind: type[SpecType], given: Mapping | SpecType | None) -> SpecType:
    """Returns a spec of class `kind` from a mapping with some of its keys; a spec is returned unchanged.

    None gives the defaults. A nested mapping becomes a spec of the same class as the field's default.

    Raises:
        ValueError: a key is unknown (the message names the nearest) or given twice, or a value is invalid.
    """
    if isinstance(given, kind):
        return given
    if given is not None and not isinstance(given, Mapping):
        raise ValueError(f"{kind.where} must be a mapping or a {kind.__name__}, got {shown(given)}")
    values = {}
    for key, value in (given or {}).items():
        name = _field_name(kind, key)
        if name in values:
            others = [alias for alias, target in kind.aliases.items() if target == name]
            raise ValueError(f"{kind.where}.{name} is given twice, also as {others[0]}: give only one of them")
        values[name] = _nested(kind, name, value)
    return kind(**values)


def _field_name(kind, key):
    names = [field.name for field in fields(kind)]
    name = kind.aliases.get(key, key) if isinstance(key, str) else key
    if name not in names:
        raise ValueError(f"{kind.where} has no key {shown(key)}{nearest_name(key, names)}")
    return name


def _nested(kind, name, value):
    default = getattr(kind, name, None)
    return parse(type(default), value) if isinstance(default, Spec) else value
