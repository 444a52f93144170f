"""sim2sim.py: a run, an exported pair, a script, exit codes, and one sentence for wrong input."""

import json
import shutil
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest

import sim2sim
from run_folder.exported_pair import exported_pair
from tests.helpers.biped_exports import MODEL, constant_policy, description, untrained

STIFF = {"kp": [400.0] * 12, "kd": [10.0] * 12}
STAND = "segments: [{name: stand, seconds: 1.7}]"
SHIPPED = Path(__file__).parents[2] / "assets" / "policies" / "ResidualWalk-v0"


def pair(folder, **entries):
    """Returns the ONNX file of a policy that always gives 0, with changes of its description."""
    return constant_policy(folder, description() | entries, np.zeros(12))


def ran(capsys, *argv):
    code = sim2sim.main([str(word) for word in argv])
    return code, *capsys.readouterr()


def test_a_run_is_compared_and_played_and_a_fall_fails(tmp_path, capsys):
    run = untrained(tmp_path / "run", frames=2, max_tilt=0.1, action_scale=0.5)
    (tmp_path / "script.yaml").write_text("segments: [{name: ahead, vx: 0.4, seconds: 2}]\nlimits: {slip: 1.0}")
    out = tmp_path / "out.json"
    code, printed, _ = ran(capsys, "--model", run.folder, "--script", tmp_path / "script.yaml", "--json", out)
    told = json.loads(out.read_text())
    assert code == 1 and not told["passed"] and told["difference"] is None
    (segment,) = told["segments"]
    assert segment["fell"] and segment["command"] == [0.4, 0, 0] and 0.1 < segment["seconds"] < 2
    assert "agree in every quantity" in printed and "| ahead | 0.4, 0, 0 |" in printed and printed.endswith("FAIL\n")


def test_a_pair_that_stands_passes(tmp_path, capsys):
    (tmp_path / "script.json").write_text('{"segments": [{"name": "stand", "seconds": 2}]}')
    model = pair(tmp_path, **STIFF)
    code, printed, _ = ran(capsys, "--model", model, "--only", "script", "--script", tmp_path / "script.json")
    assert code == 0 and printed.endswith("PASS\n") and "difference" not in printed


def test_two_outputs_in_one_file_are_refused(tmp_path, capsys):
    same = tmp_path / "x.mp4"
    code, _, error = ran(capsys, "--model", pair(tmp_path, **STIFF), "--json", same, "--video", same)
    assert (code, error) == (2, f"sim2sim: --json and --video both name {same}\n") and not same.exists()


def test_a_pair_with_another_gain_fails_with_its_name(tmp_path, capsys):
    out = tmp_path / "out.json"
    code, printed, _ = ran(capsys, "--model", pair(tmp_path, **STIFF), "--only", "compare", "--json", out)
    assert code == 1 and "likely kind: gain: kp of left_hip_pitch is 400 in the loop, 30 in training" in printed
    assert json.loads(out.read_text())["difference"]["kind"] == "gain"


def files_of(folder):
    """Writes wrong files; returns the folder."""
    pair(folder)
    for name in ("alone", "broken", "other", "nan", "deep", "outside", "old", "foreign", "missing"):
        (folder / name).mkdir()
        shutil.copy(folder / "policy.onnx", folder / name)
    (folder / "broken" / "policy.json").write_text(json.dumps(description()))
    (folder / "broken" / "policy.onnx").write_bytes(b"no model")
    (folder / "nan" / "policy.json").write_text(json.dumps(description() | {"action_scale_rad": float("nan")}))
    (folder / "deep" / "policy.json").write_text("[" * 100_000)
    (folder / "outside" / "policy.json").write_text(json.dumps(description() | {"model": "../../../etc/passwd"}))
    (folder / "foreign" / "policy.json").write_text(json.dumps(description() | {"env_id": "os:Biped-v0"}))
    (folder / "old" / "policy.json").write_text(json.dumps({k: v for k, v in description().items() if k != "env_kwargs"}))
    (folder / "missing" / "policy.json").write_text(json.dumps({"env_id": "Biped-v0"}))
    with exported_pair(SHIPPED) as (path, _):
        shutil.copy(path, folder / "other" / "policy.onnx")
        (folder / "other" / "policy.json").write_text(json.dumps(description()))
    (folder / "empty.xml").write_text("<mujoco/>")
    (folder / "wrong.yaml").write_text("segments: [{vx: 9.0}]")
    return folder


