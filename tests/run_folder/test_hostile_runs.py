"""Any defect of a run to resume, play or replay: one sentence, exit code 2, and no file overwritten."""

import json
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

import export_policy
import play_residual_policy
import train_residual_ppo
from run_folder import sb3_files
from run_folder.runs import locked, resumable
from utils.files import read_arrays, write_arrays

SMALL = """--preset rough --total-timesteps 512 --num-envs 4 --ppo.n-steps 32 --ppo.batch-size 64 --ppo.net-arch 8
--eval-every 0 --checkpoint-every 128 --level 0.3 --seed 3 --num-threads 1""".split()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    run = tmp_path_factory.mktemp("made") / "run"
    assert train_residual_ppo.main([*SMALL, "--run-dir", str(run)]) == 0
    return run


@pytest.fixture
def run(made, tmp_path):
    return shutil.copytree(made, tmp_path / "run")


def config(change):
    def damage(run):
        record = yaml.safe_load((run / "config.yaml").read_text())
        (run / "config.yaml").write_text(yaml.safe_dump(change(record)))

    return damage


def with_key(**keys):
    return config(lambda record: record | {"config": record["config"] | keys})


def text(name, content):
    return lambda run: (run / name).write_text(content)


def of_checkpoints(name, change):
    """Returns a function that damages one file of every resumable checkpoint."""

    def damage(run):
        for folder in resumable(run):
            change(folder / name)

    return damage


def logs(content):
    return of_checkpoints("logs.json", lambda path: path.write_text(json.dumps(content)))


def without_arrays(path):
    write_arrays(path, {name: array for name, array in read_arrays(path).items() if name != "3"})


def with_a_wider_network(record):
    learner = record["config"]["ppo"] | {"net_arch": [9]}
    return record | {"config": record["config"] | {"ppo": learner}}


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
RESUMED = {
    "config with an object": (text("config.yaml", "config: !!python/object/apply:os.system ['touch ran']"), "python/object"),
    "config with aliases": (text("config.yaml", BOMB), "aliases are not read"),
    "config no mapping": (text("config.yaml", "- 1"), "must be a mapping"),
    "config cut off": (text("config.yaml", "config: {a"), "cannot read"),
    "config of a number": (text("config.yaml", "config: 3"), "config must be a mapping, got 3"),
    "config endless": (text("config.yaml", "[" * 100_000), "cannot read"),
    "unknown key": (with_key(sead=1), "did you mean seed"),
    "wrong type": (with_key(seed="one"), "seed must be int, got 'one'"),
    "no id": (with_key(env_id=None), "env_id must be str, got None"),
    "path out of the run": (with_key(run_dir="../../elsewhere"), "the config of a run must not contain run_dir"),
    "newer version": (
        config(lambda record: record | {"format": 2}),
        "newer version of this package (format 2,",
    ),
    "no config": (lambda run: (run / "config.yaml").unlink(), "contains no config.yaml"),
    "log outside of the run": (logs({"../../config.yaml": 0}), "must name files of tensorboard/"),
    "log size no number": (logs({"events": "x"}), "must name files of tensorboard/"),
    "numbers cut off": (of_checkpoints("training.json", lambda path: path.write_text('{"everything": {')), "can be used"),
    "numbers of something else": (of_checkpoints("training.json", lambda path: path.write_text("{}")), "everything"),
    "arrays cut off": (
        of_checkpoints("training.npz", lambda path: path.write_bytes(path.read_bytes()[:999])),
        "can be used",
    ),
    "arrays missing": (of_checkpoints("training.npz", without_arrays), "can be used"),
    "no checkpoint": (lambda run: shutil.rmtree(run / "checkpoints"), "no checkpoint from which its training could resume"),
    "another network": (config(with_a_wider_network), "size mismatch"),
    "other simulations": (with_key(num_envs=8), "cannot read"),
}


@pytest.mark.parametrize("name", RESUMED)
def test_a_damaged_run_is_not_gone_on_with_and_stays_as_it_is(run, name, capsys, monkeypatch):
    monkeypatch.chdir(run.parent)
    damage, words = RESUMED[name]
    damage(run)
    kept = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert train_residual_ppo.main(["--resume", str(run), "--total-timesteps", "1024"]) == 2
    message = capsys.readouterr().err
    assert words in message and len(message.splitlines()) == 1 and "Traceback" not in message
    assert kept == {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert not Path("ran").exists()


def test_a_run_in_use_is_left_alone(run, capsys):
    with locked(run):
        assert train_residual_ppo.main(["--resume", str(run), "--total-timesteps", "1024"]) == 2
    assert "in use by another training" in capsys.readouterr().err


def test_a_run_that_has_ended_says_so_and_can_be_made_longer(run, capsys):
    assert train_residual_ppo.main(["--resume", str(run)]) == 2
    assert "has all of its 512 steps; --total-timesteps can ask for more" in capsys.readouterr().err
    assert train_residual_ppo.main(["--resume", str(run), "--total-timesteps", "640"]) == 0
    assert json.loads((run / "card.json").read_text())["steps"] == 640
    assert train_residual_ppo.main(["--resume", str(run)]) == 2
    assert "has all of its 640 steps" in capsys.readouterr().err


def test_a_checkpoint_is_no_run_to_go_on_with(run, capsys):
    assert train_residual_ppo.main(["--resume", str(resumable(run)[-1])]) == 2
    assert "--resume needs the folder of a run" in capsys.readouterr().err


def test_other_versions_are_told(run, capsys):
    config(lambda record: record | {"versions": {"mujoco": "3.0.0"}})(run)
    assert train_residual_ppo.main(["--resume", str(run), "--total-timesteps", "640"]) == 0
    assert "was made with other versions: it resumes, but results are not bit for bit the same" in capsys.readouterr().err


@pytest.mark.parametrize("changes", ["--seed 4", "--total-timesteps 256", "--ppo.net-arch 9"])
def test_nothing_but_the_steps_can_be_changed_on_the_way_and_an_ended_run_has_no_fewer(run, changes, capsys):
    assert train_residual_ppo.main(["--resume", str(run), *changes.split()]) == 2
    assert "--resume takes everything from the run" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["/proc/nowhere/run", "file/run"])
