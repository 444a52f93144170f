"""The study of the biped: methods are valid trainings, conditions say what they change, a cell counts what it says."""

import csv
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import mujoco
import numpy as np
import pytest
from scipy import stats

import train
from algorithms.vec_env import make_vector
from benchmarks.biped_study import BASELINE, CONDITIONS, METHODS, MILD_SHARE, STUDIED, nominal, part_of
from benchmarks.biped_table import main
from benchmarks.study_trainings import Training, options
from envs.biped.config import BipedConfig
from envs.biped.scene import SIDES
from envs.biped.variation import TRAINING_VARIATION
from evaluation.study.conditions import Condition
from evaluation.study.stepping import METRICS, StepTally, command_cell, measured
from tests.helpers.refusals import refusal
from utils.config import as_plain

BY_NAME = {condition.name: condition for condition in CONDITIONS}
TRAINED = {"config": as_plain(BipedConfig(variation=TRAINING_VARIATION, max_tilt=0.8, action_scale=1.5)), "frames": 2}
SEED = 1_500_003
MILD = part_of(TRAINING_VARIATION, MILD_SHARE)


class Trained:
    """A policy with the environment of a training on randomised robots; it swings its left leg without looking."""

    env_kwargs = TRAINED

    def __init__(self, size=0.25):
        self.size, self.steps = size, 0

    def make_env(self, num_envs, num_threads=1, **arguments):
        self.steps = 0
        return make_vector(f"envs:{STUDIED}", num_envs, num_threads, **arguments)

    def act(self, observation):
        self.steps += 1
        swing = self.size * np.sin(0.5 * self.steps) * np.array([-1, 0, 0, 1, -1, 0])
        return np.tile([*swing, *np.zeros(6)], (len(observation), 1))


def config_of(name):
    (method,) = (method for method in METHODS if method.name == name)
    config = train.parse(options(Training(method, 1), STUDIED, 12_000_000, Path()))
    config.check_new()
    return config


def env_of(condition, n=2):
    return Trained().make_env(n, **{**nominal(TRAINED), **condition.arguments})


def test_each_method_differs_from_the_baseline_in_what_it_is_named_for():
    found = {method.name: config_of(method.name) for method in METHODS}
    networks = {name: config.asymmetric_ppo for name, config in found.items()}
    frames = {name: config.env_kwargs["frames"] for name, config in found.items()}
    mild, pretrained = replace(BipedConfig().variation, **MILD), {"nominal", "varied"}
    assert {name for name, config in found.items() if config.env.variation != mild} == pretrained
    assert found["varied"].env.variation == TRAINING_VARIATION
    assert found["varied"].env.weights == found["nominal"].env.weights
    starts = {name: config.start_from for name, config in found.items() if config.start_from}
    assert starts == {"varied": Path("nominal_seed_1")}
    assert frames == dict.fromkeys(found, 66) | {"frames_5": 5, "frames_1": 1}
    assert {name for name, own in networks.items() if not own.estimate} == {"no_estimator", "true_velocity"}
    assert {name for name, own in networks.items() if own.encoder == "none"} == {"frames_5", "frames_1"}
    assert {name for name, own in networks.items() if own.critic_reads != "privileged"} == {"same_critic"}
    assert {name for name, config in found.items() if config.env.observe_linvel} == {"true_velocity"}
    assert found[BASELINE].privileged_frames == 3
    lengths = {name: config.total_timesteps for name, config in found.items()}
    assert lengths == dict.fromkeys(found, 6_000_000) | {"nominal": 12_000_000, "varied": 9_000_000}
    assert found["varied"].variation_rise == 3_600_000


def test_the_mild_randomisation_is_what_a_curriculum_has_at_this_share():
    task = Trained().make_env(2, config=BipedConfig(variation=TRAINING_VARIATION)).unwrapped.task
    task.set_variation_scale(MILD_SHARE)
    drawn, pushes = task.randomisation._drawn, task.randomisation.pushes
    assert len(drawn) > 12
    for name, ends in drawn.items():
        assert MILD[name] == pytest.approx(ends), name
    others = {"push_speed": pushes.speed, "push_turn": pushes.turn, "motor_offset": task._largest_offset}
    same = {name: getattr(TRAINING_VARIATION, name) for name in ("push_duration", "push_interval")}
    assert {name: MILD[name] for name in MILD.keys() - drawn.keys()} == pytest.approx(others | same)


