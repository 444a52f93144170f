"""Counting episodes of any environment, compared with counts by hand for any number of simulations."""

import gymnasium as gym
import numpy as np
import pytest
from scipy import stats

from algorithms.vec_env import BatchVecEnv, make_vector
from evaluation.episodes import evaluate_returns, interval_text, mean_interval, returns_table, summarise_returns

# Ways in which packages report a reached goal; each form gives the same result for an episode.
REPORTS = {
    "bool": lambda reached: {"is_success": reached},
    "numpy's bool": lambda reached: {"is_success": np.bool_(reached)},
    "float32": lambda reached: {"is_success": np.float32(reached)},
    "array of one": lambda reached: {"is_success": np.array([float(reached)])},
    "array of shape ()": lambda reached: {"is_success": np.array(reached)},
    "count": lambda reached: {"successes": 3 * int(reached)},
    "both": lambda reached: {"successes": 3 * int(reached), "is_success": reached},
    "only if reached": lambda reached: {"is_success": True} if reached else {},
    "text": lambda reached: {"is_success": "yes" if reached else "no"},
    None: lambda reached: {},
}


class Countdown(gym.Env):
    """Lasts as many steps as its seed, pays 1, 2, 3, ..., and terminates at the end if the seed is odd."""

    observation_space = gym.spaces.Box(-1, 1, (1,), np.float32)
    action_space = gym.spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self, report=None):
        self._report = REPORTS[report]

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._length, self._age = seed or 7, 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self._age += 1
        over = self._age == self._length
        terms = {"age": float(self._age), "nothing": 0.0}
        info = {"reward_terms": terms, "left": self._length - self._age}
        failed = self._length % 2 == 1
        info |= self._report(over and not failed) or {}
        return np.zeros(1, np.float32), float(self._age), over and failed, over and not failed, info


@pytest.fixture
def make():
    gym.register("Countdown-v0", entry_point=Countdown)
    yield lambda n, report=None: make_vector("Countdown-v0", n, report=report)
    del gym.registry["Countdown-v0"]


@pytest.mark.parametrize("num_envs", [1, 2, 5, 9])
def test_every_seed_is_played_once_to_its_own_end(make, num_envs):
    records = evaluate_returns(make(num_envs), lambda rows: np.zeros((num_envs, 1)), 6, 3)
    assert [record["seed"] for record in records] == [3, 4, 5, 6, 7, 8]
    assert [record["steps"] for record in records] == [3, 4, 5, 6, 7, 8]
    assert [record["return"] for record in records] == [6, 10, 15, 21, 28, 36]
    assert [record["terminated"] for record in records] == [True, False, True, False, True, False]


def test_the_summary_has_means_and_students_interval(make):
    summary = summarise_returns(evaluate_returns(make(2), lambda rows: np.zeros((2, 1)), 6, 3))
    assert (summary["return"], summary["steps"], summary["terminated"]) == (pytest.approx(116 / 6), 5.5, 0.5)
    low, high = stats.t.interval(0.95, 5, loc=116 / 6, scale=stats.sem([6, 10, 15, 21, 28, 36]))
    assert summary["return_interval"] == (pytest.approx(low), pytest.approx(high))
    assert f"| 19.3 | {low:.1f} to {high:.1f} | 6 | 50% | - |" in returns_table({"it": summary})


@pytest.mark.parametrize("report", sorted(REPORTS.keys() - {None, "text"}))
@pytest.mark.parametrize("num_envs", [1, 2])
def test_successes_are_those_of_each_episode_however_a_package_reports_them(report, num_envs, make):
    records = evaluate_returns(make(num_envs, report), lambda rows: np.zeros((num_envs, 1)), 6, 3)
    each = 3.0 if report in ("count", "both") else 1.0
    assert [record["successes"] for record in records] == [0, each, 0, each, 0, each]
    assert summarise_returns(records)["successes"] == each / 2


@pytest.mark.parametrize("report", ["text", None])
def test_what_is_no_number_is_no_report_of_success(report, make):
    records = evaluate_returns(make(2, report), lambda rows: np.zeros((2, 1)), 6, 3)
    assert not any("successes" in record for record in records)


@pytest.mark.parametrize("report", sorted(REPORTS.keys() - {None, "text", "only if reached"}))
def test_every_report_of_success_reaches_sb3(report, make):
    env = BatchVecEnv(make(2, report))
    env.seed(3)
    env.reset()
    ended = {}
    for _ in range(4):
        ended |= {i: info["is_success"] for i, info in enumerate(env.step(np.zeros((2, 1)))[3]) if "episode" in info}
    assert ended == {0: False, 1: True}


def test_one_value_tells_nothing_of_its_spread_and_equal_ones_everything():
    assert mean_interval([3.0]) == (-np.inf, np.inf) and interval_text((-np.inf, np.inf)) == "-"
    assert mean_interval([2.0, 2.0, 2.0]) == (2.0, 2.0)


def test_the_terms_of_an_episode_hold_its_last_step_though_gymnasium_tells_it_apart(make):
    env = BatchVecEnv(make(2))
    env.seed(3)
    env.reset()
    ended = {}
    for _ in range(4):
        infos = env.step(np.zeros((2, 1)))[3]
        ended |= {i: info["episode"] for i, info in enumerate(infos) if "episode" in info}
    assert [ended[i]["r"] for i in (0, 1)] == [6, 10]
    assert [ended[i]["terms"] for i in (0, 1)] == [{"age": 6, "nothing": 0}, {"age": 10, "nothing": 0}]
    assert [ended[i]["final"] for i in (0, 1)] == [{"left": 0}, {"left": 0}]