def test_a_place_that_cannot_be_written_is_refused(tmp_path, place, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    assert train_residual_ppo.main([*SMALL, "--run-dir", place]) == 2
    message = capsys.readouterr().err
    assert f"cannot write a run to {place}" in message and len(message.splitlines()) == 1


def test_a_damaged_last_checkpoint_gives_way_to_the_one_before(run, capsys):
    newest, before = resumable(run)[::-1]
    (newest / "training.npz").write_bytes(b"")
    (run / "policy.json").unlink()  # otherwise the run would have ended, with nothing left to train
    assert train_residual_ppo.main(["--resume", str(run)]) == 0
    assert resumable(run) == [before, newest] and read_arrays(newest / "training.npz")
    assert re.search(rf"cannot read .*{newest.name}.*: the training resumes from {before}\n", capsys.readouterr().err)


def test_a_full_disk_ends_the_training_and_loses_nothing(made, tmp_path, monkeypatch, capsys):
    def full(path, arrays):
        if "0000000384" in str(path):
            raise OSError(28, "No space left on device")
        write_arrays(path, arrays)

    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("run_folder.training_state.write_arrays", full)
        assert train_residual_ppo.main([*SMALL, "--run-dir", str(run)]) == 2
    message = capsys.readouterr().err
    assert "No space left on device" in message and "the last good checkpoint is" in message
    assert sorted(folder.name for folder in (run / "checkpoints").iterdir()) == ["0000000128", "0000000256"]
    assert not [*run.rglob(".*partial*")]
    assert train_residual_ppo.main(["--resume", str(run)]) == 0
    for name in ("policy.safetensors", "normalizer.npz"):
        assert (run / name).read_bytes() == (made / name).read_bytes()


@pytest.mark.parametrize(
    "script, arguments, words",
    [
        (play_residual_policy, "--model {} --no-render", "is a pickle"),
        (export_policy, "{} out.onnx", "is a pickle"),
        (sb3_files, "{} out", "if you trust it, add --trust-pickle"),
    ],
)
def test_a_pickles_payload_does_not_run_unless_it_is_trusted(tmp_path, script, arguments, words, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("model.zip").write_bytes(b"cposix\nsystem\n(S'touch ran'\ntR.")
    assert script.main(arguments.format("model.zip").split()) == 2
    message = capsys.readouterr().err
    assert (
        words in message and len(message.splitlines()) == 1 and {path.name for path in tmp_path.iterdir()} == {"model.zip"}
    )


@pytest.mark.parametrize(
    "content, words",
    [(b"", "is not a zip file"), (b"PK\x03\x04", "is not a zip file"), (None, "would unpack to 3,000 bytes")],
)
def test_a_trusted_zip_that_is_none_or_a_bomb_is_refused(tmp_path, content, words, capsys, monkeypatch):
    monkeypatch.setattr(sb3_files, "LARGEST", 2_999)
    path = tmp_path / "model.zip"
    if content is None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("data", b"0" * 3_000)
    else:
        path.write_bytes(content)
    assert sb3_files.main([str(path), str(tmp_path / "out"), "--trust-pickle"]) == 2
    message = capsys.readouterr().err
    assert words in message.replace("File is", "is") and len(message.splitlines()) == 1
    assert not (tmp_path / "out").exists()


REPLAYED = {
    "nothing there": (lambda path: path.unlink(), "No such file"),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:100]), "not a zip file"),
    "another file": (lambda path: write_arrays(path, {"states": np.zeros((1, 3))}), "is not a dump of a simulation"),
    "model cut off": (lambda path: _replace(path, model=lambda model: model[:1000]), "cannot read"),
    "model no model": (lambda path: _replace(path, model=lambda model: np.zeros(99, np.uint8)), "cannot read"),
    "actions cut off": (lambda path: _replace(path, actions=lambda actions: actions[:3]), "an action for each of"),
    "actions without a width": (lambda path: _replace(path, actions=lambda actions: actions[:, 0]), "an action for each of"),
    "another model's states": (lambda path: _replace(path, states=lambda states: states[:, 1:]), "must have the shape"),
}


def _replace(path, **changes):
    arrays = read_arrays(path)
    write_arrays(path, arrays | {name: change(arrays[name]) for name, change in changes.items()})


@pytest.mark.parametrize("name", REPLAYED)
def test_a_damaged_dump_is_refused(dump, name, capsys):
    damage, words = REPLAYED[name]
    damage(dump)
    assert play_residual_policy.main(["--replay", str(dump)]) == 2
    message = capsys.readouterr().err
    assert words in message and len(message.splitlines()) == 1
