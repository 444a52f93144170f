"""Functions and other constants of an object are not kept: state in them, or a change of them, is an error."""

import itertools
import random
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from run_folder.snapshot import UnkeptError, capture


class Inner:
    def __init__(self):
        self.phase = np.zeros(3)


Inner.__module__ = "utils.made_up"


def counter():
    steps = 0

    def advance():
        nonlocal steps
        steps += 1
        return steps

    return advance


def remembering(state):
    return lambda: state.append(1)


@pytest.mark.parametrize(
    "value",
    [
        counter(),
        remembering([]),
        remembering(deque()),
        partial(max, []),
        partial(sorted, key=counter()),
        partial(print, end=np.random.RandomState(1)),
        partial(print, end=itertools.count()),
        random.Random(1).random,
        np.random.default_rng(1).random,
        itertools.count(),
        (i for i in range(3)),
    ],
    ids=lambda value: getattr(value, "__qualname__", type(value).__name__),
)
def test_a_function_that_holds_state_is_an_error(value):
    thing = Inner()
    thing.rule = value
    with pytest.raises(UnkeptError, match=r"^Inner\.rule is of a type that a checkpoint cannot keep"):
        capture(thing)


def test_a_function_without_state_is_a_constant():
    thing, limit = Inner(), 3
    thing.rule, thing.bounded, thing.method = len, lambda value: value < limit, Inner().__init__
    assert capture(thing).keys() == {"phase"}


@dataclass(frozen=True)
class Frozen:
    values: np.ndarray = field(default_factory=lambda: np.zeros(2))
    names: list = field(default_factory=list)
    inner: tuple = ()
    limit: float = float("nan")


def limited(limit, *, seen=()):
    def rule(value, known=[], *, more={}):  # noqa: B006
        return value < limit and rule not in (known, more)

    rule.count = 0
    return rule


def with_rule(value):
    thing = Inner()
    thing.rule = value
    return thing


def replaced(value):
    return lambda thing: setattr(thing, "rule", value)


@pytest.mark.parametrize(
    ("value", "change"),
    [
        (Frozen(), lambda thing: thing.rule.values.__setitem__(0, 1.0)),
        (Frozen(), lambda thing: thing.rule.names.append("a")),
        (Frozen(inner=(Frozen(),)), lambda thing: thing.rule.inner[0].values.__setitem__(0, 1.0)),
        (Frozen(inner=(np.random.default_rng(1),)), lambda thing: thing.rule.inner[0].random()),
        (Frozen(), replaced(Frozen(limit=2.0))),
        (limited(1), replaced(limited(2))),
        (limited(1), replaced(len)),
        (limited(1), lambda thing: setattr(thing.rule, "count", 1)),
        (limited(1), lambda thing: thing.rule.__defaults__[0].append(1)),
        (limited(1), lambda thing: thing.rule.__kwdefaults__["more"].update(a=1)),
        (partial(max, 1), replaced(partial(max, 2))),
        (partial(max, key=[1]), lambda thing: thing.rule.keywords["key"].append(2)),
        (partial(max, key=bytearray(1)), lambda thing: thing.rule.keywords["key"].append(2)),
        (partial(max, key=np.zeros(1)), lambda thing: thing.rule.keywords["key"].fill(2)),
        (b"a", replaced(b"b")),
        (Path("a"), replaced(Path("b"))),
        ({"a": [len, max]}, lambda thing: thing.rule["a"].reverse()),
        (gym.spaces.Discrete(2), replaced(gym.spaces.Discrete(3))),
        (range(2), replaced(range(3))),
    ],
)
def test_a_constant_that_changed_is_an_error_at_the_next_capture(value, change):
    thing = with_rule(value)
    assert capture(thing).keys() == capture(thing).keys() == {"phase"}
    change(thing)
    for _ in range(2):
        with pytest.raises(
            UnkeptError, match=r"^Inner\.rule\S* has changed, and a checkpoint does not keep it .*`transient`$"
        ):
            capture(thing)
    thing.transient = ("rule",)
    capture(thing)


@pytest.mark.parametrize(
    "make", [Frozen, partial(limited, 1), partial(partial, max, 1), partial(Path, "a"), lambda: Inner().__init__]
)
def test_a_constant_that_is_made_anew_with_the_same_contents_is_the_same(make):
    thing = with_rule(make())
    capture(thing)
    thing.rule = make()
    assert capture(thing).keys() == {"phase"}


def test_a_new_object_at_the_address_of_a_deleted_one_has_constants_of_its_own():
    for i in range(200):
        capture(with_rule(bytes([i])))