def test_a_condition_has_one_command_and_nothing_of_the_training_s_randomisation_but_its_own():
    for name, condition in BY_NAME.items():
        env = env_of(condition)
        config = env.unwrapped.config
        env.close()
        assert not config.command_segments.enabled and config.max_tilt == BipedConfig().max_tilt
        assert config.action_scale == 1.5
        assert config.variation.varies is (condition.reach == "in"), name
    varied = {name: env_of(own).unwrapped.config.variation for name, own in BY_NAME.items() if own.reach == "in"}
    assert varied.pop("mild_walk") == replace(BipedConfig().variation, **MILD)
    assert varied["varied_walk"] == varied["varied_stand"] == TRAINING_VARIATION
    centred = dict.fromkeys(("mass_offset_x", "mass_offset_y", "mass_offset_z"), (0.0, 0.0))
    assert varied.pop("no_offsets") == replace(TRAINING_VARIATION, **centred) != TRAINING_VARIATION
    parts = [as_plain(varied[name]) for name in varied if not name.startswith("varied")]
    nothing, everything = as_plain(BipedConfig().variation), as_plain(TRAINING_VARIATION)
    for name, value in everything.items():  # each field is in one part
        assert [part[name] for part in parts if part[name] != nothing[name]] == [value] * (value != nothing[name]), name


def test_single_commands_are_at_the_ends_of_the_trained_ranges():
    wanted = {"forward": (0.8, 0, 0), "backward": (-0.4, 0, 0), "left": (0, 0.2, 0), "turn": (0, 0, 0.4), "stand": (0, 0, 0)}
    for name, command in wanted.items():
        env = env_of(BY_NAME[name])
        env.reset(seed=3)
        np.testing.assert_allclose(env.unwrapped.task.command.value, [command] * 2)
        env.close()


def test_feet_are_measured_as_plain_mujoco_measures_them():
    steps, condition = 50, Condition("ahead", "ahead", "", BY_NAME["forward"].arguments | {"start_spread": 0.1})
    found = command_cell(Trained(), condition, nominal, 1, steps + 1, SEED)
    assert tuple(found) == METRICS
    run = Trained()
    env = run.make_env(1, **{**nominal(TRAINED), **condition.arguments})
    observation, _ = env.reset(seed=SEED)
    task, contacts, speeds = env.unwrapped.task, [], []
    model = task.sim.get_model(0)
    data, feet = mujoco.MjData(model), [model.body(f"{side}_ankle_roll").id for side in SIDES]
    for _ in range(steps):
        observation, *_ = env.step(run.act(observation))
        data.qpos[:], data.qvel[:], data.ctrl[:] = (task.sim.bind(name)[0] for name in ("qpos", "qvel", "ctrl"))
        mujoco.mj_forward(model, data)
        contacts.append([normal_force(model, data, foot) > 5.0 for foot in feet])
        speeds.append([np.linalg.norm(data.sensor(f"{side}_foot_vel").data) for side in SIDES])
    contacts, speeds = np.array(contacts), np.array(speeds)
    left, right = contacts.mean(0)  # the sensors of the environment are those of the last physics step, 2.5 ms earlier
    assert found["left_duty"] == pytest.approx(left, abs=0.06) and found["right_duty"] == pytest.approx(right, abs=0.06)
    assert left < 0.9 < right and found["slip_mps"] == pytest.approx(speeds[contacts].mean(), rel=0.1)
    env.close()


class Steps(StepTally):
    """Counts the steps of one robot whose feet do what `steps` lists: contacts, landings, heights (m), speeds (m/s)."""

    def __init__(self, steps):
        super().__init__(1, 0.01, SimpleNamespace())
        self.begin({0: SEED})
        names = ("forward_velocity", "lateral_velocity", "yaw_rate", "commanded_velocity", "commanded_lateral_velocity")
        info = dict.fromkeys((*names, "commanded_yaw_rate", "straight_distance"), np.zeros(1)) | {"stands": np.ones(1, bool)}
        for i, (contact, landed, height, speed) in enumerate(steps):
            feet, ends = self._feet, np.array([i == len(steps) - 1])
            feet.contact, feet.landed = np.array([contact], bool), np.array([landed], bool)
            feet.sole, feet.speed = np.zeros((1, 2, 3)), np.array([speed], float)
            feet.sole[0, :, 2] = height
            self.add(np.zeros(1), np.zeros(1, bool), ends, info)


