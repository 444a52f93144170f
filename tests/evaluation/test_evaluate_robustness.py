"""A sweep changes the named parameter, uses the same seeds at every value, keeps every point, and resumes."""

import json
from types import SimpleNamespace

import matplotlib.image
import numpy as np
import pytest

import evaluate_robustness
import train
from evaluation.kept_rows import KeptRows
from evaluation.robustness.files import Conditions, write_sweep
from evaluation.robustness.report import draw, grouped, table
from evaluation.robustness.sweep import Axis, Point, Sweep, make_axis, sweep
from utils.perturbation import Perturbable

SMALL = """--env RWRLCartpoleBalance-v0 --algo ppo --total-timesteps 64 --num-envs 2 --episode-steps 20 --num-threads 1
--eval-every 0 --ppo.n-steps 32 --ppo.batch-size 64 --ppo.net-arch 4""".split()
QUICK = "--episodes 2 --num-threads 1".split()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for seed in (0, 1):
        assert train.main([*SMALL, "--seed", str(seed), "--run-dir", str(folder / f"run{seed}")]) == 0
    return [str(folder / f"run{seed}") for seed in (0, 1)]


def read(path):
    return json.loads(path.read_text())


class Told:
    """A policy with known returns: ten times the value, plus the seed of the episode."""

    path, run, digest = "told", type("Run", (), {"env_id": "Told-v0"}), "0"

    def __init__(self, bad=()):
        self.bad, self.played = bad, []

    def episodes_at(self, values):
        (value,) = values.values()
        self.played.append(value)
        if value in self.bad:
            raise ValueError("it broke\nin two")
        return [{"return": 10 * value + seed, "seed": seed} for seed in (0, 1)]


def test_the_nominal_value_is_always_among_the_points():
    known = {"mass": Perturbable(1.0, 0.5, 2.0, 0.1)}
    assert make_axis(known, "mass", count=2).values == (0.5, 1.0, 2.0)
    assert make_axis(known, "mass", 1.2, 1.4, 3).values == pytest.approx((1.0, 1.2, 1.3, 1.4))
    assert make_axis(known, "mass", 0.0, 2.0, 3).values == (0.0, 1.0, 2.0)
    assert make_axis(known, "mass", 1.0, 1.0).values == (1.0,) and make_axis(known, "mass", 1.3, 1.3).values == (1.0, 1.3)
    assert make_axis({"damping": Perturbable(2e-6, 2e-6, 0.2, 0.02)}, "damping", count=3).values[0] == 2e-6


def test_a_point_that_fails_says_so_and_the_others_are_played(tmp_path):
    points = sweep(Told(bad=(2.0,)), (Axis("x", 1.0, (1.0, 2.0, 3.0)),), KeptRows(tmp_path / "r", "c"), print).points
    assert [point.error for point in points] == [None, "it broke", None]
    assert [point.returns for point in points] == [[10, 11], [], [30, 31]]


def test_points_that_were_played_are_not_played_again_and_failed_ones_are(tmp_path):
    axes = (Axis("x", 1.0, (1.0, 2.0, 3.0)),)
    sweep(Told(bad=(2.0,)), axes, KeptRows(tmp_path / "r", "c"), print)
    again = Told()
    assert [point.returns for point in sweep(again, axes, KeptRows(tmp_path / "r", "c"), print).points][1] == [20, 21]
    assert again.played == [2.0]


def test_the_physics_really_has_the_value_and_is_nominal_again_afterwards(runs):
    config = evaluate_robustness.RobustnessConfig((runs[0],), episodes=2, num_threads=1, seed=5)
    with evaluate_robustness.policy_of(runs[0], config) as policy:
        _check_physics(policy)


def _check_physics(policy):
    models, play = [], policy.judge.evaluate

    def watching(*arguments):
        records = play(*arguments)
        models.append([env.unwrapped.model.geom("pole_1").size[1] * 2 for env in policy._env.unwrapped.envs])
        return records

    policy.judge = SimpleNamespace(evaluate=watching)
    long, nominal = policy.episodes_at({"pole_length": 2.5}), policy.episodes_at({"pole_mass": 0.1})
    assert models == [[pytest.approx(2.5)] * 2, [pytest.approx(1.0)] * 2]
    assert [record["seed"] for record in long] == [record["seed"] for record in nominal] == [5, 6]
    assert [record["return"] for record in long] != [record["return"] for record in nominal]


