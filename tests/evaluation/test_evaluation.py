"""Counting episodes of robots with known steps."""

import numpy as np
import pytest
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from evaluation.walk_tally import time_limit
from evaluation.walks import evaluate, gait_alone, success_table, summarise, table, wilson_interval, with_pooled

SPEEDS = {0: 1.0, 1: 0.5, 2: 1.0, 3: 2.0, 4: 1.0}  # m/s, by seed
FALLS = {2: 30, 3: 40}  # steps until the fall; seed 3 falls in the step that takes it to the goal
OFF_TILE = {5: 50}  # steps until the truncation
LIMIT = 120  # steps


class Runway(VectorEnv):
    """Robots with the speed of their seed, alternately 0.25 m/s faster and slower; 1/8 s per step, commanded 0.8 m/s."""

    def __init__(self, num_envs):
        self.control_dt = 1 / 8
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
        self.num_envs, self.seeds, self.seen = num_envs, [], []
        self.action_space = batch_space(Box(-1, 1, (2,), np.float32), num_envs)

    def reset(self, *, seed=None, options=None):
        self.seeds.append(seed)
        if options is None:
            self.own, mask = [*range(seed, seed + self.num_envs)], np.ones(self.num_envs, bool)
            self.speed, self.age, self.way = np.zeros((3, self.num_envs))
        else:
            mask = options["reset_mask"]
            self.own = [new if anew else own for own, new, anew in zip(self.own, seed, mask)]
        self.speed[mask] = np.array([SPEEDS.get(s, 1.0) for s in self.own])[mask]
        self.age[mask] = self.way[mask] = 0
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
            "heading_error": -self.way, "power": 8 * self.speed, "weight": np.full(self.num_envs, 5.0),
            "residual_rms": 0.001 * self.age, "past_limits": self.age % 10 == 0,
            "off_tile": self.age == [OFF_TILE.get(s, 0) for s in self.own],
        }  # fmt: skip
        fallen, cut = self.age == [FALLS.get(s, 0) for s in self.own], (self.age >= LIMIT) | info["off_tile"]
        self.speed[fallen | cut] = 1e3  # the next episode, which must not be counted
        self.age[fallen | cut] = self.way[fallen | cut] = 0
        return np.zeros((self.num_envs, 3)), np.full(self.num_envs, 2.0), fallen, cut, info


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
        assert record["max_tilt_deg"] == record["max_roll_deg"]
        assert record["max_heading_error_deg"] == pytest.approx(np.degrees(record["straight_distance_m"]))
        assert record["return"] == 2.0 * record["steps"]
        assert record["terrain_level"] == SPEEDS[record["seed"]] / 4


def test_who_neither_falls_nor_leaves_the_tile_survives_with_or_without_the_goal():
    records = played(6)
    assert [record["survived"] for record in records] == [True, True, False, False, True, False]
    assert (records[5]["steps"], records[5]["fall"], records[5]["success"]) == (50, False, False)


def test_transport_costs_energy_over_weight_times_distance():
    for record, speed in zip(played(), SPEEDS.values()):
        joule = 8 * speed * record["time_s"]
        assert record["cost_of_transport"] == pytest.approx(joule / (5.0 * record["straight_distance_m"]))


def test_the_costs_of_several_ways_are_those_of_all_ways_together():
    records = played()
    records[0] |= {"straight_distance_m": 0.0, "cost_of_transport": 40.0}  # nearly standing: 40 times 1 mm
    ways = [0.001, *(record["straight_distance_m"] for record in records[1:])]
    energies = [record["cost_of_transport"] * way for record, way in zip(records, ways)]
    assert summarise(records)["cost_of_transport"] == pytest.approx(sum(energies) / sum(ways))


def test_residuals_are_averaged_over_steps_and_steps_past_joint_limits_are_counted():
    for record in played():
        assert record["residual_rms_mm"] == pytest.approx((1 + record["steps"]) / 2)
        assert record["joint_limit_violations"] == record["steps"] // 10


def test_the_goal_can_be_nearer():
    assert [record["steps"] for record in played(goal=4.0, min_pace=0.5)] == [32, 64, 30, 16]


def test_who_is_slower_than_two_thirds_of_the_command_comes_too_late():
    quick, late, *_ = played(goal=4.0)
    assert (quick["success"], quick["steps"]) == (True, 32)
    assert (late["success"], late["fall"], late["survived"]) == (False, False, True)
    assert late["time_s"] == 7.5 == 4.0 / 0.8 * 1.5 and late["straight_distance_m"] == 3.75


