"""Builds frozen, nested dataclasses from plain mappings (YAML files, keyword arguments); errors name the nearest key.

Types and bounds of the fields are declared with `utils.fields`.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar, get_type_hints

from utils.fields import FieldError, fitting, shown
from utils.plain_yaml import parse_yaml

Config = TypeVar("Config")


def updated(config: Config, changes: Mapping) -> Config:
    """Returns `config`, a dataclass, with `changes` (field name -> value, nested mappings for nested configs) applied.

    Raises:
        ValueError: a key is not a field; the message names the nearest field.
        FieldError: a value has the wrong type or the config refuses it. FieldError is a ValueError.
    """
    types = get_type_hints(type(config))
    hints = {field.name: types[field.name] for field in dataclasses.fields(config)}
    values = {}
    for key, value in changes.items():
        if key not in hints:
            raise ValueError(f"{type(config).__name__} has no {key!r}{nearest_name(key, hints)}")
        values[key] = _changed(getattr(config, key), value, hints[key], key)
    return dataclasses.replace(config, **values)


def resolved(default: Config, config: Config | Mapping | None, changes: Mapping) -> Config:
    """Returns `default`, or `config` in its place; then applies `changes`. A mapping `config` changes fields of `default`.

    Raises:
        ValueError: as `updated` does.
    """
    if config is None or isinstance(config, Mapping):
        config = updated(default, config or {})
    if not isinstance(config, type(default)):
        raise FieldError("config", f"must be a {type(default).__name__} or a mapping, got {shown(config)}")
    return updated(config, changes)


def nearest_name(name: str, known: Iterable[str]) -> str:
    """Returns the end of a sentence about an unknown name: the nearest known name, and all known names."""
    known = list(known)
    nearest = get_close_matches(str(name), known, n=1)
    meant = f", did you mean {nearest[0]}?" if nearest else "."
    return f"{meant} There are {', '.join(known)}"


def read_yaml(path: str | Path) -> dict:
    """Returns the mapping in a YAML file; reads plain data only and executes nothing.

    Raises:
        ValueError: the file cannot be read, is not YAML, or does not contain a mapping.
    """
    try:
        content = parse_yaml(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read {path}: {str(error).splitlines()[0]}") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ValueError(f"{path} must be a mapping of config keys, got {shown(content)}")
    return content


def as_plain(value):
    """Returns dataclasses, mappings and sequences as nested dicts and lists for YAML and JSON."""
    if dataclasses.is_dataclass(value):
        value = dataclasses.asdict(value)
    if isinstance(value, Mapping):
        return {key: as_plain(inner) for key, inner in value.items()}
    if isinstance(value, (tuple, list)):
        return [as_plain(inner) for inner in value]
    return str(value) if isinstance(value, Path) else value


def _changed(current, value, hint, key):
    if not dataclasses.is_dataclass(current) or isinstance(value, type(current)):
        return fitting(value, hint, key)
    if not isinstance(value, Mapping):
        raise FieldError(key, f"must be a {type(current).__name__} or a mapping, got {shown(value)}")
    try:
        return updated(current, value)
    except FieldError as error:
        raise error.inside(key) from None
