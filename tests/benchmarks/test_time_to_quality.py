"""Time to quality: the policy that a training had saved by a given time, and the table of results."""

import csv
import json

import pytest

from benchmarks import terrain_benchmark, time_to_quality
from benchmarks.time_to_quality import reached

SAVED = {"checkpoints/0000000100": (100, 60.0), "checkpoints/0000001000": (1000, 110.0), ".": (1200, 130.0)}


@pytest.fixture
def run(tmp_path):
    """Makes a run folder that holds only the times of its checkpoints."""
    for folder, (steps, seconds) in SAVED.items():
        (tmp_path / "run" / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / "run" / folder / "card.json").write_text(json.dumps({"steps": steps, "wall_time_s": seconds}))
    return tmp_path / "run"


@pytest.mark.parametrize(
    ("unit", "limit", "folder", "steps"),
    [
        ("minutes", 1.0, "checkpoints/0000000100", 100),
        ("minutes", 1.8, "checkpoints/0000000100", 100),
        ("minutes", 2.16, "checkpoints/0000001000", 1000),
        ("minutes", 2.17, ".", 1200),
        ("minutes", 9999, ".", 1200),
        ("steps", 999, "checkpoints/0000000100", 100),
        ("steps", 1000, "checkpoints/0000001000", 1000),
        ("steps", 10**9, ".", 1200),
    ],
)
def test_what_a_run_had_reached_is_the_last_it_had_saved_by_then(run, unit, limit, folder, steps):
    assert reached(run, unit, limit) == (steps, SAVED[folder][1] / 60, run / folder)


def test_training_steps_choose_the_checkpoints_if_they_are_given(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(terrain_benchmark, "time_limit", lambda *args: 0.1)
    monkeypatch.setattr(time_to_quality, "load_walker", lambda folder, seed: terrain_benchmark.Walker(str(folder)))
    arguments = [*f"{run} --steps 100 1100 --episodes 1 --csv".split(), str(tmp_path / "out.csv")]
    assert time_to_quality.main(arguments) == 0
    printed = capsys.readouterr().out
    assert f"| {run} | 1 | 100 |" in printed and f"| {run} | 1.8 | 1000 |" in printed
    assert time_to_quality.main([*arguments, "--minutes", "5"]) == 2
    assert "--minutes has no effect: --steps chooses the checkpoints" in capsys.readouterr().err
    assert time_to_quality.main([*f"{run} --steps 99 --csv".split(), str(tmp_path / "out.csv")]) == 2
    assert f"{run} had saved no policy after 99 steps" in capsys.readouterr().err


def test_a_policy_that_two_limits_choose_is_counted_once(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(terrain_benchmark, "time_limit", lambda *args: 0.1)
    monkeypatch.setattr(time_to_quality, "load_walker", lambda folder, seed: terrain_benchmark.Walker(str(folder)))
    out = tmp_path / "out.csv"
    assert time_to_quality.main(f"{run} --steps 1000 1100 --episodes 1 --csv {out}".split()) == 0
    rows = [*csv.DictReader(out.read_text().splitlines())]
    assert len(rows) == len({row["kind"] for row in rows})
    capsys.readouterr()
    for words in (f"{run} --minutes 5 5", f"{run} {run}"):
        with pytest.raises(SystemExit):
            time_to_quality.main([*words.split(), "--csv", str(out)])
        assert "must name each value once" in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_a_run_that_had_saved_nothing_yet_gets_one_sentence_and_exit_code_2(run, capsys):
    assert time_to_quality.main([str(run), "--minutes", "0.5", "--csv", str(run / "out.csv")]) == 2
    assert capsys.readouterr().err == f"time_to_quality: {run} had saved no policy after 0.5 minutes\n"


def test_it_walks_each_policy_on_every_kind_and_writes_a_row_for_each(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(terrain_benchmark, "time_limit", lambda *args: 0.2)
    loaded = []
    walker = lambda folder, seed: loaded.append(folder) or terrain_benchmark.Walker(str(folder))  # noqa: E731
    monkeypatch.setattr(time_to_quality, "load_walker", walker)
    arguments = f"{run} --minutes 1 2 30 --episodes 2 --level 0.5 --csv {tmp_path / 'sub' / 'out.csv'}"
    assert time_to_quality.main(arguments.split()) == 0
    assert loaded == [run / "checkpoints/0000000100", run / "checkpoints/0000001000", run]
    with (tmp_path / "sub" / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["minutes"], row["kind"]) for row in rows] == [
        (minutes, kind) for minutes in ("1.0", "2.0", "30.0") for kind in ("rough", "slope", "stairs", "blocks", "waves")
    ]
    assert {(row["level"], row["episodes"], row["training_steps"]) for row in rows[:5]} == {("0.5", "2", "100")}
    never, all_never = "0% (0% to 66%)", "0% (0% to 28%)"  # Wilson's intervals for 0 of 2 and 0 of 10
    assert f"| {run} | 30 | 1200 | {' | '.join([never] * 5)} | {all_never} |" in capsys.readouterr().out
