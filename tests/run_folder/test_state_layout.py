"""A checkpoint of an older version resumes with new episodes; a damaged one is refused."""

import json
from shutil import copytree

import numpy as np
import pytest

import train_residual_ppo
from algorithms.vec_env import make_batch_vec_env
from run_folder.runs import resumable
from run_folder.snapshot import capture
from run_folder.state_layout import fits, layout
from run_folder.training_state import OTHER_VERSION
from tests.helpers.training_runs import PPO, train
from utils.run_file_names import NUMBERS


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """Returns a run that can be trained further."""
    run = tmp_path_factory.mktemp("stopped") / "run"
    train(*PPO, "--run-dir", run, "--total-timesteps", "2048", "--eval-every", "2048")
    return run


def changed(run, change):
    """Changes the newest checkpoint's numbers as `change` does with their text."""
    path = resumable(run)[-1] / NUMBERS
    text = path.read_text()
    assert change(text) != text
    path.write_text(change(text))
    return run


def test_a_renamed_attribute_of_another_version_starts_new_episodes_and_says_so(stopped, tmp_path):
    run = changed(copytree(stopped, tmp_path / "run"), lambda text: text.replace('previous_action"', 'action_before"'))
    assert OTHER_VERSION not in train("--resume", copytree(stopped, tmp_path / "same"), "--total-timesteps", "3072")
    output = train("--resume", run, "--total-timesteps", "3072")
    assert output.count(OTHER_VERSION) == 1 and int(resumable(run)[-1].name) == 3072


def test_a_state_that_differs_from_the_layout_beside_it_is_damaged(stopped, tmp_path, capsys):
    run = changed(copytree(stopped, tmp_path / "run"), lambda text: text.replace('"previous_action"', '"action_before"'))
    assert train_residual_ppo.main(["--resume", str(run), "--total-timesteps", "3072"]) == 2
    output = "".join(capsys.readouterr())
    assert "cannot read" in output and "action_before" in output and OTHER_VERSION not in output


def test_a_layout_names_all_that_a_state_holds_and_nothing_transient():
    env = make_batch_vec_env("envs:ResidualWalk-v0", 2)
    env.reset()
    before = layout(env)
    for _ in range(30):
        env.step(np.zeros((2, 12)))
    assert layout(env) == before == json.loads(json.dumps(before))
    assert {"env.task.previous_action", "env.task.variation.values", "env._generators"} <= set(before)
    assert not any(name.startswith("env.task._memory") for name in before)
    assert fits(env, capture(env), before) and not fits(env, capture(env), before[1:])


def test_a_state_without_a_layout_fits_if_every_attribute_still_exists():
    env = make_batch_vec_env("envs:CubeInHand-v0", 2)
    env.reset()
    state = capture(env)
    assert fits(env, state, None)
    state["env"]["task"]["_gone"] = 1
    assert not fits(env, state, None)
