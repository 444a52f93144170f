"""The environment of a run is the complete task; only the training starts at the first level of its curriculum."""

from pathlib import Path

import numpy as np
import pytest

import train
import train_residual_ppo
from run_folder.runs import load_run
from utils.monitor_training import read_scalars

SMALL = """--algo ppo --total-timesteps 256 --num-envs 4 --num-threads 1 --eval-every 0 --ppo.n-steps 64 --ppo.batch-size 64
--ppo.net-arch 8""".split()
POLICIES = Path(__file__).parents[2] / "assets" / "policies"


def levels_of(env, count=3):
    """Returns the terrain levels of several resets of all simulations."""
    found = {level for seed in range(count) for level in env.reset(seed=seed * 1000)[1]["terrain_level"].tolist()}
    env.close()
    return found


def test_a_training_never_has_a_higher_level_than_its_hardest_one(tmp_path):
    run = tmp_path / "run"
    arguments = [*SMALL, "--episode-steps", "10", "--level", "0.5", "--run-dir", str(run)]  # the preset starts at 0.6
    assert train_residual_ppo.main(arguments) == 0
    scalars = read_scalars(run)
    seen = [value for tag in scalars if tag.endswith("level") or "terrain" in tag for value in scalars[tag][1]]
    assert seen and 0.0 < max(seen) <= 0.5


@pytest.mark.parametrize("arguments, highest", [("--level 0.8 --start-level 0.45", 0.8), ("--curriculum success", 1.0)])
def test_a_loaded_walk_has_the_levels_up_to_the_hardest_that_was_trained(tmp_path, arguments, highest):
    run = tmp_path / "run"
    assert train_residual_ppo.main([*SMALL, *arguments.split(), "--run-dir", str(run)]) == 0
    wanted = {level for level in (0.4, 0.6, 0.75, 0.85, 0.95, 1.0) if level <= highest}
    assert levels_of(load_run(run).make_env(200)) == wanted


TRAINED_ON = {
    "ResidualWalk-v0": {0.4, 0.6, 0.75, 0.85, 0.95, 1.0},
    "AdaptiveWalk-v0": {0.4, 0.6, 0.75, 0.85, 0.95, 1.0},
}


@pytest.mark.parametrize(("name", "levels"), TRAINED_ON.items())
def test_a_shipped_walk_has_all_levels(name, levels):
    assert levels_of(load_run(POLICIES / name).make_env(200)) == levels


@pytest.mark.parametrize("curriculum", ["time", "success"])
def test_a_training_s_first_episodes_have_the_levels_of_the_curriculum_s_start(curriculum):
    config = train_residual_ppo.parse([*SMALL, "--start-level", "0.8", "--num-envs", "64", "--curriculum", curriculum])
    env = config.make_env()
    env.reset()
    assert set(env.env.unwrapped.task.ground.level) == {0.4, 0.6, 0.75} and config.env.terrain_scale == 1.0
    env.close()


def test_a_cube_s_first_targets_are_as_near_as_the_curriculum_begins_with_and_a_loaded_one_has_all(tmp_path):
    config = train.parse(["--env", "CubeInHand-v0", *SMALL, "--start-angle", "0.6", "--num-envs", "32"])
    env = config.make_env()
    env.reset()
    assert env.env.unwrapped.task.measurements()["rotation_distance"].max() <= 0.6
    env.close()
    assert train.main(["--env", "CubeInHand-v0", *SMALL, "--run-dir", str(tmp_path / "run")]) == 0
    env = load_run(tmp_path / "run").make_env(100)
    assert env.reset(seed=0)[1]["rotation_distance"].max() > 0.9 * np.pi
    env.close()
