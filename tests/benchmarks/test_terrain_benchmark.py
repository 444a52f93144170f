"""The terrain benchmark, and the comparison of one policy with the gait: walkers, places and output files."""

import csv
import shutil
from dataclasses import replace

import gymnasium as gym
import imageio.v3 as iio
import numpy as np
import pytest
from matplotlib.figure import Figure
from stable_baselines3.common.vec_env import VecNormalize

import train_residual_ppo
from algorithms.vec_env import make_batch_vec_env
from benchmarks import terrain_benchmark
from benchmarks.terrain_benchmark import BenchmarkConfig, Walker, load_walker, walk
from controllers.bezier_gait import GaitParameters
from envs.locomotion.commands import CommandSegments
from envs.locomotion.terrain import Terrain
from envs.residual_walk.config import ResidualWalkConfig
from envs.residual_walk_env import ResidualWalkVectorEnv
from evaluation.held_out_seeds import END_HELD_OUT, FIRST_HELD_OUT
from evaluation.walks import wilson_interval
from run_folder.policy import write_policy
from run_folder.records import make_run
from tests import compare_residual_vs_baseline
from training.assembly import create_run, make_model
from training.tasks import TASKS, find_task
from utils.config import as_plain
from utils.files import write_json

SMALL = "--episodes 2 --num-threads 1 --kinds rough --levels 0.5".split()
WRITTEN = {"terrain.csv", "flat.csv", "terrain.md", "terrain.png", "rows.jsonl"}
STANDING = CommandSegments(duration=(0.1, 0.2), stand_share=1.0)
TRAINED_ON = ResidualWalkConfig(residual_scale=0.01, command_vx=(0.05, 0.06), command_segments=STANDING, max_tilt=0.01)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Makes the run of an untrained policy that moves feet by at most 10 mm."""
    config = train_residual_ppo.parse("--algo ppo --ppo.net-arch 16 --ppo.batch-size 256 --seed 3".split())
    config = replace(config, env=TRAINED_ON)
    folder = create_run(replace(config, run_dir=tmp_path_factory.mktemp("runs") / "untrained"), [])
    env = VecNormalize(make_batch_vec_env("envs:ResidualWalk-v0", 2))
    write_policy(folder, make_model(config, env), env)
    return folder


@pytest.fixture
def short(monkeypatch):
    """Ends walks after one second."""
    monkeypatch.setattr(terrain_benchmark, "time_limit", lambda *args: 1.0)
    monkeypatch.setattr(terrain_benchmark, "FLAT_TIME", 0.5)


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_benchmark_writes_a_row_for_each_walker_kind_and_level(run, short, tmp_path, capsys):
    assert terrain_benchmark.main([*SMALL, "--model", str(run), "--out", str(tmp_path)]) == 0
    terrain, flat = rows(tmp_path / "terrain.csv"), rows(tmp_path / "flat.csv")
    walkers = ["gait alone", str(run)]
    assert [(row["walker"], row["kind"], row["level"]) for row in terrain] == [(name, "rough", "0.5") for name in walkers]
    assert [(row["walker"], row["commanded_mps"]) for row in flat] == [
        (name, command) for name in walkers for command in ("0.1", "0.2", "0.3", "0.4", "0.5")
    ]
    low, high = wilson_interval(0, 2)
    for row in terrain:
        assert (row["success"], row["survived"], row["episodes"]) == ("0.0", "1.0", "2")
        assert (float(row["success_interval_low"]), float(row["success_interval_high"])) == (low, high)
        assert float(row["steps"]) == 100 and float(row["cost_of_transport"]) > 0
    assert float(terrain[0]["residual_rms_mm"]) == 0.0 < float(terrain[1]["residual_rms_mm"]) < 10.0
    report = (tmp_path / "terrain.md").read_text()
    assert f"| rough 0.5, {run} | 0% (0% to 66%) | 0% | 100% |" in report and report in capsys.readouterr().out
    assert iio.imread(tmp_path / "terrain.png").std() > 5
    assert {path.name for path in tmp_path.iterdir()} == WRITTEN


def test_flat_ground_tells_the_mean_speed_and_the_worst_errors():
    config = BenchmarkConfig(episodes=3, num_threads=1)
    row = terrain_benchmark.flat_row(Walker(), 0.4, config)
    records = walk(Walker(), "flat", 0.0, config, 0.4)
    speeds = [record["mean_speed_mps"] for record in records]
    assert {record["commanded_mps"] for record in records} == {0.4} and {record["steps"] for record in records} == {2000}
    assert row["mean_speed_mps"] == pytest.approx(sum(speeds) / 3)
    assert row["worst_error_mps"] == pytest.approx(max(abs(speed - 0.4) for speed in speeds))
    assert row["worst_tilt_deg"] == max(max(record["max_roll_deg"], record["max_pitch_deg"]) for record in records)
    assert (row["falls"], row["joint_limit_violations"], row["episodes"]) == (0, 0, 3)


def test_a_policy_that_adds_nothing_walks_the_very_ways_of_the_gait_alone(short):
    config = BenchmarkConfig(episodes=5)
    still = Walker("still", lambda observation: np.zeros((len(observation), 12)))
    assert walk(still, "blocks", 0.5, config) == walk(Walker(), "blocks", 0.5, config)


def test_how_many_walk_at_once_changes_no_figure_of_the_gait_alone(short):
    together, apart = (walk(Walker(), "rough", 0.75, BenchmarkConfig(episodes=5, num_envs=n)) for n in (32, 2))
    assert together == apart and [record["seed"] for record in apart] == [10000, 10001, 10002, 10003, 10004]


def test_a_policy_acts_as_it_was_trained_to_while_ground_commands_and_ends_are_the_benchmarks(run, short):
    trained = load_walker(run, terrain_seed=1)
    full = replace(trained, policy=lambda observation: np.ones((len(observation), 12)))
    for record in walk(full, "rough", 0.5, BenchmarkConfig(episodes=8)):
        assert record["residual_rms_mm"] == pytest.approx(10.0)
        assert 0.2 <= record["commanded_mps"] <= 0.5 and record["terrain_level"] == 0.5
        assert record["steps"] == 100 and record["max_tilt_deg"] > np.degrees(TRAINED_ON.max_tilt)


def test_beside_a_policy_walks_the_gait_it_was_trained_on_top_of_alone(run, monkeypatch):
    slower = GaitParameters(slow_cycle=0.4, fast_cycle=0.4)
    gaits = {"a": slower, "b": GaitParameters(), "c": slower, "d": replace(slower, duty_factor=0.5)}
    trained = lambda name, seed: Walker(name, lambda seen: seen, config={"gait": as_plain(gaits[name])})  # noqa: E731
    monkeypatch.setattr(terrain_benchmark, "load_walker", trained)
    walkers = terrain_benchmark.load_walkers(BenchmarkConfig(tuple(gaits)))
    assert [walker.title for walker in walkers] == ["gait alone", "gait of a, alone", "gait of d, alone", *gaits]
    assert [walker.policy is None for walker in walkers] == [True] * 3 + [False] * 4
    fewer = terrain_benchmark.load_walkers(BenchmarkConfig(tuple(gaits), own_gaits=False))
    assert [walker.title for walker in fewer] == ["gait alone", *gaits]
    assert walkers[1].config == {"gait": as_plain(slower)} and walkers[1].env_id == "ResidualWalk-v0"


def test_the_ground_is_several_different_tiles_of_a_seed_that_no_training_used(short, monkeypatch):
    seen, make_vec = [], gym.make_vec
    monkeypatch.setattr(gym, "make_vec", lambda *args, **kwargs: seen.append(kwargs) or make_vec(*args, **kwargs))
    walk(Walker(), "rough", 0.5, BenchmarkConfig(episodes=2, seeds_from=10_007))
    terrain = seen[0]["config"]["terrain"]
    tiles = np.split(Terrain(terrain).heights, 4)
    assert FIRST_HELD_OUT <= terrain.seed < END_HELD_OUT and terrain.kinds == ("rough",) and terrain.levels == (0.5,) * 4
    assert all((tiles[i] != tiles[j]).any() for i in range(4) for j in range(i))


def test_a_policy_trained_on_the_benchmarks_ground_is_refused(tmp_path, capsys):
    folder = tmp_path / "cheat"
    seed = BenchmarkConfig(seeds_from=10_007).terrain_seed
    env = replace(TRAINED_ON, terrain=replace(TRAINED_ON.terrain, seed=seed))
    make_run(folder, replace(train_residual_ppo.parse([]), seed=seed), [], "ResidualWalk-v0", {"config": env})
    arguments = [*SMALL, "--seeds-from", "10007", "--model", str(folder), "--out", str(tmp_path / "out")]
    assert terrain_benchmark.main(arguments) == 2
    assert "give another --seeds-from" in capsys.readouterr().err


def test_a_policy_is_played_on_the_environment_that_its_run_names(run, short, tmp_path, monkeypatch):
    class Other(ResidualWalkVectorEnv):
        made = 0

        def __init__(self, *args, **kwargs):
            Other.made += 1
            super().__init__(*args, **kwargs)

    gym.register("Other-v0", entry_point="nowhere:None", vector_entry_point=Other)
    monkeypatch.setitem(TASKS, "Other-v0", find_task("ResidualWalk-v0"))
    try:
        shutil.copytree(run, tmp_path, dirs_exist_ok=True)
        write_json(tmp_path / "env.json", {"id": "Other-v0", "kwargs": {}})
        walk(load_walker(run, 1), "rough", 0.5, BenchmarkConfig(episodes=1))
        assert Other.made == 0
        walk(load_walker(tmp_path, 1), "rough", 0.5, BenchmarkConfig(episodes=1))
        assert Other.made == 1
    finally:
        del gym.registry["Other-v0"]


def test_an_interrupted_write_leaves_the_results_of_before(short, tmp_path, monkeypatch, capsys):
    assert terrain_benchmark.main([*SMALL, "--out", str(tmp_path)]) == 0
    before = (tmp_path / "terrain.png").read_bytes()

    def half(self, path, **kwargs):
        path.write_bytes(b"half")
        raise OSError("the disk is full")

    monkeypatch.setattr(Figure, "savefig", half)
    assert terrain_benchmark.main([*SMALL, "--out", str(tmp_path)]) == 2
    assert "the disk is full" in capsys.readouterr().err
    assert (tmp_path / "terrain.png").read_bytes() == before and {path.name for path in tmp_path.iterdir()} == WRITTEN


def test_the_report_names_the_commit_that_the_benchmark_began_with(short, tmp_path, monkeypatch):
    walks, evaluate = [], terrain_benchmark.evaluate
    monkeypatch.setattr(terrain_benchmark, "evaluate", lambda *args: walks.append(args) or evaluate(*args))
    monkeypatch.setattr(terrain_benchmark, "git_state", lambda: f"after {len(walks)} walks")
    assert terrain_benchmark.main([*SMALL, "--out", str(tmp_path)]) == 0
    assert len(walks) == 6 and "commit after 0 walks." in (tmp_path / "terrain.md").read_text()


def test_a_benchmark_that_was_stopped_goes_on_and_takes_further_models(run, short, tmp_path, monkeypatch):
    walks, evaluate = [], terrain_benchmark.evaluate
    monkeypatch.setattr(terrain_benchmark, "git_state", lambda: "0123abc")

    def stopped(*args):
        if len(walks) == 3:
            raise RuntimeError("stopped")
        walks.append(args)
        return evaluate(*args)

    monkeypatch.setattr(terrain_benchmark, "evaluate", stopped)
    assert terrain_benchmark.main([*SMALL, "--out", str(tmp_path)]) == 2
    monkeypatch.setattr(terrain_benchmark, "evaluate", lambda *args: walks.append(args) or evaluate(*args))
    assert terrain_benchmark.main([*SMALL, "--out", str(tmp_path)]) == 0 and len(walks) == 6
    before = rows(tmp_path / "terrain.csv")
    assert terrain_benchmark.main([*SMALL, "--model", str(run), "--out", str(tmp_path)]) == 0 and len(walks) == 12
    assert rows(tmp_path / "terrain.csv")[:1] == before
    assert terrain_benchmark.main([*SMALL, "--seeds-from", "10005", "--out", str(tmp_path)]) == 0 and len(walks) == 18
    for number, pace in enumerate(("0.666", "0.667"), 4):  # both print as 67 %
        assert terrain_benchmark.main([*SMALL, "--min-pace", pace, "--out", str(tmp_path)]) == 0 and len(walks) == 6 * number


def test_results_of_a_model_that_is_not_given_survive_a_change_of_the_code(run, short, tmp_path, monkeypatch, capsys):
    assert terrain_benchmark.main([*SMALL, "--model", str(run), "--out", str(tmp_path)]) == 0
    before = {name: (tmp_path / name).read_bytes() for name in ("terrain.csv", "rows.jsonl")}
    monkeypatch.setattr(terrain_benchmark, "code_state", lambda: "code other")
    assert terrain_benchmark.main([*SMALL, "--out", str(tmp_path)]) == 2
    assert f"contains the results of {run}" in capsys.readouterr().err
    assert before == {name: (tmp_path / name).read_bytes() for name in before}
    assert terrain_benchmark.main([*SMALL, "--model", str(run), "--out", str(tmp_path)]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--kinds flat", "--kinds must not name flat"),
        ("--kinds rough rough", "--kinds must name each value once"),
        ("--levels 1 1", "--levels must name each value once"),
    ],
)
def test_grounds_that_are_no_others_are_refused(words, message, tmp_path, capsys):
    try:
        code = terrain_benchmark.main([*words.split(), "--out", str(tmp_path)])
    except SystemExit as stop:
        code = stop.code
    assert code == 2 and message in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_models_measured_one_after_the_other_stand_in_one_table(run, short, tmp_path):
    assert terrain_benchmark.main([*SMALL, "--model", str(run), "--out", str(tmp_path)]) == 0
    before = {name: rows(tmp_path / name) for name in ("terrain.csv", "flat.csv")}
    assert terrain_benchmark.main([*SMALL, "--out", str(tmp_path)]) == 0
    for name, own in before.items():
        assert sorted(map(str, rows(tmp_path / name))) == sorted(map(str, own)) and str(run) in str(own)


def test_the_comparison_prints_both_rows_and_draws_both_bars(run, short, tmp_path, capsys):
    arguments = f"{run} --episodes 3 --terrain waves --level 1.0 --out {tmp_path / 'bars.png'}"
    assert compare_residual_vs_baseline.main(arguments.split()) == 0
    printed = capsys.readouterr().out
    assert "| gait alone | 0% (0% to 56%) |" in printed and f"| {run} | 0% (0% to 56%) |" in printed
    assert iio.imread(tmp_path / "bars.png").std() > 5


def test_a_comparison_on_flat_ground_has_no_level(run, tmp_path, capsys):
    with pytest.raises(SystemExit):
        compare_residual_vs_baseline.main(
            [str(run), "--terrain", "flat", "--level", "0.3", "--out", str(tmp_path / "x.png")]
        )
    assert "--level has no effect: flat ground has no levels" in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_an_interval_of_a_mean_is_students():
    low, mean, high = compare_residual_vs_baseline.mean_interval([1.0, 2.0, 3.0, 4.0])
    half = 3.182446 * np.sqrt(5 / 3 / 4)  # Student's t at 97.5 % for 3 degrees of freedom, from a table
    assert (low, mean, high) == pytest.approx((2.5 - half, 2.5, 2.5 + half), abs=1e-5)
    assert compare_residual_vs_baseline.mean_interval([7.0]) == (7.0, 7.0, 7.0)


@pytest.mark.parametrize(
    ("script", "arguments", "words"),
    [
        (terrain_benchmark, "--model nowhere", "contains no env.json"),
        (compare_residual_vs_baseline, "nowhere", "contains no env.json"),
    ],
)
def test_a_wrong_path_gets_one_sentence_and_exit_code_2(script, arguments, words, capsys):
    assert script.main(arguments.split()) == 2
    message = capsys.readouterr().err
    assert words in message and "Traceback" not in message and len(message.splitlines()) == 1


@pytest.mark.parametrize(
    ("script", "arguments", "words"),
    [
        (terrain_benchmark, "--episodes 0", "episodes must be at least 1, got 0"),
        (terrain_benchmark, "--kinds ruogh", "did you mean rough"),
        (terrain_benchmark, "--levels 5", "[0, 1], got 5"),
        (terrain_benchmark, "--seeds-from -1", "10,000 to 999,999, got -1"),
        (terrain_benchmark, "--min-pace 0", "over 0 and at most 1, got 0"),
        (terrain_benchmark, "--num-envs 0", "num_envs must be at least 1"),
        (compare_residual_vs_baseline, "nowhere --episodes 0", "episodes must be at least 1, got 0"),
        (compare_residual_vs_baseline, "nowhere --terrain ruogh", "did you mean rough"),
    ],
)
def test_a_wrong_value_on_the_command_line_is_explained_without_a_traceback(script, arguments, words, capsys):
    with pytest.raises(SystemExit) as stop:
        script.main(arguments.split())
    message = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert stop.value.code == 2 and words in message and "Traceback" not in message
