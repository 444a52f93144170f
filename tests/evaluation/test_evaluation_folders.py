"""Results of different models, settings or code in one folder never mix, and concurrent programs never overwrite them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import evaluate_robustness
import train
from benchmarks import successes, time_to_quality, variation_benchmark
from evaluation.kept_rows import KeptRows
from evaluation.robustness.files import Conditions, read_sweeps, sweep_file, write_sweep
from evaluation.robustness.sweep import Axis, Point, Sweep
from utils import provenance
from utils.console.outputs import used_alone

ROOT = Path(__file__).parents[2]
SMALL = """--env Toy-v0 --algo ppo
--total-timesteps 64 --num-envs 2 --episode-steps 20 --num-threads 1 --eval-every 0
--ppo.n-steps 32 --ppo.batch-size 64 --ppo.net-arch 4""".split()
QUICK = "--param inertia_x --min 1 --max 1.5 --values 2 --num-threads 1".split()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    for seed in (0, 1):
        assert train.main([*SMALL, "--seed", str(seed), "--run-dir", str(folder / str(seed))]) == 0
    return folder


@pytest.fixture
def models(made, tmp_path, monkeypatch):
    """Returns two models whose paths are equal after replacing / by _; the current directory holds them."""
    monkeypatch.chdir(tmp_path)
    paths = [Path("a/b/m"), Path("a_b_m")]
    for seed, path in enumerate(paths):
        shutil.copytree(made / str(seed), path)
    return list(map(str, paths))


@pytest.fixture
def played(monkeypatch):
    """Returns a list that gets an entry for every point that is played."""
    points, play = [], evaluate_robustness.EvaluatedPolicy.episodes_at
    monkeypatch.setattr(evaluate_robustness.EvaluatedPolicy, "episodes_at", lambda *of: points.append(of) or play(*of))
    return points


def evaluate(*models, episodes=2, seed=3):
    arguments = ["--model", *models, *QUICK, "--episodes", str(episodes), "--seed", str(seed)]
    return evaluate_robustness.main(arguments)


def counts():
    """Returns the number of episodes that each file of a sweep reports, and the numbers of its points."""
    contents = [json.loads(path.read_text()) for path in Path("runs/robustness").glob("*.json")]
    return sorted((c["model"], c["episodes"], *(len(point["episodes"]) for point in c["points"])) for c in contents)


def test_models_settings_and_a_second_evaluation_into_the_default_folder_leave_the_first_ones_results(models, played):
    first, second = models
    assert evaluate(first) == 0
    report = Path("runs/robustness/report.md").read_text()
    line = report.splitlines()[2]
    assert evaluate(second) == 0 and evaluate(second, episodes=3) == 0
    assert counts() == [(first, 2, 2, 2), (second, 2, 2, 2), (second, 3, 3, 3)]
    assert line in Path("runs/robustness/report.md").read_text().splitlines()
    assert len(played) == 6 and len([*Path("runs/robustness").glob("*.png")]) == 2
    assert evaluate(first) == 0 and evaluate(second) == 0 and len(played) == 6  # every row is still in the file


def test_a_point_of_one_model_is_never_anothers(models):
    assert evaluate(*models) == 0
    together = {path.name: json.loads(path.read_text())["points"] for path in Path("runs/robustness").glob("*.json")}
    assert len(together) == 2
    shutil.rmtree("runs")
    assert evaluate(models[1]) == 0
    (alone,) = Path("runs/robustness").glob("*.json")
    assert json.loads(alone.read_text())["points"] in together.values()
    assert len({json.dumps(points) for points in together.values()}) == 2


def test_a_model_that_changed_is_measured_again_and_its_old_row_leaves_the_table(models, made, played):
    assert evaluate(models[0]) == 0
    shutil.rmtree(models[0]), shutil.copytree(made / "1", models[0])
    assert evaluate(models[0]) == 0 and len(played) == 4
    assert Path("runs/robustness/report.md").read_text().count(f"| {models[0]} |") == 1


def test_code_that_changed_gives_fresh_rows_and_one_sentence_that_says_so(models, played, tmp_path, monkeypatch, capsys):
    copy = tmp_path / "code"
    for package in ("envs", "utils"):
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "ROOT", copy)
    assert evaluate(models[0]) == 0 and evaluate(models[0]) == 0 and len(played) == 2
    capsys.readouterr()
    with (copy / "envs" / "toy_env.py").open("a") as file:
        file.write("\n")
    assert evaluate(models[0]) == 0 and len(played) == 4
    said = [line for line in capsys.readouterr().err.splitlines() if "made again" in line]
    assert len(said) == 1 and "because they were made with code " in said[0] and "now it is code " in said[0]


def test_every_source_file_counts_and_docs_do_not(tmp_path, monkeypatch):
    (tmp_path / "envs").mkdir()
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    states = []
    for name in ("envs/a.py", "envs/robot.xml", "benchmarks.md", "envs/a.md"):
        (tmp_path / name).write_text("x")
        states.append(provenance.code_state())
    assert states[0] != states[1] == states[2] == states[3]
    (tmp_path / "envs/a.py").rename(tmp_path / "envs/b.py")
    assert provenance.code_state() not in states


def test_two_evaluations_at_once_do_not_share_a_folder(models, capsys):
    out = Path("runs/robustness")
    out.mkdir(parents=True)
    with used_alone(out):
        assert evaluate(models[0]) == 2
    error = capsys.readouterr().err
    assert "in use by another evaluation" in error and len(error.splitlines()) == 1
    assert not [*out.iterdir()] and evaluate(models[0]) == 0


def test_real_processes_at_once_end_whole_or_refused(models):
    command = [sys.executable, str(ROOT / "evaluate_robustness.py"), *QUICK, "--seed", "3"]
    processes = [
        subprocess.Popen(
            [*command, "--episodes", n, "--model", models[0]], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        for n in "24"
    ]
    errors = [process.communicate(timeout=120)[1] for process in processes]
    codes = [process.returncode for process in processes]
    assert 0 in codes and {*codes} <= {0, 2}
    assert all("in use by another evaluation" in error for code, error in zip(codes, errors) if code == 2)
    assert all(row[1:] in ((2, 2, 2), (4, 4, 4)) for row in counts()) and len(counts()) == codes.count(0)


def test_the_lock_of_results_lets_one_in_at_a_time_and_leaves_nothing(tmp_path):
    for path in (tmp_path, tmp_path / "rows.csv"):
        with used_alone(path), pytest.raises(ValueError, match="in use by another evaluation"), used_alone(path):
            pass
        with used_alone(path):
            pass
    assert not [*tmp_path.iterdir()]


def swept(model, parameter="x"):
    points = [Point((1.0,), [{"return": 1.0}])]
    return Sweep(model, "Toy-v0", tuple(Axis(name, 1.0, (1.0,)) for name in parameter.split(",")), points, "digest")


def test_no_two_sweeps_share_a_file(tmp_path):
    made = Conditions("Toy-v0", 2, 0, "code 1")
    models = ("a/b", "a_b", "/a/b", "../a_b", "a/b/", "é/b c", "x" * 300, "y" + "x" * 299, "m", "m_p")
    sweeps = [swept(model) for model in models] + [swept("m", "p,x"), swept("m_p", "p,x"), swept("m_p_p", "x")]
    for sweep in sweeps:
        write_sweep(tmp_path, sweep, made)
    places = {(str(Path(sweep.model).resolve()), sweep.name) for sweep in sweeps}
    assert len([*read_sweeps(tmp_path)]) == len([*tmp_path.iterdir()]) == len(places) == len(sweeps) - 1  # a/b and a/b/
    assert {sweep_file(tmp_path, sweep, made) for sweep in sweeps} == {*tmp_path.iterdir()}


def test_a_users_files_in_the_folder_stay(models, capsys):
    out = Path("runs/robustness")
    out.mkdir(parents=True)
    for name in ("a_b_m_inertia_x.json", "inertia_x.png"):
        (out / name).write_text("mine")
    assert evaluate(models[1]) == 0
    assert all((out / name).read_text() == "mine" for name in ("a_b_m_inertia_x.json", "inertia_x.png"))
    (out / "report.md").write_text("mine")
    assert evaluate(models[1]) == 2 and (out / "report.md").read_text() == "mine"


def test_rows_of_other_settings_stay_in_their_file(tmp_path):
    def row(settings, key):
        return KeptRows(tmp_path / "rows", "code 1", settings).row((key,), lambda: {"made": next(numbers)})["made"]

    numbers = iter(range(9))
    assert [row((2, 0.5), "a"), row((3, 0.5), "a"), row((2, 0.5), "b"), row((2, 0.5), "a"), row((3, 0.5), "a")] == [
        0,
        1,
        2,
        0,
        1,
    ]
    assert KeptRows(tmp_path / "rows", "code 1", (2, 0.5)).others([("a",)]) == [["b"]]


LOSSES = {
    variation_benchmark: ("walker,factor,value\nother,1,2\n", "x.csv", "--csv x.csv --model {}"),
    time_to_quality: ("run,minutes,training_steps\nother,1,2\n", "x.csv", "{} --csv x.csv"),
    successes: ("policy,episodes\nzero,1\nother,1\n", "out/successes.csv", "--model {} --out out"),
}


@pytest.mark.parametrize("script", LOSSES, ids=lambda script: script.__name__)
def test_a_benchmark_of_one_model_does_not_replace_anothers_table(models, script, capsys):
    content, name, arguments = LOSSES[script]
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text(content)
    assert script.main(arguments.format(models[0]).split()) == 2
    error = capsys.readouterr().err
    assert "contains the results of other" in error and len(error.splitlines()) == 1 and Path(name).read_text() == content


def test_a_table_that_was_measured_twice_is_the_same(models):
    assert evaluate(*models) == 0
    before = Path("runs/robustness/report.md").read_text()
    assert evaluate(*models) == 0
    assert Path("runs/robustness/report.md").read_text() == before and models[1] in before
