"""Reads and writes plain data as YAML 1.2 (core schema); all files of the project use this loader.

Differences to YAML 1.1, which PyYAML implements: 1e-3, 1E5 and .5e-3 are numbers; no, yes, on and off are strings; 010 is
ten; 1:30 and 2026-01-02 are strings. In addition, 1_000 is a number, as in Python, and a duplicate key is an error.
Aliases and tags of objects are errors.
"""

import math
import re
from collections.abc import Mapping

import yaml

from utils.fields import shown

_DIGITS = "[0-9]+(?:_[0-9]+)*"
_NUMBER = rf"[-+]?(?:\.{_DIGITS}|{_DIGITS}(?:\.(?:{_DIGITS})?)?)(?:[eE][-+]?[0-9]+)?"
_ERRORS = (yaml.YAMLError, ValueError, RecursionError)


def parse_yaml(text: str):
    """Returns the plain data in a YAML text: numbers, strings, booleans, None, lists and dicts.

    Raises:
        ValueError: the text is not valid YAML, or contains other data; the message is one line.
    """
    try:
        return yaml.load(text, _Loader)
    except _ERRORS as error:
        raise ValueError(_reason(error)) from error


def parse_mapping(text: str) -> dict:
    """Returns the mapping in a YAML text.

    Raises:
        ValueError: as `parse_yaml`, or the data is not a mapping whose keys are strings.
    """
    content = parse_yaml(text)
    if not isinstance(content, dict):
        raise ValueError(f"it must be a YAML mapping such as '{{name: value}}', got {shown(content)}")
    for key in content:
        if not isinstance(key, str):
            raise ValueError(f"its keys must be names, got {shown(key)}")
    return content


def dump_yaml(data, flow: bool = False) -> str:
    """Returns plain data as YAML text, on one line if `flow`; YAML 1.1 and 1.2 readers read the same data back."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, default_flow_style=flow, width=math.inf if flow else None)


class _Loader(yaml.SafeLoader):
    """Reads plain data without aliases: a few nested aliases would expand a short file to gigabytes."""

    yaml_implicit_resolvers: Mapping = {}
    yaml_constructors: Mapping = {}

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it contains an alias (*name), and aliases are not read")
        return super().compose_node(parent, index)

    def flatten_mapping(self, node):
        """Does not merge `<<` keys, because YAML 1.2 has no merge keys."""

    def mapping(self, node):
        """Returns a dict; raises YAMLError for a duplicate key or a key that is a list or mapping."""
        content = {}
        for key_node, value_node in self._pairs(node):
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, (dict, list)):
                raise _error("a key must be a name, not a list or mapping", key_node)
            if key in content:
                raise _error(f"the key {shown(key)} is given twice", key_node)
            content[key] = self.construct_object(value_node, deep=True)
        return content

    def sequence(self, node):
        """Returns a list."""
        return self.construct_sequence(node, deep=True)

    def _pairs(self, node):
        if not isinstance(node, yaml.MappingNode):
            raise _error("a mapping is required", node)
        return node.value


class _Dumper(yaml.SafeDumper):
    """Quotes a string that YAML 1.1 or 1.2 would read as another type."""

    def ignore_aliases(self, data):
        return True


def _scalar(convert):
    def construct(loader, node):
        text = loader.construct_scalar(node)
        try:
            return convert(text)
        except (ValueError, KeyError) as error:
            raise _error(f"{shown(text)} is not of type {node.tag.rpartition(':')[2]}", node) from error

    return construct


def _int(text):
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    return int(text if base == 10 else text[2:], base)


def _float(text):
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


def _bool(text):
    return {"true": True, "false": False}[text.lower()]


def _error(words, node):
    return yaml.YAMLError(f"{words}, line {node.start_mark.line + 1}")


def _reason(error):
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    mark = getattr(error, "problem_mark", None)
    if mark is not None and getattr(error, "problem", None):
        return f"{' '.join(error.problem.split())}, line {mark.line + 1}, column {mark.column + 1}"
    return " ".join(str(error).split())[:300]


_TAG = "tag:yaml.org,2002:"
# Type of a plain scalar -> the pattern that it matches, and its possible first characters.
_PLAIN = {
    "bool": ("true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (rf"[-+]?{_DIGITS}|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (rf"{_NUMBER}|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+0123456789."),
    "null": ("null|Null|NULL|~|", ["n", "N", "~", ""]),
}
for _kind, (_pattern, _first) in _PLAIN.items():
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(_TAG + _kind, re.compile(rf"(?:{_pattern})\Z"), list(_first))
for _kind, _make in (
    ("bool", _scalar(_bool)),
    ("int", _scalar(_int)),
    ("float", _scalar(_float)),
    ("null", lambda loader, node: None),
    ("str", lambda loader, node: loader.construct_scalar(node)),
    ("seq", _Loader.sequence),
    ("map", _Loader.mapping),
):
    _Loader.add_constructor(_TAG + _kind, _make)
_Loader.add_constructor(None, yaml.SafeLoader.construct_undefined)