def test_the_height_of_a_step_is_the_highest_point_of_its_sole():
    ground = ((1, 1), (0, 0), (0.0, 0.0), (0.1, 0.3))
    left_up = [((0, 1), (0, 0), (height, 0.0), (2.0, 0.0)) for height in (0.03, 0.05, 0.02)]
    right_up = [((1, 0), (0, 0), (0.0, height), (0.0, 2.0)) for height in (0.02, 0.03)]
    left_down, right_down = ((1, 1), (1, 0), (0.0, 0.0), (0.4, 0.0)), ((1, 1), (0, 1), (0.0, 0.0), (0.0, 0.0))
    low = ((0, 1), (0, 0), (0.01, 0.0), (2.0, 0.0))
    steps = [ground, *left_up, left_down, *right_up, right_down, low, left_down, low]  # the last step is not counted
    (record,) = Steps(steps).records(np.array([0]))
    assert record["swing_height_m"] == pytest.approx((0.05 + 0.03 + 0.01) / 3)
    assert (record["left_duty"], record["right_duty"]) == (6 / 10, 8 / 10)
    assert record["slip_mps"] == pytest.approx((0.1 + 0.3 + 0.4 + 0.4) / 14) and record["steps"] == 11


def normal_force(model, data, body):
    """Returns the sum of the normal forces on the geoms of a body, N."""
    total, force = 0.0, np.zeros(6)
    for index in range(data.ncon):
        if body in model.geom_bodyid[list(data.contact[index].geom)]:
            mujoco.mj_contactForce(model, data, index, force)
            total += force[0]
    return total


@pytest.mark.parametrize(
    ("changes", "stands", "wanted"),
    [
        ({}, False, True),
        ({"fall": True}, False, False),
        ({"speed_error_mps": -0.08, "lateral_error_mps": 0.08}, False, False),
        ({"yaw_rate_error": -0.16}, False, False),
        ({"straight_distance_m": 1.2}, False, True),
        ({"straight_distance_m": 1.2}, True, False),
        ({"straight_distance_m": 0.9}, True, True),
    ],
)
def test_a_success_follows_its_command_and_stands_where_it_is(changes, stands, wanted):
    record = {
        "fall": False,
        "speed_error_mps": 0.08,
        "lateral_error_mps": -0.05,
        "yaw_rate_error": 0.1,
        "straight_distance_m": 0.0,
        "time_s": 20.0,
    }
    assert measured(record | changes, stands)["success"] is wanted


def test_a_robot_that_falls_is_no_success_and_lifts_no_foot_in_one_step():
    fallen = command_cell(Trained(0.0), BY_NAME["stand"], nominal, 2, 600, SEED)
    assert fallen["fall"] == 1.0 and fallen["success"] == 0.0
    first = command_cell(Trained(0.0), BY_NAME["stand"], nominal, 2, 2, SEED)
    assert first["swing_height_m"] is None and first["left_duty"] == 1.0


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ("--only smooth", "invalid choice 'smooth'"),
        ("--groups friction", "invalid choice 'friction'"),
        ("--no-evaluation --groups walk", "--groups has no effect: --no-evaluation evaluates nothing"),
        ("--tables-from nowhere.csv", "biped_table: cannot read nowhere.csv"),
    ],
)
def test_an_option_that_is_wrong_or_has_no_effect_is_one_sentence(argv, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert words in refusal(main, argv, capsys)


def test_differences_are_those_of_paired_trainings_in_cm_per_s(tmp_path, capsys):
    lines = Path("docs/biped.csv").read_text().splitlines()
    rows = [row for row in csv.DictReader(lines) if row["method"] in ("nominal", "varied")]
    left = [row for row in rows if row["condition"] == "left"]
    errors = {(row["method"], row["seed"]): 100 * float(row["velocity_error_mps"]) for row in left}
    differences = [errors["nominal", seed] - errors["varied", seed] for seed in "123"]
    interval = stats.t.interval(0.95, 2, np.mean(differences), stats.sem(differences))
    with (tmp_path / "results.csv").open("w") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(row | {"method": {"varied": BASELINE}.get(row["method"], row["method"])} for row in rows)
    assert main(["--tables-from", str(tmp_path / "results.csv")]) == 0
    table = capsys.readouterr().out.split("## Difference of the velocity error (cm/s) from")[1]
    (row,) = (line for line in table.splitlines() if line.startswith("| left |"))
    found = [float(number) for number in re.findall(r"[-+]\d+\.\d\d", row)]
    np.testing.assert_allclose(found, [np.mean(differences), *interval], atol=0.006)
