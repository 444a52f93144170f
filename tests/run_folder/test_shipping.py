"""A shipped policy: the files taken from a run, the content of its card, and the demo that compares it with the gait."""

import csv
import json
import shutil

import imageio.v3 as iio
import numpy as np
import pytest

import demo
import train_residual_ppo
from evaluation import walk_judge
from run_folder.policy import POLICY_FILES
from run_folder.runs import load_policy
from training import ship_policy

SMALL = """--algo ppo --total-timesteps 256 --num-envs 4 --ppo.n-steps 64 --ppo.batch-size 64 --ppo.net-arch 16
--eval-every 0 --episode-steps 30 --checkpoint-every 128 --seed 5 --num-threads 1""".split()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "small"
    assert train_residual_ppo.main([*SMALL, "--run-dir", str(folder)]) == 0
    return folder


@pytest.fixture
def benchmark(run, tmp_path):
    (tmp_path / "other.csv").write_text("walker,success\ngait alone,0.5\n")
    for name in ("terrain", "flat", "steering"):
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["walker", "success"], ["gait alone", "0.5"], [str(run), "0.75"]])
    return tmp_path


def test_a_run_and_its_checkpoints_say_what_they_took(run):
    took = json.loads((run / "card.json").read_text())
    before = json.loads((run / "checkpoints" / "0000000256" / "card.json").read_text())
    assert (before["steps"], took["steps"]) == (256, 256) and 0 < before["wall_time_s"] <= took["wall_time_s"] < 60


def test_the_shipped_policy_acts_as_the_run_does_and_has_nothing_of_the_training(run, benchmark):
    out = benchmark / "shipped"
    assert ship_policy.main([str(run), "--benchmark", str(benchmark), "--out", str(out)]) == 0
    assert {path.name for path in out.iterdir()} == {*POLICY_FILES, "env.json", "config.yaml", "card.json"}
    rows = np.random.default_rng(0).normal(size=(50, 98))
    np.testing.assert_array_equal(load_policy(out)(rows), load_policy(run)(rows))


def test_the_card_holds_command_seed_versions_time_steps_and_the_benchmarks_rows(run, benchmark):
    ship_policy.main([str(run), "--benchmark", str(benchmark), "--out", str(benchmark / "shipped")])
    card = json.loads((benchmark / "shipped" / "card.json").read_text())
    assert (
        card["command"].startswith("python train_residual_ppo.py --algo ppo --total-timesteps 256")
        and card["env_id"] == "ResidualWalk-v0"
    )
    assert (
        (card["seed"], card["steps"]) == (5, 256) and card["wall_time_s"] > 0 and card["versions"]["torch"] and card["git"]
    )
    rows = [{"walker": "gait alone", "success": 0.5}, {"walker": str(run), "success": 0.75}]
    assert card["benchmark"] == {"terrain": rows, "flat": rows, "steering": rows}


def judged(run, folder):
    """Returns `folder` with a benchmark that has a row of the run."""
    folder.mkdir()
    for name in ("terrain", "flat"):
        (folder / f"{name}.csv").write_text(f"walker,success\n{run},0.75\n")
    return folder


def started(run, source):
    """Trains for 256 steps from `source`."""
    assert train_residual_ppo.main([*SMALL, "--start-from", str(source), "--run-dir", str(run)]) == 0


def ship(run, folder):
    return ship_policy.main([str(run), "--benchmark", str(judged(run, folder)), "--out", str(folder / "shipped")])


