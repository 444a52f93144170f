"""The state of an object is restored bit for bit, into the same arrays, and nothing else changes."""

import json
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from enum import Enum

import gymnasium as gym
import numpy as np
import pytest
import torch
from mujoco import MjModel
from mujoco.batch import Batch

from run_folder.snapshot import UnkeptError, capture, pack, restore, unpack


class Inner:
    def __init__(self):
        self.phase = np.zeros(3)


class Thing:
    transient = ("cache",)

    def __init__(self):
        self.sim = Batch(
            MjModel.from_xml_string("<mujoco><worldbody><body><joint/><geom size='1'/></body></worldbody></mujoco>"), 2, 1
        )
        self.count, self.scale, self.name, self.nothing = 0, 1.0, "a", None
        self.values, self.inner = np.zeros((2, 2)), Inner()
        self.view = self.values[:, 0]
        self.streams = [None, np.random.default_rng(1)]
        self.sums = {}
        self.cache = np.zeros(2)
        self.constant, self.function = (1, 2), len
        self.restored = 0

    def after_restore(self):
        self.restored += 1


Inner.__module__ = Thing.__module__ = "utils.made_up"


def changed():
    thing = Thing()
    thing.count, thing.scale, thing.name, thing.nothing = 3, 0.1 + 0.2, "b", 1.5
    thing.values[:] = np.random.default_rng(0).normal(size=(2, 2))
    thing.inner.phase[:] = 1 / 3
    thing.streams = [np.random.default_rng(5), np.random.default_rng(6)]
    thing.streams[1].random(7)
    thing.sums = {"speed": np.ones(2)}
    thing.sim.qpos[:] = 0.7
    thing.cache[:] = 9.0
    return thing


def through_files(tree):
    arrays = {}
    return unpack(json.loads(json.dumps(pack(tree, arrays))), {name: array.copy() for name, array in arrays.items()})


def test_all_that_an_object_remembers_comes_back():
    wanted, thing = changed(), Thing()
    restore(thing, through_files(capture(wanted)))
    for name in ("count", "scale", "name", "nothing"):
        assert getattr(thing, name) == getattr(wanted, name)
    np.testing.assert_array_equal(thing.values, wanted.values)
    np.testing.assert_array_equal(thing.inner.phase, wanted.inner.phase)
    np.testing.assert_array_equal(thing.sim.state, wanted.sim.state)
    np.testing.assert_array_equal(thing.sums["speed"], np.ones(2))
    assert [stream.random() for stream in thing.streams] == [stream.random() for stream in wanted.streams]
    assert not thing.cache.any() and thing.restored == 1


def test_arrays_stay_where_others_look_at_them():
    thing = Thing()
    restore(thing, capture(changed()))
    np.testing.assert_array_equal(thing.view, thing.values[:, 0])
    thing.values[:] = 8.0
    assert (thing.view == 8.0).all()


def test_a_capture_does_not_follow_the_object():
    thing = changed()
    taken, before = capture(thing), thing.values.copy()
    thing.values[:] = 0.0
    thing.streams[0].random()
    np.testing.assert_array_equal(taken["values"], before)
    assert taken["streams"][0] == np.random.default_rng(5).bit_generator.state


def test_the_state_of_another_class_is_refused():
    with pytest.raises(ValueError, match="has no sim"):
        restore(Inner(), capture(Thing()))


def test_packing_keeps_types_and_bits():
    tree = {
        1: (True, None, 0.1 + 0.2),
        "t": torch.tensor([1 / 3]),
        "a": np.float32([1 / 3]),
        "big": 2**127 + 1,
        "l": [[], {}],
    }
    back = through_files(tree)
    assert back[1] == tree[1] and type(back[1]) is tuple and back["big"] == tree["big"] and back["l"] == tree["l"]
    assert torch.equal(back["t"], tree["t"]) and back["a"].dtype == np.float32 and back["a"] == tree["a"]


def test_what_cannot_be_packed_is_named():
    with pytest.raises(TypeError, match="function"):
        pack({"f": through_files}, {})


class Memory:
    """Has state in every kind of container."""

    transient = ("picture",)

    def __init__(self):
        self.history = deque([np.zeros(2)], maxlen=3)
        self.counters, self.pair = (0, 0), (np.zeros(2), len)
        self.seen, self.frozen = set(), frozenset()
        self.by_name = OrderedDict(a=0)
        self.pushed = None
        self.readings = np.zeros(3)
        self.readings.flags.writeable = False
        self.parts = [Inner(), {"inner": Inner(), "rule": max}]
        self.picture = object()


Memory.__module__ = "envs.made_up"


class Derived(Memory):
    """Belongs to another package, as a user's task does."""


Derived.__module__ = "tasks.mine"


