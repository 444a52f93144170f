"""Counting episodes of robots whose every step is known beforehand."""

import numpy as np
import pytest
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from utils.evaluation import evaluate, gait_alone, summarise, table, wilson_interval

SPEEDS = {0: 1.0, 1: 0.5, 2: 1.0, 3: 2.0, 4: 1.0}  # m/s, by seed
FALLS = {2: 30, 3: 40}  # after how many steps; seed 3 falls in the very step that takes it to the goal
LIMIT = 120  # steps


class Runway(VectorEnv):
    """Robots at the speed of their seed, 0.25 m/s faster and slower in turn; 1/8 s a step, commanded 0.8 m/s."""

    def __init__(self, num_envs):
        self.metadata = {"render_fps": 8, "autoreset_mode": AutoresetMode.SAME_STEP}
        self.num_envs, self.seeds, self.seen = num_envs, [], []
        self.action_space = batch_space(Box(-1, 1, (2,), np.float32), num_envs)

    def reset(self, *, seed=None, options=None):
        self.seeds.append(seed)
        self.own = range(seed, seed + self.num_envs)
        self.speed = np.array([SPEEDS.get(s, 1.0) for s in self.own])
        self.age, self.way = np.zeros(self.num_envs, int), np.zeros(self.num_envs)
        return np.zeros((self.num_envs, 3)), {}

    def step(self, actions):
        self.seen.append(actions)
        self.age += 1
        speed = self.speed + np.where(self.age % 2, 0.25, -0.25)
        self.way += speed / 8
        info = {
            "forward_velocity": speed, "commanded_velocity": np.full(self.num_envs, 0.8),
            "distance": self.way * 0.9, "straight_distance": self.way.copy(), "terrain_level": self.speed / 4,
            "roll": np.where(self.age == 7, -0.5, 0.1), "pitch": np.full(self.num_envs, 0.2),
            "heading_error": -self.way,
        }  # fmt: skip
        fallen, late = self.age == [FALLS.get(s, 0) for s in self.own], self.age >= LIMIT
        self.speed[fallen | late] = 1e3  # the next episode, whose numbers must not count
        self.age[fallen | late] = self.way[fallen | late] = 0
        return np.zeros((self.num_envs, 3)), np.full(self.num_envs, 2.0), fallen, late, info


def played(episodes=4, num_envs=4, seed=0, **arguments):
    env = Runway(num_envs)
    return evaluate(env, gait_alone(env), episodes, seed, **arguments)


def test_an_episode_that_reaches_the_goal_is_a_success_and_ends_there():
    record = played()[0]
    assert record["success"] is True and record["fall"] is False
    assert (record["steps"], record["time_s"]) == (80, 10.0)
    assert record["straight_distance_m"] == 10.0 and record["distance_m"] == pytest.approx(9.0)


def test_an_episode_that_is_cut_is_neither_success_nor_fall():
    record = played()[1]
    assert (record["success"], record["fall"], record["steps"]) == (False, False, LIMIT)
    assert record["straight_distance_m"] == 0.5 * 15


def test_a_fall_ends_an_episode_and_is_no_success_even_at_the_goal():
    early, late = played()[2:]
    assert (early["success"], early["fall"], early["steps"]) == (False, True, 30)
    assert (late["success"], late["fall"], late["steps"]) == (False, True, 40)
    assert late["straight_distance_m"] == 10.0


def test_speeds_and_their_errors_are_means_over_the_episodes_own_steps():
    for record, speed in zip(played(), SPEEDS.values()):
        assert record["mean_speed_mps"] == pytest.approx(speed)
        assert record["commanded_mps"] == 0.8 and record["speed_error_mps"] == pytest.approx(speed - 0.8)
        assert record["speed_rmse_mps"] == pytest.approx(np.sqrt((speed - 0.8) ** 2 + 0.25**2))


def test_angles_are_the_largest_of_either_sign_and_rewards_are_summed():
    for record in played():
        assert record["max_roll_deg"] == pytest.approx(np.degrees(0.5))
        assert record["max_pitch_deg"] == pytest.approx(np.degrees(0.2))
        assert record["max_heading_error_deg"] == pytest.approx(np.degrees(record["straight_distance_m"]))
        assert record["return"] == 2.0 * record["steps"]
        assert record["terrain_level"] == SPEEDS[record["seed"]] / 4


def test_the_goal_can_be_nearer():
    assert [record["steps"] for record in played(goal=4.0)] == [32, 64, 30, 16]


@pytest.mark.parametrize("num_envs", [1, 2, 3, 8])
def test_episode_e_has_seed_plus_e_however_many_are_played_at_once(num_envs):
    assert played(5, num_envs) == played(5, 5)
    assert [record["seed"] for record in played(5, num_envs, seed=30)] == [30, 31, 32, 33, 34]


def test_the_policy_sees_every_observation_and_the_gait_alone_adds_nothing():
    env, infos = Runway(2), []
    evaluate(env, gait_alone(env), 3, 0, on_step=infos.append)
    assert env.seeds == [0, 2] and len(infos) == len(env.seen) == LIMIT + 40
    np.testing.assert_array_equal(env.seen, np.zeros((LIMIT + 40, 2, 2)))


def test_a_summary_is_made_of_means_and_rates():
    records = played()
    summary = summarise(records)
    assert (summary["success"], summary["fall"], summary["episodes"]) == (0.25, 0.5, 4)
    assert summary["steps"] == (80 + 120 + 30 + 40) / 4 and "seed" not in summary
    assert summary["mean_speed_mps"] == pytest.approx((1.0 + 0.5 + 1.0 + 2.0) / 4)
    assert summary["fall_interval"] == pytest.approx((0.1500, 0.8500), abs=1e-4)
    assert "| gait | 25% (5% to 70%) | 50% |" in table({"gait": summary})


@pytest.mark.parametrize("k, n, low, high", [(8, 10, 0.4902, 0.9433), (0, 10, 0, 0.2775), (10, 10, 0.7225, 1)])
def test_wilsons_interval_has_known_ends(k, n, low, high):
    assert wilson_interval(k, n) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize("k, n", [(1, 3), (8, 10), (37, 64)])
def test_the_ends_of_wilsons_interval_are_rates_that_z_deviations_could_explain(k, n):
    for rate in wilson_interval(k, n, z=2.5):
        assert abs(k / n - rate) == pytest.approx(2.5 * np.sqrt(rate * (1 - rate) / n))