def test_the_card_also_holds_the_trainings_that_the_run_builds_on(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = shutil.copytree(run, "first")
    for name, source in (("second", "first"), ("third", "second")):
        started(tmp_path / name, source)
    assert ship(tmp_path / "third", tmp_path / "judged_third") == 0
    card = json.loads((tmp_path / "judged_third" / "shipped" / "card.json").read_text())
    commands = [stage["command"].removeprefix("python train_residual_ppo.py ") for stage in card["earlier"]]
    assert [command.partition("--run-dir")[2].strip() for command in commands] == [str(run), str(tmp_path / "second")]
    assert "--start-from" not in commands[0] and "--start-from first" in commands[1]
    assert all(stage["steps"] == 256 and stage["seed"] == 5 and stage["wall_time_s"] > 0 for stage in card["earlier"])
    assert "path: second\n" in (tmp_path / "judged_third" / "shipped" / "config.yaml").read_text()
    # A shipped policy is a source, too, also when the runs before it are gone, and for the policy that replaces it.
    shutil.rmtree(first)
    started(tmp_path / "fourth", tmp_path / "judged_third" / "shipped")
    shutil.rmtree(tmp_path / "judged_third")
    assert ship(tmp_path / "fourth", tmp_path / "judged_fourth") == 0
    later = json.loads((tmp_path / "judged_fourth" / "shipped" / "card.json").read_text())
    assert later["earlier"][:2] == card["earlier"] and later["earlier"][2]["command"] == card["command"]


@pytest.mark.parametrize("imported", [False, True])
def test_what_is_not_known_of_an_earlier_training_is_left_out(run, imported, tmp_path):
    source = shutil.copytree(run, tmp_path / "source")
    (source / "card.json").unlink()
    if imported:
        (source / "config.yaml").write_text("config: {env_id: ResidualWalk-v0}\n")
    started(tmp_path / "next", source)
    assert ship(tmp_path / "next", tmp_path / "judged") == 0
    (stage,) = json.loads((tmp_path / "judged" / "shipped" / "card.json").read_text())["earlier"]
    assert stage.keys() == (set() if imported else {"command", "seed", "versions", "git"})


@pytest.mark.parametrize("start", ["3", "{earlier: 3}"])
def test_a_source_with_a_wrong_record_gets_one_sentence(run, start, tmp_path, capsys):
    source = shutil.copytree(run, tmp_path / "source")
    with (source / "config.yaml").open("a") as file:
        file.write(f"start: {start}\n")
    assert train_residual_ppo.main([*SMALL, "--start-from", str(source), "--run-dir", str(tmp_path / "next")]) == 2
    error = capsys.readouterr().err
    assert str(source) in error and len(error.splitlines()) == 1 and not (tmp_path / "next").exists()


def test_what_was_not_judged_or_has_not_ended_is_not_shipped(run, benchmark, capsys):
    arguments = ["--benchmark", str(benchmark), "--out", str(benchmark / "shipped")]
    (benchmark / "flat.csv").write_text("walker,success\ngait alone,0.5\n")
    assert ship_policy.main([str(run), *arguments]) == 2
    assert "flat.csv of the benchmark has no row of" in capsys.readouterr().err
    stopped = shutil.copytree(run, benchmark / "stopped", ignore=shutil.ignore_patterns("card.json"))
    assert ship_policy.main([str(stopped), *arguments]) == 2
    assert "stopped has not ended" in capsys.readouterr().err
    (stopped / "card.json").write_text('{"steps": 255}')
    assert ship_policy.main([str(stopped), *arguments]) == 2
    assert "stopped has not ended" in capsys.readouterr().err
    (stopped / "config.yaml").write_text("config: {env_id: ResidualWalk-v0}")  # as of a policy that was imported
    assert ship_policy.main([str(stopped), *arguments]) == 2
    assert "config.yaml: there is no 'total_timesteps'" in capsys.readouterr().err
    (benchmark / "cut.csv").write_text("walker,success\ngait")
    assert ship_policy.main([str(run), *arguments]) == 2
    assert "cut.csv: line 2 must have as many values as the first line" in capsys.readouterr().err
    assert ship_policy.main(["nowhere", *arguments]) == 2
    assert "nowhere contains no policy.safetensors" in capsys.readouterr().err and not (benchmark / "shipped").exists()


def test_the_demo_shows_the_shipped_policy_beside_the_gait_alone(run, tmp_path, monkeypatch, capsys, gl):
    for name, value in {
        "SHIPPED": run,
        "OUT": tmp_path,
        "EPISODES": 1,
        "VIDEO_SECONDS": 1,
        "VIDEO_FPS": 4,
        "PLACES": (("rough", 0.5),),
    }.items():
        monkeypatch.setattr(demo, name, value)
    monkeypatch.setattr(walk_judge, "GOAL_DISTANCE", 1.0)  # m
    assert demo.main() == 0
    printed = capsys.readouterr().out
    assert "| gait alone, rough 0.5 |" in printed and "| gait + residual, rough 0.5 |" in printed
    assert iio.imread(tmp_path / "paths.png").std() > 5 and (tmp_path / "walk.mp4").stat().st_size > 10_000