@pytest.mark.parametrize("kind", [Memory, Derived])
def test_every_container_comes_back_as_what_it_was(kind):
    wanted, thing = kind(), kind()
    wanted.history.extend([np.ones(2), np.full(2, 2.0), np.full(2, 3.0)])
    wanted.counters, wanted.pushed = (3, 0.1), deque([1, 2])
    wanted.pair[0][:] = 5.0
    wanted.seen, wanted.frozen = {3, "x", (1, 2)}, frozenset({7})
    wanted.by_name["b"] = 4
    wanted.readings = np.arange(3.0)
    wanted.readings.flags.writeable = False
    wanted.parts[0].phase[:], wanted.parts[1]["inner"].phase[:] = 1.0, 2.0
    array, first = thing.pair[0], thing.parts[0]
    restore(thing, through_files(capture(wanted)))
    assert type(thing.history) is deque and thing.history.maxlen == 3
    np.testing.assert_array_equal(list(thing.history), list(wanted.history))
    assert thing.counters == wanted.counters and thing.pushed == deque([1, 2]) and type(thing.pushed) is deque
    np.testing.assert_array_equal(array, 5.0)
    assert thing.pair[0] is array and thing.pair[1] is len and type(thing.pair) is tuple
    assert thing.seen == wanted.seen and thing.frozen == wanted.frozen and type(thing.frozen) is frozenset
    assert thing.by_name == wanted.by_name and type(thing.by_name) is OrderedDict
    np.testing.assert_array_equal(thing.readings, wanted.readings)
    assert not thing.readings.flags.writeable
    assert thing.parts[0] is first and (first.phase == 1.0).all() and thing.parts[1]["rule"] is max
    assert (thing.parts[1]["inner"].phase == 2.0).all()


class Foreign:
    """Is not an instance of a class of the project."""


class Ring(list):
    """A list with a method, which a plain list lacks after a restore."""

    def newest(self):
        return self[-1]


class Limits(dict):
    """A dict with an attribute besides its items."""

    def __init__(self):
        super().__init__(speed=1.0)
        self.count = 0


@pytest.mark.parametrize(
    "value",
    [
        Foreign(),
        [1, Foreign()],
        {"a": (0, Foreign())},
        np.array([None, 1]),
        bytearray(3),
        np.random.RandomState(1),
        deque([Foreign()]),
        iter([1]),
        Ring([1, 2]),
        Limits(),
        np.ma.masked_array([1.0, 2.0], [True, False]),
        gym.wrappers.vector.NormalizeReward(gym.make_vec("envs:Toy-v0", 2)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_may_change_and_cannot_be_kept_is_named_with_its_class(value):
    thing = Inner()
    thing.extra = value
    with pytest.raises(UnkeptError, match=r"^Inner\.extra\S* is of a type that a checkpoint cannot keep .*`transient`$"):
        capture(thing)
    thing.transient = ("extra",)
    assert capture(thing).keys() == {"phase", "transient"}


def test_a_state_that_was_kept_without_tuples_and_deques_is_put_back():
    thing = Memory()
    thing.counters = (5, 5)
    old = {name: value for name, value in capture(Memory()).items() if name not in ("history", "counters", "seen")}
    restore(thing, old)
    assert thing.counters == (5, 5)


def test_what_a_batch_shows_stays_live():
    thing = Thing()
    thing.shown, thing.part = thing.sim.xquat, thing.sim.xquat[:, 1]
    restore(thing, through_files(capture(thing)))
    thing.sim.qpos[:] = 0.5
    thing.sim.forward()
    np.testing.assert_array_equal(thing.shown, thing.sim.xquat)
    np.testing.assert_allclose(thing.part, [[np.cos(0.25), 0.0, 0.0, np.sin(0.25)]] * 2)


class Phase(Enum):
    STAND = 1
    WALK = 2


@dataclass
class Estimate:
    """The nested state of a user's task, in a package that is not the project's."""

    mean: np.ndarray = field(default_factory=lambda: np.zeros(2))
    history: deque = field(default_factory=deque)


@dataclass
class Estimator:
    estimate: Estimate = field(default_factory=Estimate)
    phase: Phase = Phase.STAND


BIT_GENERATORS = [np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox, np.random.SFC64]


@pytest.mark.parametrize("kind", BIT_GENERATORS)
def test_a_users_dataclasses_enums_and_generators_come_back(kind):
    wanted, thing = Inner(), Inner()
    for own in (wanted, thing):
        own.estimator, own.pair = Estimator(), (np.random.Generator(kind(1)), 0)
    wanted.estimator.phase, wanted.estimator.estimate.mean[:] = Phase.WALK, 2.0
    wanted.estimator.estimate.history.append(3)
    wanted.pair[0].random(5)
    nested = thing.estimator.estimate
    restore(thing, through_files(capture(wanted)))
    assert thing.estimator.phase is Phase.WALK and thing.estimator.estimate is nested
    assert (nested.mean == 2.0).all() and nested.history == deque([3])
    assert thing.pair[0].random() == wanted.pair[0].random()