@pytest.fixture(scope="module")
def wrong(tmp_path_factory):
    return files_of(tmp_path_factory.mktemp("wrong"))


WRONG = {
    "nowhere": ("--model nowhere", "nowhere contains no policy.safetensors"),
    "no file": ("--model nowhere.onnx", "there is no nowhere.onnx"),
    "no description": ("--model alone/policy.onnx", "there is no alone/policy.json"),
    "no model": ("--model broken/policy.onnx", "cannot read broken/policy.onnx"),
    "another robot": ("--model other/policy.onnx", "is a policy of ResidualWalk-v0, and its description is one of Biped-v0"),
    "shipped": (f"--model {SHIPPED}", "the description of 'ResidualWalk-v0' has no model, default_pose_rad, kp"),
    "missing": (
        "--model missing/policy.onnx",
        "missing/policy.onnx: the description of 'Biped-v0' has no model",
    ),
    "nan": ("--model nan/policy.onnx", "action_scale_rad must be above 0.0, got nan"),
    "deep": ("--model deep/policy.onnx", "cannot read deep/policy.json"),
    "outside": ("--model outside/policy.onnx", "which is outside of the project: give --mjcf"),
    "foreign": ("--model foreign/policy.onnx", "os:Biped-v0 is no environment of this project"),
    "old": ("--model old/policy.onnx", "has no env_kwargs: export it again"),
    "empty": ("--model policy.onnx --mjcf empty.xml", "the model has no joint left_hip_pitch"),
    "no mjcf": ("--model policy.onnx --mjcf nowhere.xml", "cannot read nowhere.xml: there is no such file"),
    "script": ("--model policy.onnx --script wrong.yaml", "vx of 'segment 1' must lie in the trained range"),
    "no script": ("--model policy.onnx --script nowhere.yaml", "cannot read nowhere.yaml"),
    "idle": (
        "--model policy.onnx --only compare --script wrong.yaml",
        "--script has no effect: --only compare plays no",
    ),
    "step": ("--model policy.onnx --physics-dt 0.003", "must be a whole multiple of the physics step of 0.003 s"),
    "json": ("--model policy.onnx --json empty.xml", "exists and was not written by this program"),
}


@pytest.mark.parametrize(("argv", "words"), WRONG.values(), ids=WRONG)
def test_wrong_input_gets_one_sentence(wrong, argv, words, capsys, monkeypatch):
    monkeypatch.chdir(wrong)
    code, _, error = ran(capsys, *argv.split())
    assert code == 2 and words in error and len(error.splitlines()) == 1 and error.startswith("sim2sim: ")


@pytest.mark.slow
def test_a_video_shows_the_script_and_another_model_is_named(tmp_path, capsys, gl):
    (tmp_path / "script.yaml").write_text(STAND)
    text = MODEL.with_name("robot.xml").read_text().replace('mass="21.3"', 'mass="23"')
    (tmp_path / "robot.xml").write_text(text)
    for name in ("world.xml", "scenery.xml"):
        shutil.copy(MODEL.with_name(name), tmp_path)
    video = tmp_path / "walk.mp4"
    argv = "--mjcf", tmp_path / "world.xml", "--script", tmp_path / "script.yaml", "--video", video
    code, printed, _ = ran(capsys, "--model", pair(tmp_path), *argv)
    assert code == 1 and "likely kind: mass" in printed
    frames = iio.imread(video, plugin="FFMPEG")
    assert len(frames) == 8 and frames[0].std() > 10
