"""Finds options and config keys that have no effect, so that no option is ignored silently."""

from collections.abc import Iterator, Mapping, Sequence


def given_options(argv: Sequence[str]) -> list[str]:
    """Returns the options on a command line, in order, as field names: --env.terrain-scale=1 gives env.terrain_scale.

    A negated flag gives the name of the flag: --no-vary gives vary.
    """
    words = [word.partition("=")[0] for word in argv if word.startswith("--") and len(word) > 2]
    return [word.removeprefix("--").replace("-", "_").removeprefix("no_") for word in words]


def refuse_idle(argv: Sequence[str], idle: Mapping[str, str]) -> None:
    """Raises ValueError for an option on the command line that has no effect.

    Args:
        argv: the command line.
        idle: name of a field (or prefix of dotted fields) without effect -> reason.
    """
    for option in given_options(argv):
        if reason := reason_of(option, idle):
            raise ValueError(f"{_written(option)} has no effect: {reason}")


def reason_of(field: str, idle: Mapping[str, str]) -> str:
    """Returns why a dotted field has no effect, "" if it has one; `idle` as in `refuse_idle`."""
    return next((reason for name, reason in idle.items() if f"{field}.".startswith(f"{name}.")), "")


def refuse_overruled(argv: Sequence[str], asked: Mapping, made: Mapping) -> None:
    """Raises ValueError for an option whose value in nested `asked` differs from the value in the final config `made`."""
    given = set(given_options(argv))
    for name, value in overruled(asked, made):
        if name in given:
            raise ValueError(f"{_written(name)} has no effect: the config sets it to {value!r}")


def overruled(asked: Mapping, made: Mapping, before: str = "") -> Iterator[tuple[str, object]]:
    """Yields (dotted name, value in `made`) for every value in nested `asked` that differs from `made`."""
    for key, value in asked.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping) and isinstance(made.get(key), Mapping):
            yield from overruled(value, made[key], f"{name}.")
        elif value != made.get(key):
            yield name, made.get(key)


def _written(name):
    return f"--{name.replace('_', '-')}"
