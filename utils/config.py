"""Frozen, nested dataclasses from plain mappings (YAML files, keyword arguments), with errors that name the nearest key."""

import dataclasses
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, TypeVar, get_args, get_origin, get_type_hints

import yaml

Config = TypeVar("Config")


def updated(config: Config, changes: Mapping) -> Config:
    """Returns `config`, a dataclass, with `changes` (field name -> value, nested mappings for nested configs) applied.

    Raises:
        ValueError: a key is no field (the nearest is named), or a value has another type than its field.
    """
    types = get_type_hints(type(config))
    hints = {field.name: types[field.name] for field in dataclasses.fields(config)}
    values = {}
    for key, value in changes.items():
        if key not in hints:
            raise ValueError(f"{type(config).__name__} has no {key!r}{nearest_name(key, hints)}")
        values[key] = _fitting(value, hints[key], getattr(config, key), key)
    return dataclasses.replace(config, **values)


def resolved(default: Config, config: Config | Mapping | None, changes: Mapping) -> Config:
    """Returns a config from an optional config, or mapping with what it changes of the default, and the fields to change.

    Raises:
        ValueError: as `updated` does.
    """
    base = config if isinstance(config, type(default)) else updated(default, config or {})
    return updated(base, changes)


def nearest_name(name: str, known: Iterable[str]) -> str:
    """Returns the end of a sentence about an unknown name: the nearest one, and all there are."""
    known = list(known)
    nearest = get_close_matches(str(name), known, n=1)
    meant = f", did you mean {nearest[0]}?" if nearest else "."
    return f"{meant} There are {', '.join(known)}"


def read_yaml(path: str | Path) -> dict:
    """Returns the mapping that a YAML file holds; plain data only, nothing in it is executed.

    Raises:
        ValueError: the file cannot be read, is no YAML, or holds something else than a mapping.
    """
    try:
        content = yaml.load(Path(path).read_text(), _PlainLoader)
    except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        raise ValueError(f"cannot read {path}: {str(error).splitlines()[0]}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold a mapping of config keys, got {type(content).__name__}")
    return content


class _PlainLoader(yaml.SafeLoader):
    """Reads plain data, and each of it once: a few aliases of aliases would make gigabytes of a short file."""

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it holds an alias (*name), and aliases are not read")
        return super().compose_node(parent, index)


def as_plain(value):
    """Returns dataclasses, mappings and sequences as nested dicts and lists that YAML and JSON can hold."""
    if dataclasses.is_dataclass(value):
        value = dataclasses.asdict(value)
    if isinstance(value, Mapping):
        return {key: as_plain(inner) for key, inner in value.items()}
    if isinstance(value, (tuple, list)):
        return [as_plain(inner) for inner in value]
    return str(value) if isinstance(value, Path) else value


def _fitting(value, hint, current, key):
    """Returns `value` in the type that the field has: nested configs from mappings, tuples from lists, floats from ints."""
    if dataclasses.is_dataclass(current):
        if isinstance(value, type(current)):
            return value
        if isinstance(value, Mapping):
            return updated(current, value)
        raise ValueError(f"{key} must be a {type(current).__name__} or a mapping, got {value!r}")
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ValueError(f"{key} must be {' or '.join(map(repr, get_args(hint)))}, got {value!r}")
        return value
    if get_origin(hint) is tuple:
        return _fitting_tuple(value, get_args(hint), key)
    allowed = get_args(hint) or (hint,)
    if isinstance(value, allowed) and not (isinstance(value, bool) and bool not in allowed):
        return value
    if float in allowed and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if Path in allowed and isinstance(value, str):
        return Path(value)
    names = " or ".join(getattr(kind, "__name__", str(kind)) for kind in allowed)
    raise ValueError(f"{key} must be {names}, got {value!r}")


def _fitting_tuple(value, items, key):
    open_ended = len(items) == 2 and items[1] is Ellipsis
    if not isinstance(value, (tuple, list)) or not (open_ended or len(value) == len(items)):
        size = "any number of" if open_ended else len(items)
        raise ValueError(f"{key} must be a list of {size} {items[0].__name__} values, got {value!r}")
    kinds = items[:1] * len(value) if open_ended else items
    return tuple(_fitting(inner, kind, None, key) for inner, kind in zip(value, kinds))
