"""The study of the A1's run: methods are valid trainings, conditions say what they change, a cell counts what it says."""

from pathlib import Path

import numpy as np
import pytest

import train
from algorithms.vec_env import make_vector
from benchmarks.a1_table import CONDITIONS, METHODS, STUDY, main, nominal
from benchmarks.study_trainings import Training, options
from envs.a1.config import A1Config
from envs.a1.variation import DR_VARIATION
from evaluation.study.conditions import Condition
from evaluation.study.running import METRICS, run_cell
from tests.helpers.refusals import refusal
from utils.config import as_plain

ROOT = Path(__file__).parents[2]
BY_NAME = {condition.name: condition for condition in CONDITIONS}
TRAINED = {"config": as_plain(A1Config(task_name="locomotion-dr"))}


class Trained:
    """A policy of constant actions with the environment of a training on randomised robots."""

    env_kwargs = TRAINED

    def make_env(self, num_envs, num_threads=1, **arguments):
        return make_vector(f"envs:{STUDY.env_id}", num_envs, num_threads, **arguments)

    def act(self, observation):
        return np.zeros((len(observation), 12))


def model_of(name):
    """Returns the models of two robots under a condition."""
    env = Trained().make_env(2, **{**nominal(TRAINED), **BY_NAME[name].arguments})
    env.reset(seed=3)
    return [env.unwrapped.task.sim.get_model(index) for index in range(2)]


def test_each_method_is_a_training_that_differs_only_in_the_randomised_robots():
    plain, dr = (train.parse(options(Training(method, 1), STUDY.env_id, 9, Path())) for method in METHODS)
    assert dr.env.variation == DR_VARIATION and plain.env.variation == A1Config().variation
    assert plain.env.command_vx == dr.env.command_vx == (0.8, 0.8) and plain.algo == dr.algo


def test_a_condition_is_in_where_the_randomised_training_meets_it():
    assert {name for name, own in BY_NAME.items() if own.reach == "in"} == {
        *("mass_0.8", "mass_1.2", "friction_0.5", "friction_1.25", "servo_strength_0.8", "servo_strength_1.2", "latency_1")
    }


FACTORS = {
    "mass_1.4": ("body_mass", slice(None)),
    "servo_strength_0.6": ("actuator_forcerange", slice(None)),
    "friction_0.3": ("geom_friction", np.s_[:, 0]),
    "servo_damping_0.4": ("actuator_biasprm", np.s_[:, 2]),
}


def test_a_condition_changes_the_nominal_robot_in_one_factor():
    clean = model_of("clean")[0]
    for name, (field, _) in FACTORS.items():
        for model in model_of(name):
            for other, part in FACTORS.values():
                factor = float(name.rpartition("_")[2]) if other == field else 1.0
                np.testing.assert_allclose(getattr(model, other)[part], factor * getattr(clean, other)[part])


def test_a_success_is_an_episode_without_a_fall_at_the_speed():
    common = {"nominal": nominal, "episodes": 2, "episode_steps": 12, "seed": 1_500_003}
    slow = run_cell(Trained(), BY_NAME["clean"], least_speed=0.7, **common)
    assert tuple(slow) == METRICS and slow["success"] == 0.0 and slow["fall"] == 0.0 and abs(slow["mean_speed_mps"]) < 0.2
    assert run_cell(Trained(), BY_NAME["clean"], least_speed=-1.0, **common)["success"] == 1.0
    fallen = run_cell(Trained(), Condition("tilt", "tilt", "out", {"max_tilt": 1e-4}), least_speed=-9.0, **common)
    assert fallen["fall"] == 1.0 and fallen["success"] == 0.0


def test_the_page_shows_the_tables_of_its_csv(capsys):
    assert main(["--tables-from", str(ROOT / "docs" / "a1_table.csv")]) == 0
    table = capsys.readouterr().out.partition("## Every condition")[2].partition("## ")[0].strip()
    assert table.count("\n") == 1 + len(CONDITIONS) and table in (ROOT / "docs" / "robots.md").read_text()


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ("--only smooth", "invalid choice 'smooth'"),
        ("--groups friction", "invalid choice 'friction'"),
        ("--no-evaluation --groups clean", "--groups has no effect: --no-evaluation evaluates nothing"),
        ("--tables-from nowhere.csv", "a1_table: cannot read nowhere.csv"),
    ],
)
def test_an_option_that_is_wrong_or_has_no_effect_is_one_sentence(argv, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert words in refusal(main, argv, capsys)
