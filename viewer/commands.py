"""Commands from the page: those that change the simulation, which a recording keeps, and those that control the loop."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal

from evaluation.held_out_seeds import PLAY
from utils.config import as_plain, nearest_name
from utils.fields import Checked, FieldError, checked, is_number, shown, within

SLOWEST, FASTEST_SPEED = 1 / 8, 8.0  # multiples of real time
STRONGEST_PUSH = 5.0  # m/s
FARTHEST = 1e3  # m: largest coordinate of a point that the mouse can name
MOST_ROBOTS = 16


def are_numbers(values) -> bool:
    """Returns whether a mapping consists of names and finite numbers."""
    return all(isinstance(name, str) and is_number(number) for name, number in values.items())


def _point():
    return within((0.0, 0.0, 0.0), -FARTHEST, FARTHEST, least=3, unit="m")


@dataclass(frozen=True)
class Reset(Checked):
    """Starts new episodes of all robots with a seed, a number for `evaluation.held_out_seeds.PLAY`."""

    seed: int = within(0, 0, PLAY.highest)


@dataclass(frozen=True)
class Steer(Checked):
    """Sets the command of all robots: a value for each of the environment's `command_rows`."""

    values: dict = checked(None, are_numbers, "be a mapping of names to finite numbers")


@dataclass(frozen=True)
class Release(Checked):
    """Gives all robots the commands again that the environment draws."""


@dataclass(frozen=True)
class Perturb(Checked):
    """Sets parameters of the physics by name, from the next reset on."""

    values: dict = checked(None, are_numbers, "be a mapping of names to finite numbers")


@dataclass(frozen=True)
class Ground(Checked):
    """Rebuilds the world with another terrain, and starts new episodes."""

    kind: str = "rough"
    level: float = within(0.5, 0.0, 1.0)


@dataclass(frozen=True)
class Choose(Checked):
    """Chooses the policy of the first or the second group of robots; an empty second policy removes the second group."""

    policy: str = ""
    group: Literal["first", "second"] = "first"


@dataclass(frozen=True)
class Push(Checked):
    """Pushes a body of one robot for 0.1 s, so that the whole robot gains `speed` in a horizontal `direction`."""

    robot: int = within(0, 0, 2 * MOST_ROBOTS)
    speed: float = within(0.3, 0.0, STRONGEST_PUSH, unit="m/s")
    direction: float = within(0.0, -360.0, 360.0, unit="degrees")


@dataclass(frozen=True)
class Drag(Checked):
    """Pulls a body of one robot with a spring between a `point` in the body's frame and a `target` in the world, m."""

    robot: int = within(0, 0, 2 * MOST_ROBOTS)
    body: int = within(1, 1)
    point: tuple[float, float, float] = _point()
    target: tuple[float, float, float] = _point()


@dataclass(frozen=True)
class Drop(Checked):
    """Removes the spring of a `Drag`."""

    robot: int = within(0, 0, 2 * MOST_ROBOTS)


@dataclass(frozen=True)
class Pause(Checked):
    """Stops or continues the simulation."""

    on: bool = True


@dataclass(frozen=True)
class StepOnce(Checked):
    """Pauses, and takes one control step."""


@dataclass(frozen=True)
class Speed(Checked):
    """Sets the ratio of simulated time to real time."""

    value: float = within(1.0, SLOWEST, FASTEST_SPEED)


# Commands that change the simulation, by the name that a recording uses.
COMMANDS = {
    "reset": Reset,
    "steer": Steer,
    "release": Release,
    "perturb": Perturb,
    "ground": Ground,
    "choose": Choose,
    "push": Push,
    "drag": Drag,
    "drop": Drop,
}
Command = Reset | Steer | Release | Perturb | Ground | Choose | Push | Drag | Drop
Control = Pause | StepOnce | Speed
_NAMES = {kind: name for name, kind in COMMANDS.items()}


def as_row(step: int, command: Command) -> dict:
    """Returns a command as plain data, with the number of control steps that were taken before it."""
    return {"step": step, "command": _NAMES[type(command)], **as_plain(command)}


def from_row(row: Mapping) -> tuple[int, Command]:
    """Returns the step and the command that `as_row` described.

    Raises:
        ValueError: the row has another form, an unknown command or field, or a value that the command does not allow.
    """
    if not isinstance(row, Mapping) or not isinstance(row.get("step"), int) or row["step"] < 0:
        raise ValueError(f"a command must be a mapping with its step, a whole number, got {shown(row)}")
    name = row.get("command")
    if not isinstance(name, str) or name not in COMMANDS:
        raise ValueError(f"there is no command {shown(name)}{nearest_name(str(name), COMMANDS)}")
    values = {key: value for key, value in row.items() if key not in ("step", "command")}
    kind = COMMANDS[name]
    known = {item.name for item in fields(kind)}
    for key in values.keys() - known:
        raise ValueError(f"the command {name} has no {key!r}{nearest_name(key, known)}")
    if values.keys() != known:
        raise FieldError(name, f"needs {', '.join(sorted(known - values.keys()))}")
    return row["step"], kind(**values)
