"""A new learner is one file and one row: it trains, resumes, plays, sweeps, evaluates and exports without a further edit."""

import json
import re
import shutil

import numpy as np
import onnxruntime
import pytest

from run_folder.runs import load_run
from run_folder.training_state import read_training
from tests.helpers.new_learner_runs import COMMANDS, FILE, ROW, copy_with_learner
from tests.helpers.repository_copy import DRIVER, ROOT, python


def stop(run):
    """Leaves a run as a kill after its second checkpoint does."""
    for folder in sorted((run / "checkpoints").iterdir())[2:]:
        shutil.rmtree(folder)
    for name in ("policy.json", "policy.safetensors", "normalizer.npz"):
        (run / name).unlink()


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """Returns a copy of the repository with the new learner, in which the command lines have run."""
    folder, commands = copy_with_learner(tmp_path_factory.mktemp("house")), [*COMMANDS]
    resume = commands.index("resume")
    for part in (commands[:resume], commands[resume:]):
        python(folder, "-c", DRIVER, json.dumps([COMMANDS[name] for name in part]))
        if "resume" not in part:
            stop(folder / "stopped")
    return folder


def test_it_is_one_short_file_and_one_row():
    assert len(FILE.read_text().splitlines()) < 45 and len(ROW.splitlines()) < 10


def test_the_readme_shows_this_file_and_this_row():
    section = (ROOT / "README.md").read_text().split("## Add an algorithm")[1]
    code, row = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert FILE.read_text().endswith(code) and row == ROW


def test_it_trains_and_its_own_step_is_in_use(house):
    assert "train/multiplier" in (house / "straight/progress.csv").read_text()
    config = (house / "straight/config.yaml").read_text()
    assert "algo: quiet_ppo" in config and "action_limit: 1.0e-05" in config
    assert "action_limit: 0.05" in (house / "older/config.yaml").read_text()


def test_it_resumes_to_the_bit_with_its_own_number(house):
    last = "checkpoints/0000000512"
    straight, resumed = (read_training(house / name / last) for name in ("straight", "stopped"))
    assert straight["kept"]["multiplier"] == resumed["kept"]["multiplier"] > 0
    for name in ("policy.safetensors", "training.npz"):
        assert (house / "straight" / last / name).read_bytes() == (house / "stopped" / last / name).read_bytes()


def test_it_is_played_evaluated_and_swept(house):
    assert len(json.loads((house / "played.json").read_text())["episodes"]) == 1
    assert "straight" in (house / "robustness/report.md").read_text()
    assert "2 trials, 2 finished" in (house / "runs/studies/s/report.md").read_text()
    assert "action_limit" in (house / "runs/studies/s/best.yaml").read_text()


def test_it_is_exported_and_imported_as_it_acts(house):
    run = load_run(house / "straight")
    rows = np.random.default_rng(0).normal(0, 3, (50, len(run.normalizer.mean))).astype(np.float32)
    (actions,) = onnxruntime.InferenceSession(house / "policy.onnx").run(None, {"observation": rows})
    np.testing.assert_allclose(actions, run.act(rows), atol=1e-5)
    assert (house / "policy.pt").is_file()
    np.testing.assert_array_equal(load_run(house / "imported").act(rows), run.act(rows))


def test_a_warm_start_says_what_is_fresh(house):
    assert "multiplier" in (house / "warm/config.yaml").read_text().split("fresh:")[1]


@pytest.mark.slow
def test_every_command_line_works_alone_with_presets_and_named_spaces(house):
    made = {"straight", "stopped", "warm", "older", "imported", "s"}  # runs and a study that must be new
    for script, *arguments in COMMANDS.values():
        if "--resume" not in arguments:  # nothing is left to train there
            python(house, "-m", script, *(f"{word}_alone" if word in made else word for word in arguments))
    python(house, "-m", "train", "--env", "Toy-v0", "--algo", "quiet_ppo", "--preset", "plan", "--total-timesteps", "8192")
    space = ["--env", "Toy-v0", "--algo", "quiet_ppo", "--space", "wide", "--trials", "1", "--steps", "8192"]
    python(house, "-m", "tune_hyperparameters", *space, "--evaluations", "1")
