"""Programs find a run by any path: from inside it, relative, through links, from the home folder, with any name."""

import shutil
from pathlib import Path

import pytest

import evaluate_robustness
import export_policy
import play_residual_policy
import train
from run_folder.records import read_env, read_run_config
from run_folder.runs import load_run, resumable
from utils import monitor_training
from utils.config import updated
from utils.paths import above, with_home

SMALL = """--env Toy-v0 --algo ppo
--total-timesteps 64 --num-envs 2 --episode-steps 20 --num-threads 1 --eval-every 32
--eval-episodes 1 --checkpoint-every 32 --ppo.n-steps 16 --ppo.batch-size 32 --ppo.net-arch 4""".split()
CHECKPOINT = "0000000064"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    run = tmp_path_factory.mktemp("made") / "run"
    assert train.main([*SMALL, "--run-dir", str(run)]) == 0
    return run


@pytest.fixture
def run(made, tmp_path):
    return shutil.copytree(made, tmp_path / "run")


def played(model):
    return play_residual_policy.main(["--model", str(model), "--episodes", "1", "--no-render"])


@pytest.mark.parametrize(
    "place, model",
    [
        ("run", "."),
        ("run/", "./"),
        ("run/checkpoints", CHECKPOINT),
        ("run/checkpoints", ".."),
        ("run/checkpoints", f"../checkpoints/{CHECKPOINT}/"),
        (f"run/checkpoints/{CHECKPOINT}", "."),
        (f"run/checkpoints/{CHECKPOINT}", "../.."),
        ("run/best", "."),
        ("run/best", f"../checkpoints/{CHECKPOINT}"),
        (".", "run/best/../../run/"),
        (".", "to_run"),
        (".", "to_best"),
        (".", f"to_checkpoints/{CHECKPOINT}"),
        ("to_checkpoints", CHECKPOINT),
    ],
)
def test_a_policy_is_found_from_anywhere(run, place, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, target in (("to_run", "run"), ("to_best", "run/best"), ("to_checkpoints", "run/checkpoints")):
        Path(name).symlink_to(target)
    monkeypatch.chdir(tmp_path / place)
    assert read_env(model) == read_env(run) and read_run_config(model) == read_run_config(run)
    assert load_run(model).policy and played(model) == 0


def test_a_run_whose_checkpoints_lie_on_another_disk_is_whole(run, tmp_path):
    (tmp_path / "disk").mkdir()
    for name in ("checkpoints", "best"):
        (run / name).rename(tmp_path / "disk" / name)
        (run / name).symlink_to(tmp_path / "disk" / name)
    assert read_env(resumable(run)[-1]) == read_env(run)
    assert train.main(["--resume", str(run), "--total-timesteps", "128"]) == 0
    assert (run / "best").is_symlink() and load_run(run / "best") and len(resumable(run)) == 2
    assert {path.name for path in (tmp_path / "disk").iterdir()} == {"checkpoints", "best"}


def test_a_training_is_resumed_from_inside_its_folder(run, monkeypatch):
    monkeypatch.chdir(run)
    assert train.main(["--resume", ".", "--total-timesteps", "96"]) == 0
    assert int(resumable(run)[-1].name) == 96 and load_run(".").folder == Path(".")


NAMES = ["größe ñ [a]*?", "é" * 127, "-x", "a run", "x" * 255, "a.b.zip.d", "it's", "a\nb"]
QUICK_NAMES = 3  # `make test-all` runs the others
RUN_NAMES = [pytest.param(name, marks=[pytest.mark.slow] * (i >= QUICK_NAMES), id=str(i)) for i, name in enumerate(NAMES)]


@pytest.mark.parametrize("name", RUN_NAMES)
def test_a_run_of_any_name_is_trained_played_resumed_and_drawn(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert train.main([*SMALL, f"--run-dir={name}"]) == 0
    assert train.main([f"--resume={name}", "--total-timesteps", "96"]) == 0
    assert (
        play_residual_policy.main([f"--model={name}", "--episodes=1", "--no-render", "--json", f"./{name[:99]}.json"]) == 0
    )
    assert monitor_training.main(["--", name]) == 0
    arguments = [f"--model={name}", *"--param=inertia_x --values=1 --episodes=1 --num-threads=1".split()]
    assert evaluate_robustness.main(arguments) == 0


@pytest.mark.parametrize("name", ["x" * 256, "/".join(["x" * 200] * 19)])
def test_a_name_that_is_too_long_is_one_sentence_before_anything_is_written(name, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert train.main([*SMALL, "--run-dir", name]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1 and "Traceback" not in error and not [*tmp_path.iterdir()]


def test_every_path_option_knows_the_home_folder(run, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert train.main([*SMALL, "--run-dir", "~/runs/a"]) == 0
    assert train.main(["--resume=~/runs/a", "--total-timesteps", "96"]) == 0
    assert train.main(["--config", "~/runs/a/config.yaml", "--run-dir=~/runs/b", "--start-from", "~/run"]) == 0
    assert play_residual_policy.main("--model ~/run --episodes 1 --no-render --json ~/out/x.json".split()) == 0
    assert monitor_training.main("~/run --out ~/out/x.png".split()) == 0
    arguments = "--model ~/run --param inertia_x --values 1 --episodes 1 --num-threads 1 --out ~/out/robust"
    assert evaluate_robustness.main(arguments.split()) == 0
    shipped = Path(__file__).parents[2] / "assets" / "policies" / "ResidualWalk-v0"
    assert export_policy.main([str(shipped), "~/out/y.onnx"]) == 0
    assert load_run("~/runs/a").policy and not [*Path().iterdir()]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"x.json", "x.png", "robust", "y.onnx", "y.json"}


def test_only_a_path_from_home_is_changed_on_a_command_line(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    kept = ["~", "a~/b", "./~/x", "--x=a~/b", "{a: ~}", "~nobody_has_this_name/x"]
    assert with_home(kept) == kept
    assert with_home(["~/x", "--out=~/a b"]) == [f"{tmp_path}/x", f"--out={tmp_path}/a b"]


def test_a_path_in_a_file_knows_the_home_folder_too(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    config = train.parse(["--env", "Toy-v0"])
    assert updated(config, {"run_dir": "~/a"}).run_dir == tmp_path / "a"


def test_the_folders_above_are_those_of_the_place_and_then_those_of_the_name(tmp_path, monkeypatch):
    (tmp_path / "a" / "b").mkdir(parents=True), (tmp_path / "c").mkdir()
    (tmp_path / "c" / "link").symlink_to(tmp_path / "a" / "b")
    monkeypatch.chdir(tmp_path / "c")
    places = [tmp_path / "a" / "b", tmp_path / "a", tmp_path / "c" / "link", tmp_path / "c"]
    assert [*above("link", 1)] == places
