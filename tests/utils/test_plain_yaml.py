"""YAML from every source is read by version 1.2, and a written file reads back equal."""

import math

import pytest
import yaml

from training.command_line import parse
from utils.config import read_yaml
from utils.plain_yaml import dump_yaml, parse_mapping, parse_yaml

NUMBERS = {
    "1e-3": 1e-3, "1E5": 1e5, "-2e4": -2e4, ".5e-3": 0.5e-3, "+1.5e+2": 150.0, "1.": 1.0, ".5": 0.5, "6.02E23": 6.02e23,
    "1_000": 1000, "1_000.5": 1000.5, "010": 10, "0o10": 8, "0x1F": 31, "-7": -7, "+3": 3,
    ".inf": math.inf, "-.INF": -math.inf,
}  # fmt: skip
STRINGS = ["no", "yes", "on", "off", "No", "OFF", "y", "n", "1:30", "12:30:45", "2026-01-02", "1__0", "_1", "1_", "e3", "1e",
           "1e-3s", "0b11", "-0x1F", "infinity", "nan", "<<", "=", "RWRLWalkerWalk-v0", "1.2.3", "."]  # fmt: skip


@pytest.mark.parametrize("text", NUMBERS)
def test_numbers_are_read_as_python_writes_them(text):
    number = parse_yaml(f"x: {text}")["x"]
    assert number == NUMBERS[text] and type(number) is type(NUMBERS[text])


@pytest.mark.parametrize("text", STRINGS)
def test_what_yaml_1_1_reads_as_something_else_is_a_string(text):
    assert parse_yaml(f"x: {text}") == {"x": text}
    assert parse_yaml(f"{text}: 1") == {text: 1}


@pytest.mark.parametrize("text", [*NUMBERS, "true", "null", "~", ".nan", ""])
def test_quotes_make_strings(text):
    assert parse_yaml(f"x: '{text}'") == parse_yaml(f'x: "{text}"') == {"x": text}


def test_truth_and_nothing_have_their_names():
    assert parse_yaml("[true, False, TRUE, null, ~, Null, ]") == [True, False, True, None, None, None]
    assert parse_yaml("x:") == {"x": None}


@pytest.mark.parametrize(
    "text", [*NUMBERS, *STRINGS, "true", "null", "~", ".nan", "", "a: b", "a\nb", "'", " x ", "ü", "\u2028"]
)
@pytest.mark.parametrize("flow", [False, True])
def test_every_string_comes_back_as_it_was_written_for_readers_of_either_version(text, flow):
    data = {"x": text, "y": [text, {"z": text}]}
    assert parse_yaml(dump_yaml(data, flow)) == data == yaml.safe_load(dump_yaml(data, flow))


@pytest.mark.parametrize("number", [1e-3, 1e-5, -2.5e-17, 1e22, 5e-324, 0.1, 1.0, 123456789, -3, math.inf])
def test_every_number_comes_back_as_it_was_written(number):
    assert parse_yaml(dump_yaml({"x": number})) == {"x": number}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: 2\na: 3", "the key 'a' is given twice, line 3"),
        ("{x: {low: 1e-3, low: 1e-2}}", "the key 'low' is given twice, line 1"),
        ("a: &b [1]\nc: *b", "it contains an alias"),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor for the tag"),
        ("a: !!timestamp 2026-13-45", "could not determine a constructor for the tag"),
        ("a: !!int x", "'x' is not of type int, line 1"),
        ("a: !!bool maybe", "'maybe' is not of type bool, line 1"),
        ("a: !!map [1]", "a mapping is required"),
        ("? [1, 2]\n: 3", "a key must be a name"),
        ("a: [1", "line"),
        ("a: 1\n--- \nb: 2", "but found another document"),
        ("\x00", "special characters are not allowed"),
        ("[" * 5000, "nested too deeply"),
        ("a: " + "9" * 5000, "is not of type int"),
    ],
)
def test_what_cannot_be_read_gets_one_line(text, words):
    with pytest.raises(ValueError, match=words) as caught:
        parse_yaml(text)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("text", ["", "[1]", "7", "word", "1: 2"])
def test_a_mapping_from_names_is_asked_for(text, tmp_path):
    with pytest.raises(ValueError, match="must be"):
        parse_mapping(text)
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(ValueError, match=f"^{tmp_path / 'x.yaml'} must be a mapping of config keys, got"):
        read_yaml(tmp_path / "x.yaml")


def test_a_config_file_and_env_kwargs_take_such_numbers(tmp_path):
    (tmp_path / "a.yaml").write_text("total_timesteps: 1_000\nppo: {learning_rate: 1e-3, ent_coef: .5e-2}\n")
    config = parse(["--config", str(tmp_path / "a.yaml")], "")
    assert (config.total_timesteps, config.ppo.learning_rate, config.ppo.ent_coef) == (1000, 1e-3, 0.005)
    words = [
        "--env",
        "RWRLCartpoleSwingup-v0",
        "--env-kwargs",
        "{perturb_spec: {params: {joint_damping: {min: 1e-5, max: 1E-1}}}}",
    ]
    entry = parse(words, "").env_kwargs["perturb_spec"]["params"]["joint_damping"]
    assert entry == {"min": 1e-5, "max": 0.1}