@pytest.mark.parametrize(("command", "limit"), [(0.2, 75.0), (0.3, 50.0), (0.5, 30.0), (-0.5, 30.0), (0.0, np.inf)])
def test_the_time_for_a_way_follows_from_the_command(command, limit):
    assert time_limit(10.0, command) == pytest.approx(limit)


@pytest.mark.parametrize("num_envs", [1, 2, 3, 8])
def test_episode_e_has_seed_plus_e_however_many_are_played_at_once(num_envs):
    assert played(5, num_envs) == played(5, 5)
    assert [record["seed"] for record in played(5, num_envs, seed=30)] == [30, 31, 32, 33, 34]


def test_the_policy_sees_every_observation_and_the_gait_alone_adds_nothing():
    env, infos = Runway(2), []
    evaluate(env, gait_alone(env), 3, 0, on_step=infos.append)
    assert len(infos) == len(env.seen) == LIMIT
    np.testing.assert_array_equal(env.seen, np.zeros((LIMIT, 2, 2)))


def test_a_simulation_that_is_done_begins_the_next_episode_without_waiting_for_the_others():
    env = Runway(2)
    evaluate(env, gait_alone(env), 4, 0)  # 80, 120, 30 and 40 steps: the first simulation plays all but the second
    assert env.seeds == [0, [2, None], [3, None]] and len(env.seen) == 80 + 30 + 40


def test_a_summary_is_made_of_means_and_rates():
    records = played()
    summary = summarise(records)
    assert (summary["success"], summary["fall"], summary["episodes"]) == (0.25, 0.5, 4)
    assert summary["steps"] == (80 + 120 + 30 + 40) / 4 and "seed" not in summary
    assert summary["mean_speed_mps"] == pytest.approx((1.0 + 0.5 + 1.0 + 2.0) / 4)
    assert summary["fall_interval"] == pytest.approx((0.1500, 0.8500), abs=1e-4)
    assert "| gait | 25% (5% to 70%) | 50% | 50% | " in table({"gait": summary})


@pytest.mark.parametrize("k, n, low, high", [(8, 10, 0.4902, 0.9433), (0, 10, 0, 0.2775), (10, 10, 0.7225, 1)])
def test_wilsons_interval_has_known_ends(k, n, low, high):
    assert wilson_interval(k, n) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize("k, n", [(1, 3), (8, 10), (37, 64)])
def test_the_ends_of_wilsons_interval_are_rates_that_z_deviations_could_explain(k, n):
    for rate in wilson_interval(k, n, z=2.5):
        assert abs(k / n - rate) == pytest.approx(2.5 * np.sqrt(rate * (1 - rate) / n))


def test_success_over_all_kinds_is_pooled_over_their_episodes():
    rows = [{"level": 0.5, "kind": "rough", "success": 1.0, "episodes": 10, "success_interval": (0.72, 1.0)}]
    rows += [{"level": 0.5, "kind": "waves", "success": 0.4, "episodes": 10, "success_interval": (0.17, 0.69)}]
    both = with_pooled(rows, "kind", ("level",))
    assert both[:2] == rows and (both[2]["kind"], both[2]["level"], both[2]["episodes"]) == ("all", 0.5, 20)
    assert success_table(both, ("level",), "kind").splitlines() == [
        "| level | rough | waves | all |",
        "|---|---|---|---|",
        "| 0.5 | 100% (72% to 100%) | 40% (17% to 69%) | 70% (48% to 85%) |",  # Wilson's interval for 14 of 20, from a table
    ]


def test_a_robot_without_some_measurements_is_judged_without_their_entries():
    class Plain(Runway):
        """Reports what every walk must."""

        def step(self, actions):
            *transition, info = super().step(actions)
            return (
                *transition,
                {name: info[name] for name in ("forward_velocity", "commanded_velocity", "straight_distance")},
            )

    env = Plain(4)
    records = evaluate(env, gait_alone(env), 4, 0)
    missing = {"max_roll_deg", "max_tilt_deg", "cost_of_transport", "residual_rms_mm", "joint_limit_violations"}
    assert not missing & {*records[0]} and records[0]["distance_m"] == records[0]["straight_distance_m"] == 10.0
    shared = [{name: value for name, value in record.items() if name in records[0]} for record in played()]
    assert [record | {"distance_m": 0} for record in records] == [record | {"distance_m": 0} for record in shared]
    assert table({"robot": summarise(records)}).splitlines()[-1].endswith("| - | - | - |")
