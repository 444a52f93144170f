"""Policies and run folders that earlier versions of this project wrote keep working.

`golden/old_runs` holds three run folders, and the first 10 steps of each and of the shipped policies as they were then.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import train
from run_folder.runs import load_run, resumable
from run_folder.training_state import read_training
from training.assembly import prepare

ROOT = Path(__file__).parents[2]
OLD = ROOT / "tests" / "golden" / "old_runs"
PLAYED = json.loads((OLD / "played.json").read_text())


@pytest.mark.parametrize("path", PLAYED)
def test_an_old_policy_acts_and_earns_what_it_did_when_it_was_written(path):
    run = load_run(ROOT / path)
    env = run.make_env(2)
    observation, _ = env.reset(seed=7)
    for actions, rewards in zip(PLAYED[path]["actions"], PLAYED[path]["rewards"], strict=True):
        acted = run.act(observation)
        observation, earned, *_ = env.step(acted)
        np.testing.assert_allclose(acted, actions, rtol=0, atol=1e-4)
        np.testing.assert_allclose(earned, rewards, rtol=1e-4, atol=1e-4)
    env.close()


@pytest.mark.parametrize("name", ["walk", "cube", "cartpole"])
def test_the_training_of_an_old_run_can_be_continued(name, tmp_path):
    run = tmp_path / name
    shutil.copytree(OLD / name, run)
    before = int(resumable(run)[-1].name)
    assert train.main(["--resume", str(run), "--total-timesteps", str(before + 64)]) == 0
    assert int(resumable(run)[-1].name) >= before + 64


def test_the_replay_buffer_of_an_old_checkpoint_is_filled_with_what_it_held(tmp_path):
    """Earlier checkpoints call the buffer `replay`; they have no key `kept`."""
    run = shutil.copytree(OLD / "cube", tmp_path / "cube")
    held = read_training(resumable(run)[-1])["replay"]
    config = train.parse(["--resume", str(run), "--total-timesteps", "528"])
    buffer = prepare(config, run, resume_run=True).model.replay_buffer
    assert (buffer.pos, buffer.full) == (held["pos"], held["full"]) == (0, True)
    for name in ("observations", "next_observations", "actions", "rewards", "dones", "timeouts"):
        np.testing.assert_array_equal(getattr(buffer, name), held[name], err_msg=name)
    assert np.abs(buffer.actions).max(axis=(1, 2)).all() and np.unique(buffer.rewards).size > 100
