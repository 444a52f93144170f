"""Terrain tiles are drawn in proportion to the failures on them; the rates survive a resume."""

import numpy as np
import pytest

from algorithms.vec_env import make_batch_vec_env
from callbacks.terrain_sampling_callback import TerrainSamplingCallback
from envs.locomotion.ground import Ground
from envs.locomotion.terrain import TerrainConfig
from envs.residual_walk.scene import SCENE, UNDERSIDE
from evaluation.judges import Scene, Setting
from training.command_line import parse

KINDS, LEVELS = ("rough", "stairs"), (1.0, 0.5)
TERRAIN = {"kinds": KINDS, "levels": LEVELS}


def episode(kind, level, share, seconds=10.0):
    """Returns the report of an episode with a command of 0.3 m/s that covered a share of the commanded distance."""
    final = {"terrain_kind": KINDS.index(kind), "terrain_level": level, "commanded_velocity": 0.3}
    return {"l": round(seconds / 0.01), "final": final | {"distance": share * 0.3 * seconds}}


def played(callback, *episodes):
    for report, lasted in episodes:
        callback.locals = {"infos": [{}, {"episode": report, "TimeLimit.truncated": lasted}]}
        callback._on_step()


def started(**settings):
    callback = TerrainSamplingCallback(KINDS, LEVELS, **settings)
    callback._dt = 0.01
    return callback


def test_failures_raise_the_rate_of_their_tile_alone_and_successes_lower_it():
    callback = started(memory=4.0)
    played(callback, (episode("stairs", 0.5, 1.0), True), (episode("rough", 1.0, 1.0), False))
    assert callback.failures["stairs"].tolist() == [0.375, 0.5]  # 0.5 x 3 / 4; levels in ascending order
    assert callback.failures["rough"].tolist() == [0.5, 0.625]


@pytest.mark.parametrize(("share", "lasted", "fails"), [(0.71, True, 0.0), (0.69, True, 1.0), (0.71, False, 1.0)])
def test_a_failure_is_a_fall_or_too_short_a_way(share, lasted, fails):
    callback = started(memory=1.0)
    played(callback, (episode("rough", 1.0, share), lasted))
    assert callback.failures["rough"][1] == fails


def test_weights_reach_the_simulations_and_the_state_survives_a_resume():
    callback, other = started(), started()
    played(callback, *[(episode("stairs", 1.0, 0.0), True)] * 100, *[(episode("rough", 1.0, 1.0), True)] * 100)
    other.restore(callback.state)
    env = make_batch_vec_env("envs:ResidualWalk-v0", 256, seed=0, terrain=TERRAIN)
    other.init_callback(type("Model", (), {"get_env": lambda self: env, "logger": Silent()})())
    other.on_rollout_start()
    env.reset()
    ground = env.env.unwrapped.task.ground
    share = np.mean((ground.level == 1.0) & (ground.kind == 1))
    assert share == pytest.approx(1.1 / (1.1 + 0.1 + 0.6 + 0.6), abs=0.1)
    assert np.mean((ground.level == 1.0) & (ground.kind == 0)) < 0.1


class Silent:
    """A logger that keeps nothing."""

    def record(self, *_):
        pass


@pytest.mark.parametrize("settings", [{"floor": 0.0}, {"memory": 0.5}, {"floor": float("nan")}])
def test_settings_without_meaning_are_refused(settings):
    with pytest.raises(ValueError, match="sampling needs a floor above 0"):
        started(**settings)


def test_tiles_are_drawn_by_their_weights_up_to_the_highest_level():
    ground = Ground(SCENE, UNDERSIDE, TerrainConfig(KINDS, LEVELS), 4000)
    draws = np.random.default_rng(0).random((4000, 3))
    weights = np.array([[1.0, 2.0], [3.0, 6.0]])  # stairs at level 1 would be the likeliest tile
    ground.draw_starts(np.arange(4000), draws, np.array([1.0, 0.5]), weights)
    shares = [np.mean((ground.kind == kind) & (ground.level == level)) for kind in (0, 1) for level in (0.5, 1.0)]
    np.testing.assert_allclose(shares, [1 / 6, 2 / 6, 3 / 6, 0.0], atol=0.03)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"rough": [1, 1]}, "need the kinds rough, stairs, got rough"),
        ({"rough": [1, 1], "stairs": [1]}, r"weights of stairs must be 2 finite numbers above 0, .* got \[1\]"),
        ({"rough": [1, 0], "stairs": [1, 1]}, "weights of rough must be 2 finite numbers above 0"),
        ({"rough": [1, float("nan")], "stairs": [1, 1]}, "weights of rough must be 2 finite numbers above 0"),
    ],
)
def test_weights_that_name_no_probabilities_are_refused_and_change_nothing(weights, words):
    env = make_batch_vec_env("envs:ResidualWalk-v0", 2, terrain=TERRAIN)
    env.env_method("set_terrain_weights", {"rough": [1, 2], "stairs": [3, 4]})
    with pytest.raises(ValueError, match=words):
        env.env_method("set_terrain_weights", weights)
    assert env.env.unwrapped.task._tile_weights.tolist() == [[1, 2], [3, 4]]


def test_the_option_of_a_training_adds_the_callback_and_starts_lie_where_the_config_says():
    config = parse("--sampling failures --terrain mixed --env.terrain.start-length 6".split(), "")
    sampling = config.task_callbacks()["sampling"]
    assert sampling.kinds == config.env.terrain.kinds and len(sampling.levels) == len(config.env.terrain.levels)
    assert set(parse(["--sampling", "even"], "").task_callbacks()) == {"curriculum"}
    env = config.make_env()
    env.reset()
    x = env.env.unwrapped.task.body_position[:, 0] + config.env.terrain.length / 2
    assert x.min() > 0.4 and 5.0 < x.max() < 6.6


def test_evaluations_and_play_start_at_the_rear_end_of_a_tile():
    config, seed = parse("--env.terrain.start-length 6".split(), ""), 1_000_003
    played = config.task.judge.play_env(Setting(config.env_id, config.task_arguments), Scene("stairs"), 8, seed)
    for env in (config.make_evaluation_env(8, seed), played):
        env.reset(seed=seed)
        task = env.unwrapped.task
        assert (task.body_position[:, 0] + task.config.terrain.length / 2).max() < 1.0
