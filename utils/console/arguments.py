"""Parses command lines into config dataclasses; an error is printed as one sentence."""

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from threading import Lock
from typing import TypeVar

import tyro

from utils.plain_yaml import dump_yaml, parse_mapping

Config = TypeVar("Config")
_PARSING = Lock()  # standard error and COLUMNS belong to the process: two threads must not replace them at the same time

# A line between parts of tyro's message, in ASCII or as a border of a box; the upper border contains the title.
_RULE = re.compile(r"^(?:[-─]{5,}|╭.*╮|╰─*╯)$", re.MULTILINE)
_OPTION = re.compile(r"--[\w.-]*\w")
_OF = re.compile(r"Error parsing (\S+): (.*)")
# The first word of a line that is indented as a missing argument is, and not as its help text.
_MISSING = re.compile(r"^[│ ] {5}(\S+)", re.MULTILINE)

# An option whose value is a YAML mapping on one line, as '{g: 5.0}'.
YAML_MAPPING = tyro.constructors.PrimitiveConstructorSpec(
    nargs=1,
    metavar="YAML",
    instance_from_str=lambda words: parse_mapping(words[0]),
    is_instance=lambda value: value is None or isinstance(value, dict),
    str_from_instance=lambda value: ["None" if value is None else dump_yaml(value, flow=True).strip()],
)


def parse_arguments(kind: type[Config], argv: list[str] | None, default: Config | None = None, about: str = "") -> Config:
    """Returns the config of a command line; options override the values of `default`.

    Raises:
        SystemExit: 0 after printing the help; 2 after printing an error of one sentence, for an unknown option or an
            invalid value, or an option of the program that takes a list and got none.
    """
    argv = sys.argv[1:] if argv is None else argv
    settings = {"args": argv, "description": about} | ({} if default is None else {"default": default})
    if {"-h", "--help"} & {*argv}:
        return tyro.cli(kind, **settings)
    printed = io.StringIO()
    try:
        with _PARSING, redirect_stderr(printed), _wide_lines():
            config = tyro.cli(kind, **settings)
    except SystemExit as stop:
        if stop.code:
            print(f"{Path(sys.argv[0]).stem}: {sentence(printed.getvalue(), kind.__name__)}", file=sys.stderr)
        raise
    for option in _empty_lists(argv, config):
        print(f"{Path(sys.argv[0]).stem}: {option} needs at least one value", file=sys.stderr)
        raise SystemExit(2)
    return config


def sentence(box: str, kind: str) -> str:
    """Returns the error sentence from tyro's printed error, which is a title, the sentence and help between lines."""
    plain = "\n".join(line.strip("│ ") for line in box.splitlines())
    _, words, *rest = [" ".join(part.split()) for part in _RULE.split(plain)]
    if words.startswith("Missing from"):
        return f"{_MISSING.findall(box)[0]} is required"
    if words.startswith("Unrecognized options"):
        meant = [_OPTION.findall(part)[0] for part in rest if part.startswith("Perhaps you meant")]
        return words + (f", did you mean {meant[0]}?" if meant else "")
    found = _OF.fullmatch(words)
    if found is None:
        return words
    return found[2] if found[1] == kind else f"{found[1]}: {found[2]}"


def _empty_lists(argv, config):
    """Returns the options in `argv` without a value whose fields are empty lists; fields of nested configs may be empty."""
    without = [word for word, after in zip(argv, [*argv[1:], "--"]) if word.startswith("--") and after.startswith("--")]
    return [option for option in without if getattr(config, option[2:].replace("-", "_"), None) == ()]


@contextmanager
def _wide_lines() -> Iterator[None]:
    """Makes tyro print long lines, so that sentences and names are not broken at the terminal's width."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "10000"
    try:
        yield
    finally:
        os.environ.pop("COLUMNS")
        if before is not None:
            os.environ["COLUMNS"] = before
