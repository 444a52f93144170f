"""An exported biped with 66 frames acts as the trained policy, and its description has all that a deployment needs."""

import json
from shutil import copytree

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import export_policy
import play_residual_policy
import sim2sim
from run_folder.exported_pair import exported_pair
from tests.helpers.biped_exports import description, untrained
from training.tasks.biped import PRESETS

ROWS = ["phase", "command", "joint_pos", "joint_vel", "previous_action", "body_angvel", "euler"]
LEG = ("hip_pitch", "hip_roll", "hip_yaw", "knee_pitch", "ankle_pitch", "ankle_roll")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return untrained(tmp_path_factory.mktemp("biped") / "run", frames=66, command_vx=(-0.3, 0.7))


@pytest.fixture(params=[preset for preset in PRESETS if preset != "one_frame"])
def preset_run(request, tmp_path):
    return untrained(tmp_path / "run", preset=request.param, frames=66)


def test_every_preset_with_a_history_acts_in_both_forms_as_its_policy(preset_run, tmp_path):
    check_both_forms(preset_run, tmp_path, within_bounds=0.2)  # those of the large networks of x1 are large


def test_both_forms_act_as_the_policy_on_a_thousand_random_stacks(run, tmp_path):
    check_both_forms(run, tmp_path, within_bounds=0.5)


def check_both_forms(run, tmp_path, within_bounds):
    spread = np.random.default_rng(0).normal(0, 1, (1000, 3102))
    stacks = (run.normalizer.mean + spread * np.sqrt(run.normalizer.var)).astype(np.float32)
    wanted = run.act(stacks)
    assert wanted.std() > 0.1 and (np.abs(wanted) < 0.99).mean() > within_bounds
    for form, name in (("onnx", "policy.onnx"), ("torchscript", "policy.pt")):
        assert export_policy.main([str(run.folder), str(tmp_path / name), "--format", form]) == 0
    (actions,) = onnxruntime.InferenceSession(tmp_path / "policy.onnx").run(None, {"observation": stacks})
    with pytest.warns(DeprecationWarning, match="torch.jit.load"):
        traced = torch.jit.load(tmp_path / "policy.pt")(torch.from_numpy(stacks)).numpy()
    np.testing.assert_allclose(actions, wanted, atol=1e-5)
    np.testing.assert_allclose(traced, wanted, atol=1e-5)


def test_the_description_has_all_that_a_deployment_needs(run):
    with exported_pair(run.folder) as (path, _):
        told = json.loads(path.with_suffix(".json").read_text())
        held = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert {key: value if isinstance(value, str) else json.dumps(value) for key, value in told.items()} == held
    assert told["joint_order"] == told["action"] == [f"{side}_{joint}" for side in ("left", "right") for joint in LEG]
    assert told["default_pose_rad"] == [0.4, 0.05, -0.31, 0.49, -0.21, 0, -0.4, -0.05, 0.31, 0.49, -0.21, 0]
    assert told["kp"] == [30, 40, 35, 100, 35, 35] * 2 and told["kd"] == [3, 3, 4, 10, 0.5, 0.5] * 2
    assert told["torque_limit_nm"] == [127.5, 127.5, 42.5, 127.5, 68, 68] * 2
    assert told["action_scale_rad"] == 2.0 and told["control_rate_hz"] == 100.0 and told["physics_dt_s"] == 0.0025
    assert told["gait_cycle_s"] == 0.7 and told["standing_command"] == 0.05 and "sin(2 pi p)" in told["clock"]
    assert told["command_range"] == {"vx": [-0.3, 0.7], "vy": [-0.2, 0.2], "yaw_rate": [-0.4, 0.4]}
    assert told["env_kwargs"]["frames"] == 66 and told["model"] == "biped/world.xml" and told["start_height_m"] == 0.6112
    assert told["feet"] == ["left_foot", "right_foot"]


def test_the_description_has_the_rows_of_66_frames_oldest_first(run):
    told = description(frames=66)
    assert told["history"]["frames"] == 66 and told["history"]["order"] == "oldest first"
    names = [f"{row}-{age}" if age else row for age in range(65, -1, -1) for row in ROWS]
    assert [row["name"] for row in told["observation"]] == names
    assert [row["size"] for row in told["observation"][-7:]] == [2, 3, 12, 12, 12, 3, 3]
    assert [told["received"][row]["scale"] for row in ROWS] == [[1], [2, 2, 1], [1], [0.05], [1], [1], [1]]
    assert told["observation"][3]["unit"] == "20 rad/s" and "history" not in description()


@pytest.mark.parametrize("frames", [65, 1])
def test_a_policy_for_another_number_of_frames_than_its_environment_gives_is_refused(frames, run, tmp_path, capsys):
    folder = copytree(run.folder, tmp_path / "run")
    told = json.loads((folder / "env.json").read_text())
    told["kwargs"]["frames"] = frames
    (folder / "env.json").write_text(json.dumps(told))
    for program, options in (
        (export_policy, [str(folder), str(tmp_path / "policy.onnx")]),
        (play_residual_policy, ["--model", str(folder), "--no-render", "--episodes", "1"]),
        (sim2sim, ["--model", str(folder)]),
    ):
        assert program.main(options) == 2
        assert f"takes 3102 values, but the observation has {frames * 47}" in capsys.readouterr().err
    assert not list(tmp_path.glob("policy*"))
