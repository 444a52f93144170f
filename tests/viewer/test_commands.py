"""Commands from a page or a file are checked like any other input."""

import pytest

from viewer.commands import COMMANDS, Choose, Drag, Ground, Perturb, Push, Reset, Speed, Steer, as_row, from_row

EXAMPLES = [
    Reset(7),
    Steer({"vx": 0.4}),
    Perturb({"mass": 1.2}),
    Ground("stairs", 0.75),
    Choose("zero", "second"),
    Push(1, 0.5, -90.0),
    Drag(0, 3, (0.0, 0.1, 0.0), (1.0, 2.0, 0.3)),
]


@pytest.mark.parametrize("command", EXAMPLES, ids=lambda command: type(command).__name__)
def test_a_command_survives_its_row(command):
    assert from_row(as_row(12, command)) == (12, command)


def test_every_command_has_a_name_and_a_default_row_or_needs_values():
    assert len({*COMMANDS.values()}) == len(COMMANDS) == 9


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Reset(-1), "seed must"),
        (lambda: Reset(10**9), "seed must"),
        (lambda: Reset(True), "seed must"),
        (lambda: Ground("rough", 1.5), "level must be a number in 0.0 to 1.0"),
        (lambda: Ground("rough", float("nan")), "level must"),
        (lambda: Steer({"vx": float("inf")}), "values must"),
        (lambda: Steer({"vx": "fast"}), "values must"),
        (lambda: Steer([1, 2]), "values must be dict"),
        (lambda: Push(0, 1e9, 0.0), "speed must"),
        (lambda: Push(-1, 0.1, 0.0), "robot must"),
        (lambda: Drag(0, 0, (0, 0, 0), (0, 0, 0)), "body must"),
        (lambda: Drag(0, 1, (0, 0), (0, 0, 0)), "point must"),
        (lambda: Drag(0, 1, (0, 0, 0), (0, 0, float("nan"))), "target must"),
        (lambda: Speed(100.0), "value must"),
        (lambda: Choose("zero", "third"), "group must"),
    ],
)
def test_a_wrong_value_is_refused_with_the_name_of_its_field(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (7, "a command must be a mapping with its step"),
        ({"step": -1, "command": "release"}, "a command must be a mapping with its step"),
        ({"step": 0, "command": "rset", "seed": 1}, "did you mean reset"),
        ({"step": 0, "command": "reset"}, "reset needs seed"),
        ({"step": 0, "command": "reset", "seed": 0, "sed": 1}, "sed"),
        ({"step": 0, "command": ["reset"]}, "there is no command"),
    ],
)
def test_a_wrong_row_is_refused(row, words):
    with pytest.raises(ValueError, match=words):
        from_row(row)
