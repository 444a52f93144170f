"""The variation benchmark: one factor at a time, at the named values, for every walker."""

import csv
import functools
import json
import shutil
from pathlib import Path

import pytest

from benchmarks import variation_benchmark
from envs.residual_walk.variation import TRAINING_VARIATION, VariationConfig

SHIPPED = Path(__file__).parents[2] / "assets" / "policies" / "ResidualWalk-v0"


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


def test_all_walkers_have_the_same_command_obstacles_and_ends(tmp_path, monkeypatch):
    model, seen = shutil.copytree(SHIPPED, tmp_path / "model"), []
    content = json.loads((model / "env.json").read_text())
    content["kwargs"]["config"] |= {"command_vx": [0.6, 0.8], "max_tilt": 0.3}
    content["kwargs"]["config"]["terrain"] |= {"size": 0.5, "spacing": 0.01}
    (model / "env.json").write_text(json.dumps(content))
    monkeypatch.setattr(variation_benchmark, "walk", lambda env, *_: seen.append(env.unwrapped.config) or {"success": 0.0})
    [*variation_benchmark.all_rows(variation_benchmark.VariationBenchmarkConfig((model,), 2))]
    for name in ("command_vx", "max_tilt", "min_height"):
        assert len({getattr(config, name) for config in seen}) == 1
    assert {config.command_vx for config in seen} == {(0.3, 0.3)} and {config.terrain.size for config in seen} == {1.0}


def test_a_wrong_model_costs_no_walk(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(variation_benchmark, "walk", lambda *_: pytest.fail("it walks"))
    assert variation_benchmark.main(["--model", str(SHIPPED), "nowhere", "--csv", str(tmp_path / "out.csv")]) == 2
    assert "nowhere contains no env.json" in capsys.readouterr().err


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
