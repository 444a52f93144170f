"""The policies in assets/policies: small, with a correct card, and better than their baselines: the gait alone, a hand that
keeps still, random actions."""

import json
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from benchmarks import episode_benchmark, steering_benchmark, terrain_benchmark
from benchmarks.successes import SEEN_BY_NOBODY, played, rate
from benchmarks.terrain_benchmark import BenchmarkConfig, Walker, load_walker, own_gait, walk
from benchmarks.variation_benchmark import read_walker
from envs.locomotion.terrain import KINDS
from evaluation.judges import Scene
from evaluation.walks import summarise
from run_folder.policy import POLICY_FILES
from run_folder.records import read_env, read_run_config
from run_folder.runs import load_run
from training.command_line import config_of_run
from training.ship_policy import POLICIES
from training.tasks import TASKS
from utils.provenance import CHANGED

HAND, STEERING = POLICIES / "CubeInHand-v0", POLICIES / "ResidualWalk-v0-steering"
WALKS = [*(env_id for env_id, row in TASKS.items() if "terrain" in row.tables), STEERING.name]
RUNNER, RISER = POLICIES / "A1-v0", POLICIES / "A1-v0-reset"
COMMANDS = {POLICIES / name: "python train_residual_ppo.py " for name in WALKS} | {HAND: "python train.py --env CubeInHand"}
COMMANDS |= dict.fromkeys((RUNNER, RISER), "python train.py --env A1-v0 ")
ANT, ROBUST_ANT = POLICIES / "RealAnt-v0", POLICIES / "RealAnt-v0-robust"
COMMANDS |= dict.fromkeys((ANT, ROBUST_ANT), "python train.py --env RealAnt-v0 ")
BIPED, ROBUST_BIPED = POLICIES / "Biped-v0", POLICIES / "Biped-v0-robust"
COMMANDS |= dict.fromkeys((BIPED, ROBUST_BIPED), "python train.py --env Biped-v0 ")


@pytest.fixture(params=WALKS)
def shipped(request):
    return POLICIES / request.param


@pytest.fixture
def card(shipped):
    return json.loads((shipped / "card.json").read_text())


@pytest.mark.parametrize("shipped", COMMANDS, ids=lambda path: path.name)
def test_it_is_small_and_comes_with_all_that_a_player_needs(shipped):
    assert {path.name for path in shipped.iterdir()} == {*POLICY_FILES, "env.json", "config.yaml", "card.json"}
    assert sum(path.stat().st_size for path in shipped.iterdir()) < 2e6


@pytest.mark.parametrize("shipped", COMMANDS, ids=lambda path: path.name)
def test_its_card_says_how_it_was_made_and_how_it_was_judged(shipped, card):
    assert shipped.name.startswith(card["env_id"]) and card["command"].startswith(COMMANDS[shipped])
    assert card["steps"] > 1e6 and 60 < card["wall_time_s"] < 4 * 3600
    assert {"python", "mujoco", "gymnasium", "stable-baselines3", "torch", "numpy"} <= card["versions"].keys()
    assert CHANGED not in card["git"] and card["seed"] == read_run_config(shipped)["seed"]


def test_its_card_holds_the_benchmark_on_every_terrain_of_its_training_beside_the_gait_alone(shipped, card):
    kinds = read_env(shipped)[1]["config"]["terrain"]["kinds"]
    assert kinds == (["rough"] if shipped == STEERING else [kind for kind in KINDS if kind != "flat"])
    for walker in ("gait alone", card["walker"]):
        rows = [row for row in card["benchmark"]["terrain"] if row["walker"] == walker]
        places = set(product(kinds, (0.25, 0.5, 0.75, 1.0)))
        assert {(row["kind"], row["level"]) for row in rows} == places
        assert all(row["episodes"] >= 100 for row in rows)
        flat = [row for row in card["benchmark"]["flat"] if row["walker"] == walker]
        assert [row["commanded_mps"] for row in flat] == [0.1, 0.2, 0.3, 0.4, 0.5]


