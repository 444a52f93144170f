"""`benchmarks/successes.py` counts the successes of the episodes, and its results can be shipped."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ttest_rel

import train
from benchmarks.successes import SEEN_BY_NOBODY, interval, main, played, rate
from evaluation.baselines import random_actions
from run_folder.runs import load_policy, load_run
from training import ship_policy

SMALL = """--env CubeInHand-v0 --total-timesteps 64 --num-envs 2 --num-threads 1 --eval-every 0 --ppo.n-steps 32
--ppo.batch-size 64 --ppo.net-arch 4 --ppo.log-std-init -3 --seed 7""".split()
NEAR = "{success_angle: 2.5}"  # so wide that a hand that keeps still reaches targets


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "hand"
    assert train.main([*SMALL, "--env-kwargs", NEAR, "--start-angle", "3", "--run-dir", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def judged(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("judged")
    assert main(["--model", str(run), "--episodes", "3", "--num-threads", "1", "--out", str(out)]) == 0
    return out


def rows_of(folder):
    """Returns the rows of the evaluation by policy."""
    with (folder / "successes.csv").open(newline="") as file:
        return {row["policy"]: row for row in csv.DictReader(file)}


def by_hand(run, act):
    """Returns successes, steps and returns of the three evaluated episodes, (3, 3), counted step by step."""
    env = load_run(run).make_env(3)
    observation, counted = env.reset(seed=SEEN_BY_NOBODY)[0], np.zeros((3, 3))
    over = np.zeros(3, bool)
    for _ in range(1000):
        observation, reward, terminated, truncated, info = env.step(act(observation))
        counted[0, ~over] = info["successes"][~over]
        counted[1:, ~over] += np.stack([np.ones(3), reward])[:, ~over]
        over |= terminated | truncated
    assert over.all()
    return counted


def test_what_is_told_is_that_of_the_policys_own_episodes_beside_the_same_ones_of_still_hands(run, judged):
    rows = rows_of(judged)
    assert set(rows) == {"zero", "random", str(run)}
    successes, steps, returns = by_hand(run, load_run(run).act)
    own = {name: float(value) for name, value in rows[str(run)].items() if name != "policy"}
    assert own["successes_per_1000_steps"] == pytest.approx(1000 * successes.sum() / steps.sum()) and successes.sum() > 0
    assert own["median_successes"] == np.median(successes) and own["mean_steps"] == steps.mean()
    idle = by_hand(run, lambda observation: np.zeros((3, 12), np.float32))[2]
    pairs = ttest_rel(returns, idle).confidence_interval()
    assert own["return_above_zero"] == pytest.approx(np.mean(returns - idle), rel=1e-5) and np.ptp(returns - idle) > 0.01
    told = own["return_above_zero_interval_low"], own["return_above_zero_interval_high"]
    assert told == pytest.approx((pairs.low, pairs.high), rel=1e-4)


def test_the_interval_is_that_of_episodes_drawn_anew():
    successes, steps = np.array([0.0, 4.0, 8.0, 2.0] * 8), np.array([1000.0, 500.0, 1000.0, 250.0] * 8)
    generator = np.random.default_rng(1)
    drawn = generator.integers(32, size=(20_000, 32))
    low, high = np.quantile(1000 * successes[drawn].sum(1) / steps[drawn].sum(1), (0.025, 0.975))
    assert interval(successes, steps) == (pytest.approx(low, rel=0.03), pytest.approx(high, rel=0.03))
    assert rate(successes, steps) == pytest.approx(14 / 2.75) and interval(np.ones(1), np.ones(1)) == (-np.inf, np.inf)


def test_a_hands_policy_is_shipped_with_what_it_reached(run, judged, tmp_path):
    assert ship_policy.main([str(run), "--benchmark", str(judged), "--out", str(tmp_path / "shipped")]) == 0
    card = json.loads((tmp_path / "shipped" / "card.json").read_text())
    assert card["command"].startswith("python train.py --env CubeInHand-v0") and card["policy"] == str(run)
    assert [row["policy"] for row in card["benchmark"]["successes"]] == ["zero", "random", str(run)]
    seen = np.random.default_rng(0).normal(size=(20, 92))
    np.testing.assert_array_equal(load_policy(tmp_path / "shipped")(seen), load_policy(run)(seen))


def test_the_beginning_of_the_episodes_can_be_judged_alone(run, judged, tmp_path, capsys):
    command = ["--model", str(run), "--episodes", "3", "--num-threads", "1", "--out", str(tmp_path), "--episode-steps"]
    assert main([*command, "20"]) == 0
    with pytest.raises(SystemExit) as stop:
        main([*command, "0"])
    assert stop.value.code == 2 and capsys.readouterr().err.endswith(": episode_steps must be at least 1, got 0\n")
    whole_rows = rows_of(judged)
    for policy, short in rows_of(tmp_path).items():
        whole = whole_rows[policy]
        assert float(short["mean_steps"]) == 20 < float(whole["mean_steps"])
        assert float(short["mean_successes"]) <= float(whole["mean_successes"])


def test_randomised_robots_are_judged_on_the_nominal_physics_in_episodes_of_the_given_length():
    config = train.parse("--env RealAnt-v0 --preset dr --algo ppo --num-threads 1".split())
    assert config.env.variation.varies
    plain = replace(config, env=replace(config.env, variation=type(config.env.variation)()))
    found, wanted = (played(own, random_actions, 4, episode_steps=15) for own in (config, plain))
    np.testing.assert_array_equal(found["return"], wanted["return"])
    assert found["steps"].tolist() == [15.0] * 4


def test_what_tells_no_successes_is_one_sentence(tmp_path, capsys):
    small = "--env Pendulum-v1 --total-timesteps 64 --num-envs 2 --eval-every 0 --ppo.n-steps 32 --ppo.batch-size 64".split()
    assert train.main([*small, "--num-threads", "1", "--run-dir", str(tmp_path / "run")]) == 0
    capsys.readouterr()
    assert main(["--model", str(tmp_path / "run"), "--episodes", "1", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "successes: Pendulum-v1 reports no successes\n"
