"""A new robot is one folder and two rows: it trains, resumes, plays, is swept, evaluated and exported without more."""

import json
import shutil

import pytest

from tests.helpers.new_robot_runs import COMMANDS, FOLDER, ROWS, TASK, copy_with_robot
from tests.helpers.repository_copy import DRIVER, python

# Checks in the copy: Gymnasium's and SB3's conformance, and that a vector's simulations are single environments.
PROMISES = f"""
import warnings
import gymnasium, numpy as np, yaml
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_env_of_sb3
warnings.simplefilter("error")
task = yaml.safe_load('''{TASK}''')
single = gymnasium.make("envs:ToyWalker-v0", **task).unwrapped
check_env(single, skip_render_check=True)
check_env_of_sb3(single)
vector = gymnasium.make_vec("envs:ToyWalker-v0", num_envs=3, max_episode_steps=60, **task)
single = gymnasium.make("envs:ToyWalker-v0", max_episode_steps=60, **task)
rows, info = vector.reset(seed=3)
row, _ = single.reset(seed=5)
commands, actions = set(), np.random.default_rng(0).uniform(-1, 1, (150, 12)).astype(np.float32)
for action in actions:
    assert (rows[2] == row).all()
    rows, rewards, *_ = vector.step(np.tile(action, (3, 1)))
    row, reward, terminated, truncated, info = single.step(action)
    assert rewards[2] == reward and abs(sum(info["reward_terms"].values()) - reward) < 1e-12
    commands.add(info["commanded_velocity"])
    if terminated or truncated:
        row, _ = single.reset()
assert len(commands) >= 4, commands
assert vector.unwrapped.task.failure_count == 0
vector.unwrapped.command_velocity(0.3, 0.0, 0.1)
assert (vector.unwrapped.task.command.value == [0.3, 0.0, 0.1]).all()
assert list(vector.unwrapped.perturbations) == ["mass", "friction", "joint_damping", "latency"]
"""


def stopped(run):
    """Makes a copy of a run as a kill after its second checkpoint leaves it."""
    copy = shutil.copytree(run, run.with_name("stopped"))
    for folder in sorted((copy / "checkpoints").iterdir())[2:]:
        shutil.rmtree(folder)
    for name in ("policy.json", "policy.safetensors", "normalizer.npz"):
        (copy / name).unlink()


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """Returns a copy of the repository with the new robot, in which the command lines have run."""
    folder, (train, *others) = copy_with_robot(tmp_path_factory.mktemp("house")), COMMANDS.values()
    python(folder, "-c", DRIVER, json.dumps([train]))
    stopped(folder / "straight")
    python(folder, "-c", DRIVER, json.dumps(others))
    return folder


def test_it_is_one_folder_and_two_rows():
    lines = [len(path.read_text().splitlines()) for path in FOLDER.iterdir() if path.is_file()]
    assert sum(lines) <= 220 and [row.count("\n") for *_, row in ROWS] == [1, 1]


def test_it_keeps_the_promises_of_every_environment(house):
    python(house, "-c", PROMISES)


def test_it_trains_on_its_task_and_resumes_to_the_bit(house):
    config = (house / "straight/config.yaml").read_text()
    assert "env_id: ToyWalker-v0" in config and "push_speed: 0.3" in config
    for name in ("policy.safetensors", "training.npz"):
        last = f"checkpoints/0000000512/{name}"
        assert (house / "straight" / last).read_bytes() == (house / "stopped" / last).read_bytes()


def test_it_is_played_evaluated_and_swept_as_a_robot_that_walks(house):
    played = json.loads((house / "played.json").read_text())["episodes"]
    assert len(played) == 1 and {"distance_m", "cost_of_transport"} <= played[0].keys()
    assert "| straight | joint_damping (" in (house / "robustness/report.md").read_text()
    assert "2 trials, 2 finished" in (house / "runs/studies/s/report.md").read_text()
    assert "eval/distance_m" in (house / "straight/progress.csv").read_text()


def test_it_is_exported_as_it_acts(house):
    code = """if True:
        import numpy as np, onnxruntime
        from run_folder.runs import load_policy
        rows = np.random.default_rng(0).normal(0, 1, (50, 52)).astype(np.float32)
        (actions,) = onnxruntime.InferenceSession("policy.onnx").run(None, {"observation": rows})
        np.testing.assert_allclose(actions, load_policy("straight")(rows), atol=1e-5)
        assert np.ptp(actions) > 0.01"""
    python(house, "-c", code)
