"""No training uses evaluation seeds, no two purposes share seeds, and trainings share no simulation."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import evaluate_robustness
import play_residual_policy
import train
import train_residual_ppo
import tune_hyperparameters
from algorithms.vec_env import make_vector
from benchmarks import terrain_benchmark, variation_benchmark
from evaluation import held_out_seeds
from evaluation.held_out_seeds import END, END_HELD_OUT, FIRST_HELD_OUT, MOST_SIMULATIONS, Seeds, first_simulation_seed
from training.assembly import create_run, prepare

PURPOSES = {name: seeds for name, seeds in vars(held_out_seeds).items() if isinstance(seeds, Seeds)}
EPISODES = {name for name in PURPOSES if not name.endswith("_TERRAIN")}
TERRAIN = {name for name in PURPOSES if not name.endswith("_EPISODES")}


@pytest.mark.parametrize("names", [EPISODES, TERRAIN])
def test_purposes_share_no_seed(names):
    ranges = sorted((PURPOSES[name].first, PURPOSES[name].end) for name in names)
    assert len(ranges) >= 8 and all(before[1] <= after[0] for before, after in zip(ranges, ranges[1:]))


def test_every_terrain_is_one_that_no_training_may_use():
    for seeds in (PURPOSES[name] for name in TERRAIN):
        for number in (seeds.lowest, seeds.highest):
            with pytest.raises(ValueError, match="held out"):
                held_out_seeds.check_training_seed(seeds.at(number))


@given(st.sampled_from(sorted(PURPOSES)), st.data())
def test_a_purpose_never_leaves_its_range(name, data):
    seeds = PURPOSES[name]
    number = data.draw(st.integers(seeds.lowest, seeds.highest))
    room = seeds.width if seeds.width > 1 else seeds.end - seeds.at(number)
    count = data.draw(st.integers(1, room))
    assert seeds.first <= seeds.at(number, count) <= seeds.end - count
    with pytest.raises(ValueError, match="too many"):
        seeds.at(number, room + 1)
    for outside in (seeds.lowest - 1, seeds.highest + 1):
        with pytest.raises(ValueError, match="must lie in"):
            seeds.at(outside)


@given(st.integers(0, END - 1), st.integers(-1_000_000, 1_000_000))
def test_trainings_with_near_seeds_share_no_simulation_and_none_is_held_out(seed, away):
    first, other = first_simulation_seed(seed), first_simulation_seed(max(0, seed + away))
    assert END_HELD_OUT <= first <= END - MOST_SIMULATIONS
    assert away == 0 or seed + away <= 0 or abs(first - other) >= MOST_SIMULATIONS
    assert all(seeds.end <= END_HELD_OUT for seeds in PURPOSES.values())


def starts(tmp_path, seed):
    """Returns the first observation of every simulation of a training, after the reset that the training makes."""
    config = train_residual_ppo.parse(
        ["--preset", "rough", "--num-envs", "8", "--ppo.batch-size", "64", "--seed", str(seed)]
    )
    run = create_run(replace(config, run_dir=tmp_path / f"run{seed}"), [])
    training = prepare(config, run)
    training.model.get_env().reset()
    rows = training.model.get_env().get_original_obs()
    training.model.get_env().close()
    return config, rows


def test_adjacent_trainings_begin_with_other_robots_and_each_simulation_is_the_single_one_of_its_seed(tmp_path):
    (config, first), (_, second) = (starts(tmp_path, seed) for seed in (42, 43))
    assert not {row.tobytes() for row in first} & {row.tobytes() for row in second}
    env = make_vector("envs:ResidualWalk-v0", 1, config=config.env)
    env.unwrapped.set_terrain_scale(config.start_level)
    for i in (0, 7):
        np.testing.assert_array_equal(env.reset(seed=first_simulation_seed(42) + i)[0][0], first[i])
    env.close()


REFUSED = [
    (train_residual_ppo, "--seed 1000003", "seed must not be 1,000,003: 1,000,000 to 16,777,215 are held out"),
    (train, "--env Toy-v0 --seed 2345678", "seed must not be 2,345,678"),
    (train, "--env Toy-v0 --seed -7", "got -7"),
    (train, f"--env Toy-v0 --seed {2**32}", "got 4294967296"),
    (tune_hyperparameters, "--seed 999500 --reseed 600", "seed must not be 1,000,500"),
    (tune_hyperparameters, "--seed 999999 --seeds 2", "seed must not be 1,000,000"),
    (tune_hyperparameters, "--final-episodes 10001", "10,001 episodes are too many: seed 0 has seeds for 10,000"),
    (evaluate_robustness, "--model nowhere --seed 10000", "seed must lie in 0 to 9,999, got 10000"),
    (evaluate_robustness, "--model nowhere --seed 9990 --episodes 11", "11 episodes are too many"),
    (play_residual_policy, "--baseline --seed 10000", "seed must lie in 0 to 9,999, got 10000"),
    (play_residual_policy, "--baseline --episodes 1001", "1,001 episodes are too many"),
    (terrain_benchmark, "--seeds-from 9999", "seeds_from must lie in 10,000 to 999,999, got 9999"),
    (variation_benchmark, "--seeds-from 9999", "seeds_from must lie in 10,000 to 999,999, got 9999"),
]


@pytest.mark.parametrize(("script", "arguments", "words"), REFUSED)
def test_a_seed_of_another_purpose_is_refused_in_one_sentence_and_nothing_is_written(
    script, arguments, words, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    try:
        code = script.main(arguments.split())
    except SystemExit as stop:  # tyro prints its errors in a frame
        code = stop.code
    message = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert code == 2 and words in message and "Traceback" not in message and not [*tmp_path.iterdir()]


def test_the_highest_and_lowest_seeds_of_trainings_are_accepted():
    for seed in (0, FIRST_HELD_OUT - 1, END_HELD_OUT, END - 1):
        held_out_seeds.check_training_seed(seed)
