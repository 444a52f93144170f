"""YAML as plain data, read and written by the rules of YAML 1.2 (its core schema), each file by the same loader.

Unlike YAML 1.1, which PyYAML knows: 1e-3, 1E5 and .5e-3 are numbers; no, yes, on and off are strings; 010 is ten; 1:30 and
2026-01-02 are strings. Added are 1_000, as in Python, and errors for keys given twice. Aliases and tags of objects are not
read.
"""

import math
import re
from collections.abc import Mapping

import yaml

from utils.fields import shown

_DIGITS = "[0-9]+(?:_[0-9]+)*"
_NUMBER = rf"[-+]?(?:\.{_DIGITS}|{_DIGITS}(?:\.(?:{_DIGITS})?)?)(?:[eE][-+]?[0-9]+)?"
_WHAT_MAY_FAIL = (yaml.YAMLError, ValueError, RecursionError)


def parse_yaml(text: str):
    """Returns the plain data that YAML holds: numbers, strings, booleans, None, lists and dicts.

    Raises:
        ValueError: it is no YAML, or holds something else; the message is one line.
    """
    try:
        return yaml.load(text, _Loader)
    except _WHAT_MAY_FAIL as error:
        raise ValueError(_reason(error)) from error


def parse_mapping(text: str) -> dict:
    """Returns the mapping that YAML holds.

    Raises:
        ValueError: as `parse_yaml`, or it holds something else than a mapping from names.
    """
    content = parse_yaml(text)
    if not isinstance(content, dict):
        raise ValueError(f"it must be a YAML mapping, as '{{name: value}}', got {shown(content)}")
    for key in content:
        if not isinstance(key, str):
            raise ValueError(f"its keys must be names, got {shown(key)}")
    return content


def dump_yaml(data, flow: bool = False) -> str:
    """Returns plain data as YAML that `parse_yaml` reads as the same, and other readers too; on one line if `flow`."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, default_flow_style=flow, width=math.inf if flow else None)


class _Loader(yaml.SafeLoader):
    """Reads plain data, and each of it once: a few aliases of aliases would make gigabytes of a short file."""

    yaml_implicit_resolvers: Mapping = {}
    yaml_constructors: Mapping = {}

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it holds an alias (*name), and aliases are not read")
        return super().compose_node(parent, index)

    def flatten_mapping(self, node):
        """Leaves `<<` as it stands: merging keys is no part of YAML 1.2."""

    def mapping(self, node):
        """Returns a dict; raises YAMLError for a key that is a list or mapping, or given twice."""
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
            raise _error("there must be a mapping", node)
        return node.value


class _Dumper(yaml.SafeDumper):
    """Writes in quotes what either version of YAML would read as something else than a string."""

    def ignore_aliases(self, data):
        return True


def _scalar(convert):
    def construct(loader, node):
        text = loader.construct_scalar(node)
        try:
            return convert(text)
        except (ValueError, KeyError) as error:
            raise _error(f"{shown(text)} is no {node.tag.rpartition(':')[2]}", node) from error

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
# Plain scalars of a kind: the pattern that they match, and the characters that they may begin with.
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