def test_several_policies_are_compared_with_json_table_and_pictures(runs, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["--model", *runs, "--param", "joint_damping", "--values", "2", *QUICK, "--out", str(out)]
    assert evaluate_robustness.main(command) == 0
    printed = capsys.readouterr().out
    for run in runs:
        (path,) = [
            path for path in out.glob("*_joint_damping.json") if path.stem.removesuffix("_joint_damping")[-1] == run[-1]
        ]
        content = read(path)
        assert [point["values"] for point in content["points"]] == [[2e-6], [0.2]]
        returns = [episode["return"] for point in content["points"] for episode in point["episodes"]]
        assert f"| {run} | joint_damping (2e-06 to 0.2, 2 values) | {np.mean(returns):.1f} |" in printed
    assert (out / "joint_damping.png").stat().st_size > 5_000 and (out / "report.md").read_text() in printed + "\n\n"


def test_another_range_replaces_no_result_and_other_settings_no_picture(tmp_path):
    def swept(high):
        points = [Point((value,), [{"return": value}] * 2) for value in (1.0, high)]
        return Sweep("run", "Told-v0", (Axis("mass", 1.0, (1.0, high)),), points)

    made = Conditions("Told-v0", 2, 5, "code a")
    files = {high: write_sweep(tmp_path, swept(high), made) for high in (1.5, 2.0)}
    assert files[1.5] != files[2.0] and files[1.5] == write_sweep(tmp_path, swept(1.5), made)
    assert [read(path)["axes"][0]["values"] for path in files.values()] == [[1.0, 1.5], [1.0, 2.0]]
    lines = table(grouped(tmp_path, [swept(1.5)], made)[made], str).splitlines()[2:]
    assert [line.split(" | ")[1] for line in lines] == ["mass (1 to 1.5, 2 values)", "mass (1 to 2, 2 values)"]
    pictures = [
        draw(tmp_path, [swept(high)], settings) for high, settings in ((1.5, "a"), (2.0, "a"), (1.5, "b"), (1.5, "a"))
    ]
    assert len({path for (path,) in pictures}) == 3 and pictures[0] == pictures[-1]


def test_successes_are_counted_by_the_key_that_the_judge_of_the_task_names():
    points = [Point((1.0,), [{"return": 1.0, "success": share, "successes": 4.0, "lifted": 7.0} for share in (0.0, 1.0)])]
    walk, cube = (Sweep("run", name, (Axis("x", 1.0, (1.0,)),), points) for name in ("ResidualWalk-v0", "CubeInHand-v0"))
    cells = [line.split(" | ")[-2] for line in table([walk, cube], evaluate_robustness.success_key).splitlines()[2:]]
    assert cells == ["0.50", "4.00"]
    assert " | 7.00 | 0 |" in table([walk], lambda env_id: "lifted") and " | - | 0 |" in table([walk], str)


def test_several_parameters_are_shown_side_by_side_too(tmp_path):
    def swept(name):
        points = [Point((value,), [{"return": value}, {"return": 2 * value}], None) for value in (1.0, 2.0)]
        return Sweep("run", "Told-v0", (Axis(name, 1.0, (1.0, 2.0)),), points)

    assert [path.name for path in draw(tmp_path, [swept("mass")])] == ["mass.png"]
    assert [path.name for path in draw(tmp_path, [swept(name) for name in "abcde"])][-2:] == ["e.png", "all.png"]
    one, five = (matplotlib.image.imread(tmp_path / name).shape for name in ("e.png", "all.png"))
    assert five[1] > 2 * one[1] and five[0] > one[0]  # four in one line, and a second line


def test_pairs_are_a_map_and_a_wrong_word_is_one_sentence(runs, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["--model", runs[0], "--pairs", "pole_mass,joint_damping", "--values", "2", *QUICK, "--out", str(out)]
    assert evaluate_robustness.main(command) == 0
    assert (out / "pole_mass_joint_damping.png").is_file()
    capsys.readouterr()
    for words, sentence in {
        "--param pole_lenght": "did you mean pole_length",
        "--param pole_length --min 2 --max 1": "must rise",
    }.items():
        assert evaluate_robustness.main(["--model", runs[0], *words.split(), *QUICK, "--out", str(out)]) == 2
        error = capsys.readouterr().err
        assert sentence in error and error.count("\n") == 1


def test_a_pair_of_one_parameter_is_refused(runs, capsys):
    with pytest.raises(SystemExit):
        evaluate_robustness.main(["--model", runs[0], "--pairs", "pole_mass,pole_mass"])
    assert "two different parameters with a comma between them, got 'pole_mass,pole_mass'" in capsys.readouterr().err


def test_a_length_that_no_model_can_have_is_refused_before_anything_is_played(runs, tmp_path, capsys):
    command = ["--model", runs[0], "--param", "pole_length", "--min", "-1", "--max", "1", "--values", "2", *QUICK]
    assert evaluate_robustness.main([*command, "--out", str(tmp_path / "out")]) == 2
    assert "pole_length must lie in 0.05 to 10, got -1.0" in capsys.readouterr().err and not (tmp_path / "out").exists()
