"""Configs from plain mappings: accepted values, refused values, and the error messages."""

from dataclasses import FrozenInstanceError, dataclass, field
from pathlib import Path
from typing import Literal

import pytest
import yaml

from utils.config import as_plain, nearest_name, read_yaml, updated


@dataclass(frozen=True)
class Engine:
    power: float = 1.5
    cylinders: int = 4


@dataclass(frozen=True)
class Car:
    engine: Engine = field(default_factory=Engine)
    name: str = "car"
    gears: tuple[float, ...] = (3.5, 2.0)
    size: tuple[float, float] = (4.0, 2.0)
    limit: float | None = None
    log: Path | None = None
    fast: bool = False
    fuel: Literal["petrol", "none"] = "petrol"


def test_nested_changes_reach_their_field_and_leave_all_else():
    car = Car(name="old")
    assert updated(car, {"engine": {"power": 2.5}, "fast": True}) == Car(Engine(2.5, 4), "old", fast=True)
    assert car == Car(name="old") and Engine() == Engine(1.5, 4)


def test_no_change_gives_an_equal_config_and_a_whole_nested_one_is_taken():
    assert updated(Car(), {}) == Car()
    assert updated(Car(), {"engine": Engine(9.0)}).engine == Engine(9.0)


def test_configs_cannot_be_changed_in_place():
    with pytest.raises(FrozenInstanceError):
        updated(Car(), {"name": "new"}).name = "other"


@pytest.mark.parametrize(
    "changes, name, expected",
    [
        ({"gears": [3, 2.5, 1]}, "gears", (3.0, 2.5, 1.0)),
        ({"gears": []}, "gears", ()),
        ({"size": [5, 2]}, "size", (5.0, 2.0)),
        ({"limit": 3}, "limit", 3.0),
        ({"limit": None}, "limit", None),
        ({"log": "runs/a"}, "log", Path("runs/a")),
        ({"fuel": "none"}, "fuel", "none"),
    ],
)
def test_values_take_the_type_of_their_field(changes, name, expected):
    value = getattr(updated(Car(), changes), name)
    assert value == expected and type(value) is type(expected)
    if isinstance(value, tuple):
        assert all(type(item) is float for item in value)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"engin": {}}, "Car has no 'engin', did you mean engine.*engine, name, gears"),
        ({"engine": {"powr": 1}}, "Engine has no 'powr', did you mean power.*power, cylinders"),
        ({7: 1}, "Car has no 7"),
        ({"engine": 3}, "engine must be a Engine or a mapping, got 3"),
        ({"engine": {"cylinders": 4.5}}, "cylinders must be int, got 4.5"),
        ({"engine": {"cylinders": True}}, "cylinders must be int, got True"),
        ({"engine": {"power": "big"}}, "power must be float, got 'big'"),
        ({"engine": {"power": None}}, "power must be float, got None"),
        ({"engine": {"power": True}}, "power must be float, got True"),
        ({"fast": 1}, "fast must be True or False, got 1"),
        ({"name": 3}, "name must be str, got 3"),
        ({"gears": 3.0}, "gears must be a list of any number of float values, got 3.0"),
        ({"gears": [1.0, "two"]}, "gears must be float, got 'two'"),
        ({"size": [1.0, 2.0, 3.0]}, "size must be a list of 2 float values"),
        ({"fuel": "water"}, "fuel must be.*petrol.*got 'water'"),
    ],
)
def test_what_does_not_fit_is_refused_and_named(changes, words):
    with pytest.raises(ValueError, match=words):
        updated(Car(), changes)


def test_nothing_is_said_to_be_near_where_nothing_is():
    assert nearest_name("xyz", ["rough", "flat"]) == ". There are rough, flat"


def test_plain_configs_go_through_yaml_and_back(tmp_path):
    car = Car(Engine(2.0), gears=(1.0,), limit=0.5, log=Path("runs"))
    (tmp_path / "car.yaml").write_text(yaml.safe_dump(as_plain(car)))
    assert updated(Car(), read_yaml(tmp_path / "car.yaml")) == car


def test_yaml_that_would_run_something_is_refused_and_does_not(tmp_path):
    trace = tmp_path / "ran"
    (tmp_path / "bad.yaml").write_text(f"name: !!python/object/apply:os.system ['touch {trace}']\n")
    with pytest.raises(ValueError, match=r"cannot read .*bad\.yaml"):
        read_yaml(tmp_path / "bad.yaml")
    assert not trace.exists()


@pytest.mark.parametrize("content", [None, b"a: [1\nb: }", b"\xff\xfe\xfa", b"- 1\n- 2", b"", b"a: 1\n---\nb: 2"])
def test_a_file_without_a_mapping_is_refused_in_one_sentence(tmp_path, content):
    path = tmp_path / "file.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"file\.yaml") as caught:
        read_yaml(path)
    assert "\n" not in str(caught.value)
