"""An output never overwrites a file of a run, or a file that the program did not write."""

import json
import shutil
from pathlib import Path

import pytest

import export_policy
import play_residual_policy
import train
from benchmarks import soak, successes, variation_benchmark
from run_folder import sb3_files
from run_folder.runs import load_run
from training import ship_policy
from utils import monitor_training
from utils.console.outputs import check_output, check_output_folder, csv_with, json_with, marked

SMALL = """--env Toy-v0 --total-timesteps 64 --num-envs 2 --episode-steps 20 --num-threads 1 --eval-every 32
--eval-episodes 1 --checkpoint-every 32 --ppo.n-steps 16 --ppo.batch-size 32 --ppo.net-arch 4""".split()
SHIPPED = Path(__file__).parents[2] / "assets" / "policies"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    run = tmp_path_factory.mktemp("made") / "run"
    assert train.main([*SMALL, "--run-dir", str(run)]) == 0
    return run


@pytest.fixture
def run(made, tmp_path, monkeypatch):
    """Returns the folder of a run; the current directory is its parent."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(made, tmp_path / "run").name)


def content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(capsys, code):
    """Checks that a program printed one sentence on stderr and returned 2; returns the sentence."""
    error = capsys.readouterr().err
    assert code == 2 and len(error.splitlines()) == 1 and "Traceback" not in error, error
    return error


INTO_RUNS = {
    "export beside the policy": (export_policy, "run run/policy.onnx"),
    "export beside the card": (export_policy, "run run/card.pt --format torchscript"),
    "export to weights": (export_policy, "run run/policy.safetensors"),
    "export into best": (export_policy, "run/best run/best/policy.onnx"),
    "export into a checkpoint": (export_policy, "run run/checkpoints/0000000064/logs.onnx"),
    "export as a checkpoint": (export_policy, "run run/checkpoints/99.onnx"),
    "export through dots": (export_policy, "run run/best/../env.onnx"),
    "export through a link": (export_policy, "run link/env.onnx"),
    "export as the folder best": (export_policy, "run run/best"),
    "export sb3 into best": (export_policy, "run run/best --format sb3"),
    "play's table": (play_residual_policy, "--model run --episodes 1 --no-render --json run/env.json"),
    "play's table as a new file": (play_residual_policy, "--model run --episodes 1 --no-render --json run/best/env.json"),
    "play's video": (play_residual_policy, "--model run --episodes 1 --video run/progress.csv"),
    "play's video through a linked file": (play_residual_policy, "--model run --episodes 1 --video linked.mp4"),
    "curves": (monitor_training, "run --out run/normalizer.npz"),
    "curves in the log's folder": (monitor_training, "run --out run/tensorboard/curves.png"),
    "curves in capitals": (monitor_training, "run --out run/Best/curves.png"),
    "a soak's folder": (soak, "--steps 1 --out run/checkpoints"),
    "a benchmark's table": (variation_benchmark, "--csv run/progress.csv"),
    "a benchmark's folder": (successes, "--model run --out run/best"),
    "a shipped form": (ship_policy, "run --benchmark nowhere --out run"),
    "a training in a checkpoint": (train, " ".join([*SMALL, "--run-dir run/checkpoints/0000000064"])),
    "a training in best": (train, " ".join([*SMALL, "--run-dir run/best"])),
}


@pytest.mark.parametrize("name", INTO_RUNS)
def test_no_program_overwrites_a_file_of_a_run(run, name, capsys, monkeypatch):
    monkeypatch.setattr(ship_policy, "card", lambda *_: {})
    monkeypatch.setattr(ship_policy, "read_rows", lambda _: [])
    Path("link").symlink_to(run)
    Path("linked.mp4").symlink_to(run / "config.yaml")
    script, arguments = INTO_RUNS[name]
    before = content(run)
    code = script.main(arguments.split())
    assert "run" in refused(capsys, code)
    assert content(run) == before and load_run(run)


@pytest.mark.parametrize("name", ["policy.onnx", "env.onnx", "config.pt"])
def test_a_shipped_policy_stays_as_it_is(tmp_path, name, capsys):
    shipped = shutil.copytree(SHIPPED / "ResidualWalk-v0", tmp_path / "shipped")
    (shipped / "config.json").write_text("{}")  # a file of the user: a description must not overwrite it
    before = content(shipped)
    refused(capsys, export_policy.main([str(shipped), str(shipped / name)]))
    assert content(shipped) == before


FOREIGN = {
    "beside a model": ("x.json", '{"mine": 1}', export_policy, f"{SHIPPED / 'AdaptiveWalk-v0'} x.onnx"),
    "a model": ("x.onnx", "mine", export_policy, f"{SHIPPED / 'AdaptiveWalk-v0'} x.onnx"),
    "a table": ("x.json", '[{"episodes": 1}]', play_residual_policy, "--baseline --no-render --json x.json"),
    "a video": ("x.mp4", "mine", play_residual_policy, "--baseline --video x.mp4"),
    "curves": ("x.png", "mine", monitor_training, "run --out x.png"),
    "a benchmark": ("x.csv", "walker,mine\n1,2\n", variation_benchmark, "--csv x.csv"),
    "another benchmark": ("out/successes.csv", "a,b\n", successes, "--model run --out out"),
    "a soak's table": ("out/soak.csv", "mine", soak, "--steps 1 --out out"),
    "a soak's rows": ("out/rows.jsonl", "mine", soak, "--steps 1 --out out"),
    "sb3's model": ("out/model.zip", "mine", export_policy, "run out --format sb3"),
    "sb3's statistics": ("out/vecnormalize.pkl", "mine", export_policy, "run out --format sb3"),
    "a training's log": ("out/progress.csv", "mine", train, " ".join([*SMALL, "--run-dir out"])),
    "a training's folder": ("out/checkpoints/notes", "mine", train, " ".join([*SMALL, "--run-dir out"])),
    "a model named as its description": ("x.json", "{}", export_policy, "run x.json"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_no_program_overwrites_a_file_that_it_did_not_write(run, name, capsys):
    file, text, script, arguments = FOREIGN[name]
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).write_text(text)
    refused(capsys, script.main(arguments.split()))
    assert Path(file).read_text() == text and not [path for path in Path().rglob("x.*") if path != Path(file)]


def test_a_folder_is_shipped_to_only_if_it_is_empty_or_was_shipped_before(run, capsys, monkeypatch):
    monkeypatch.setattr(ship_policy, "card", lambda *_: {"benchmark": {}})
    monkeypatch.setattr(ship_policy, "read_rows", lambda _: [])
    for _ in range(2):
        assert ship_policy.main("run --benchmark nowhere --out shipped".split()) == 0
    Path("shipped/notes.txt").write_text("mine")
    capsys.readouterr()
    assert "more than a shipped policy" in refused(capsys, ship_policy.main("run --benchmark x --out shipped".split()))
    assert Path("shipped/notes.txt").read_text() == "mine"


@pytest.mark.parametrize("form, name", [("onnx", "x.onnx"), ("torchscript", "x.pt"), ("sb3", "x")])
def test_an_export_may_replace_an_earlier_one(form, name, tmp_path):
    for model in ("AdaptiveWalk-v0", "ResidualWalk-v0"):
        assert export_policy.main([str(SHIPPED / model), str(tmp_path / name), "--format", form]) == 0
    if form != "sb3":
        assert json.loads((tmp_path / "x.json").read_text())["env_id"] == "ResidualWalk-v0"


def test_tables_and_curves_may_replace_earlier_ones_and_curves_lie_in_the_run(run):
    for _ in range(2):
        assert play_residual_policy.main("--model run --episodes 1 --no-render --json run/played.json".split()) == 0
        assert monitor_training.main([str(run)]) == 0
    assert (run / "training_curves.png").is_file() and load_run(run)


@pytest.mark.parametrize(
    "name",
    [pytest.param("curves.pdf", marks=pytest.mark.slow), pytest.param("curves.svg", marks=pytest.mark.slow), "curves.PNG"],
)
def test_curves_of_each_format_may_replace_earlier_ones(run, name):
    for _ in range(2):
        assert monitor_training.main(["run", "--out", name]) == 0


@pytest.mark.parametrize("name", ["curves", "curves.jpg", "curves.partial", ".png"])
def test_a_picture_of_no_known_format_is_refused(run, name, capsys):
    assert "suffixes .png" in refused(capsys, monitor_training.main(["run", "--out", name]))
    assert not Path(name).exists()


NO_PLACES = {
    "a model": (export_policy, "run notes/x.onnx"),
    "a model for sb3": (export_policy, "run notes/x --format sb3"),
    "a table": (play_residual_policy, "--model run --no-render --json notes/deep/x.json"),
    "curves": (monitor_training, "run --out /proc/x.png"),
    "a soak": (soak, "--steps 1 --out /proc/x"),
}


@pytest.mark.parametrize("name", NO_PLACES)
def test_a_place_where_nothing_can_be_written_is_refused_before_any_work(run, name, capsys):
    Path("notes").write_text("mine")
    script, arguments = NO_PLACES[name]
    error = refused(capsys, script.main(arguments.split()))
    assert "cannot write" in error and "Errno" not in error and "partial" not in error
    assert Path("notes").read_text() == "mine"


def test_a_video_may_replace_an_earlier_one(tmp_path, gl):
    import numpy as np

    from utils.rendering.video import Video

    for _ in range(2):
        check_output(tmp_path / "x.mp4", marked())
        with Video(tmp_path / "x.mp4", 5) as film:
            film.add(np.zeros((32, 32, 3), np.uint8))


def test_an_import_of_sb3s_files_takes_no_checkpoints_place(run, capsys):
    assert export_policy.main("run out --format sb3".split()) == 0
    capsys.readouterr()
    before = content(run)
    arguments = "out/model.zip run/checkpoints/0000000032 --trust-pickle --env-id Toy-v0"
    assert "run" in refused(capsys, sb3_files.main(arguments.split()))
    assert content(run) == before


def test_a_path_is_checked_by_its_content_and_its_home_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert check_output(Path("~/new/x.csv"), csv_with("a")) == tmp_path / "new" / "x.csv"
    assert check_output_folder(Path("~/folder"), []).is_dir()
    (tmp_path / "x.csv").write_text("a,b,c\n")
    check_output(tmp_path / "x.csv", csv_with("a", "b"))
    for name, text, ours in (("x.csv", "a,b\n", csv_with("b")), ("x.json", "{", json_with("a")), ("x", "\xff", json_with())):
        (tmp_path / name).write_text(text)
        with pytest.raises(ValueError, match="was not written by this program"):
            check_output(tmp_path / name, ours)
    with pytest.raises(ValueError, match="is a folder"):
        check_output(tmp_path, marked())


@pytest.mark.parametrize("text", ["mine, without an end", "{}", '{"op": 1}\n'])
def test_a_sweeps_journal_takes_no_foreign_files_place(tmp_path, text):
    from tuning.storages import open_storage

    (tmp_path / "notes").write_text(text)
    with pytest.raises(ValueError, match="was not written by this program"):
        open_storage(str(tmp_path / "notes"))
    assert (tmp_path / "notes").read_text() == text
    for content in ("", '{"op_', '{"op_code": 0, "worker'):
        (tmp_path / "cut").write_text(content)
        assert open_storage(str(tmp_path / "cut")).get_all_studies() == []


@pytest.mark.parametrize("text", ['{"API_KEY": "x"}', "[]", "not JSON"])
def test_an_env_json_that_is_not_of_a_run_is_never_overwritten_by_a_new_run(text, tmp_path, capsys):
    (tmp_path / "env.json").write_text(text)
    assert train.main([*SMALL, "--run-dir", str(tmp_path)]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["env.json"] and (tmp_path / "env.json").read_text() == text
    assert "--run-dir" in capsys.readouterr().err


def test_the_env_json_that_a_kill_left_alone_does_not_keep_a_new_run_out(tmp_path):
    (tmp_path / "env.json").write_text('{"id": "Toy-v0", "kwargs": {}}')
    assert train.main([*SMALL, "--run-dir", str(tmp_path)]) == 0
