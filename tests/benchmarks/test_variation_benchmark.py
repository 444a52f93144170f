"""The variation benchmark: one factor at a time, at the named values, for every walker."""

import csv
import functools

import pytest

from benchmarks import variation_benchmark
from envs.residual_walk.variation import TRAINING_VARIATION, VariationConfig


def test_one_factor_at_a_time_is_fixed_at_either_end():
    (first, *others), nominal = variation_benchmark.conditions(), VariationConfig()
    assert first == ("nominal", None, nominal) and len(others) == 14
    for factor, value, variation in others:
        changed = {name for name in vars(nominal) if getattr(variation, name) != getattr(nominal, name)}
        assert changed == (set() if value == 0.0 else {factor})
        assert getattr(variation, factor) in (value, (value, value))


def test_the_ends_lie_at_least_as_far_out_as_trainings_go():
    for factor, (low, high) in variation_benchmark.ENDS.items():
        trained = TRAINING_VARIATION.ranges.get(factor, (0.0, getattr(TRAINING_VARIATION, factor)))
        assert low <= trained[0] < trained[1] <= high


def test_every_walk_is_in_the_table_and_in_the_file(tmp_path, monkeypatch, capsys):
    near = functools.partial(variation_benchmark.evaluate, goal=0.1, min_pace=0.1)
    monkeypatch.setattr(variation_benchmark, "evaluate", near)
    out = tmp_path / "new" / "out.csv"
    assert variation_benchmark.main(f"--episodes 2 --level 0 --csv {out}".split()) == 0
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert len(rows) == 15 and all((row["success"], row["episodes"]) == ("1.0", "2") for row in rows)
    by_condition = {(row["factor"], row["value"]): row["distance_m"] for row in rows}
    assert by_condition["nominal", ""] == by_condition["push_speed", "0.0"] != by_condition["friction", "0.5"]
    assert "| friction | 0.5 | 100% (34% to 100%) |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [("--episodes 0", "at least 1"), ("--level 3", "in 0 to 1"), ("--model nowhere", "contains no env.json")],
)
def test_a_wrong_input_gets_one_sentence_and_exit_code_2(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(variation_benchmark, "walk", lambda *_: {"success": 0.0})
    try:
        code = variation_benchmark.main([*arguments.split(), "--csv", str(tmp_path / "out.csv")])
    except SystemExit as stop:  # values that the config refuses
        code = stop.code
    assert code == 2
    message = capsys.readouterr().err
    assert words in message and len(message.splitlines()) == 1