def test_it_was_trained_with_variation_and_on_no_ground_of_the_benchmark(shipped):
    env = read_env(shipped)[1]["config"]
    assert env["variation"]["push_speed"] > 0 and env["variation"]["friction"][0] < env["variation"]["friction"][1]
    assert env["terrain"]["seed"] < 1_000_000


# One of them takes 15 s.
ONE_FAST = [pytest.param(POLICIES / name, id=name, marks=[pytest.mark.slow] * (i > 0)) for i, name in enumerate(WALKS)]


@pytest.mark.parametrize("shipped", ONE_FAST)
def test_it_crosses_full_rough_ground_where_either_gait_alone_does_not(shipped, monkeypatch):
    monkeypatch.setattr(terrain_benchmark, "COMMANDS", (0.4, 0.5))  # m/s; a slow walk takes long
    config = BenchmarkConfig(episodes=8, seeds_from=33_000)
    trained, fewer = load_walker(shipped, config.terrain_seed), replace(config, episodes=4)
    walkers = ((trained, config), (Walker(), fewer), (own_gait(trained), fewer))
    rates = [summarise(walk(walker, "rough", 1.0, own))["success"] for walker, own in walkers]
    assert rates[0] >= 0.7 and max(rates[1:]) <= 0.3, rates


@pytest.mark.parametrize("shipped", [STEERING], ids=lambda path: path.name)
def test_the_steering_policys_card_holds_what_it_followed_beside_the_gait_alone(card):
    rows = {(row["walker"], row["level"], row["command"]): row for row in card["benchmark"]["steering"]}
    assert rows.keys() == set(product(("gait alone", card["walker"]), (0.0, 0.5, 0.75, 1.0), steering_benchmark.COMMANDS))
    assert all(row["episodes"] >= 50 for row in rows.values())
    better = [
        rows[card["walker"], 1.0, name]["success_interval_low"] > rows["gait alone", 1.0, name]["success_interval_high"]
        for name in ("forward", "backward", "left", "right", "arc", "diagonal")
    ]
    assert all(better), better


@pytest.mark.parametrize("command", ["left", "arc"])
def test_the_steering_policy_follows_commands_on_rough_ground_where_the_gait_alone_does_not(command):
    config = steering_benchmark.SteeringBenchmarkConfig(episodes=8, seeds_from=34_000)
    walkers = [read_walker(model) for model in (STEERING, None)]
    rates = [steering_benchmark.followed(*walker, Scene("rough", 1.0), command, config)["success"] for walker in walkers]
    assert rates[0] >= 0.7 and rates[1] <= 0.3, rates


@pytest.mark.parametrize("shipped", [HAND], ids=lambda path: path.name)
def test_the_hands_card_holds_what_it_reached_beside_a_still_hand_and_random_actions(card):
    rows = {row["policy"]: row for row in card["benchmark"]["successes"]}
    assert {"zero", "random", card["policy"]} <= rows.keys() and all(row["episodes"] >= 64 for row in rows.values())
    own, chance = (rows[name] for name in (card["policy"], "random"))
    assert own["successes_per_1000_steps_interval_low"] > chance["successes_per_1000_steps_interval_high"]


def test_the_hand_reaches_targets_in_episodes_of_its_own():
    run, config = load_run(HAND), config_of_run(HAND, 2)
    reached = played(config, lambda env: run.act, 24, seed=SEEN_BY_NOBODY + 1000)
    assert rate(reached["successes"], reached["steps"]) > 0.5


@pytest.mark.parametrize("shipped", [RUNNER, RISER], ids=lambda path: path.name)
def test_the_a1s_card_holds_what_it_reached_beside_zero_and_random_actions(card):
    rows = {row["policy"]: row for row in card["benchmark"]["episodes"]}
    assert rows.keys() >= {"zero actions", "random actions", card["policy"]}
    own = rows[card["policy"]]
    assert all(row["episodes"] >= 100 for row in rows.values()) and own["fall"] == 0.0 and own["success"] >= 0.9
    assert all(
        rows[name]["success_interval_high"] < own["success_interval_low"] for name in rows if name.endswith("actions")
    )


@pytest.mark.parametrize(("shipped", "episodes"), [(RUNNER, 6), (RISER, 24)], ids=["run", "reset"])
def test_the_a1_runs_without_a_fall_and_gets_up(shipped, episodes):
    run, config = load_run(shipped), config_of_run(shipped, 2)
    found = episode_benchmark.played(config, lambda env: run.act, episodes, SEEN_BY_NOBODY + 1000)
    assert found["fall"] == 0.0 and found["success"] >= 0.9
    if shipped == RUNNER:
        assert found["least_speed_mps"] >= 0.7 and found["time_s"] == pytest.approx(20.0)


@pytest.mark.parametrize("shipped", [ANT, ROBUST_ANT], ids=lambda path: path.name)
def test_the_ants_card_holds_what_it_reached_beside_zero_and_random_actions(card):
    rows = {row["policy"]: row for row in card["benchmark"]["successes"]}
    own = rows[card["policy"]]
    assert rows["zero"]["median_successes"] == rows["random"]["median_successes"] == 0
    assert own["episodes"] >= 64 and own["median_successes"] >= 4  # in 30 s
    assert card["wall_time_s"] < 600 and card["steps"] < 1.1e6


@pytest.mark.parametrize("failure", [{}, {"locked_joint": 4}, {"locked_joint": 5}], ids=str)
def test_the_robust_ant_walks_to_its_target_with_a_failed_joint(failure):
    reached = []
    for folder in (ANT, ROBUST_ANT):
        run = load_run(folder)
        env = run.make_env(4, num_threads=1, config={}, perturb_spec={"params": failure})
        observation, _ = env.reset(seed=SEEN_BY_NOBODY + 1000)
        for _ in range(300):  # 15 s; the robust ant needs 10
            observation, *_, info = env.step(run.act(observation))
        reached.append(info["is_success"].mean())
        env.close()
    assert reached[1] == 1.0 and reached[0] == (0.0 if failure else 1.0)


@pytest.mark.parametrize("shipped", [BIPED, ROBUST_BIPED], ids=lambda path: path.name)
def test_the_bipeds_card_holds_what_it_reached_beside_zero_and_random_actions(card):
    rows = {row["policy"]: row for row in card["benchmark"]["episodes"]}
    own = rows[card["policy"]]
    assert own["episodes"] >= 100 and own["fall_interval_high"] <= 0.05
    assert all(rows[name]["fall"] == 1.0 and rows[name]["success"] == 0.0 for name in ("zero actions", "random actions"))
    assert card["cpu_time_s"] < 45 * 60


def test_the_robust_bipeds_card_says_how_the_policy_was_trained_that_it_starts_from():
    (start,) = json.loads((ROBUST_BIPED / "card.json").read_text())["earlier"]
    assert start["command"].startswith(COMMANDS[BIPED]) and "--preset default" in start["command"]


def test_the_robust_biped_bears_lags_and_noise_in_which_the_other_one_falls():
    varied = {"variation": {"noise": (1.5, 1.5), "action_lag": (0.005, 0.04)}, "command_vx": (0.3, 0.3)}
    fallen = []
    for folder in (BIPED, ROBUST_BIPED):
        run = load_run(folder)
        env = run.make_env(16, num_threads=1, **run.env_kwargs | {"config": run.env_kwargs["config"] | varied})
        observation, _ = env.reset(seed=SEEN_BY_NOBODY + 1000)
        ended = np.zeros(16, bool)
        for _ in range(600):  # 6 s
            observation, _, terminated, _, _ = env.step(run.act(observation))
            ended |= terminated
        fallen.append(ended.mean())
        env.close()
    assert fallen[0] >= 0.8 and fallen[1] <= 0.1, fallen
