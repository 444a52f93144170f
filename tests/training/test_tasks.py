"""Every id has a row: its judge, baselines, presets and curriculum are known wherever a program asks for them."""

import json
from dataclasses import fields, replace

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.callbacks import BaseCallback

import play_residual_policy
import train
from envs.locomotion.terrain import TerrainConfig
from evaluation import walk_judge
from evaluation.judges import RETURNS, SUCCESSES, Judge, Scene, Setting
from evaluation.walk_judge import WalkJudge, as_walk_judge
from run_folder import records
from run_folder.records import read_env
from tests.envs.test_registered_envs import every_id
from training import command_line
from training.ship_policy import POLICIES
from training.tasks import ANY, TASKS, WALK, TaskRow, find_task
from utils.config import as_plain
from utils.monitor_training import read_scalars

SMALL = """--total-timesteps 128 --num-envs 2 --eval-every 64 --eval-episodes 2 --ppo.n-steps 32 --ppo.batch-size 64
--ppo.net-arch 4 --num-threads 1""".split()


class Levels(BaseCallback):
    """A curriculum that counts its steps."""

    count = 0

    @property
    def state(self):
        return {"count": self.count}

    def restore(self, state):
        self.count = state["count"]

    def _on_step(self):
        self.count += 1
        self.logger.record("curriculum/count", self.count)
        return True


def test_the_longest_prefix_of_an_id_counts_and_other_ids_have_the_general_row(monkeypatch):
    assert find_task("ResidualWalk-v0") is WALK and find_task("RWRLWalkerWalk-v0") is TASKS["RWRL"]
    assert find_task("Pendulum-v1") is find_task("some.package:RWRLOther-v0") is ANY
    row = TaskRow()
    monkeypatch.setitem(TASKS, "RWRLWalker", row)
    assert find_task("RWRLWalkerWalk-v0") is row and find_task("RWRLCartpoleSwingup-v0") is TASKS["RWRL"]


def test_a_row_that_is_added_decides_presets_curriculum_judge_and_score(monkeypatch, tmp_path):
    judge = Judge(score=("steps",), logged=("steps", "terminated"))
    row = TaskRow(judge, presets={"quick": {"ppo": {"gamma": 0.5}}}, curriculum=lambda config: Levels())
    monkeypatch.setitem(TASKS, "Toy-v0", row)
    run = tmp_path / "run"
    assert train.main(["--env", "Toy-v0", "--preset", "quick", *SMALL, "--run-dir", str(run)]) == 0
    assert records.read_run_config(run)["ppo"]["gamma"] == 0.5
    scalars = read_scalars(run)
    assert scalars["curriculum/count"][1] == [32.0, 64.0] and "eval/return" not in scalars
    assert set(scalars["eval/best_steps"][1]) == {100.0} and "eval/terminated" in scalars
    with pytest.raises(ValueError, match="no preset of Pendulum-v1 is called 'quick'"):
        command_line.starting_from("quick", "Pendulum-v1", {})


@every_id
def test_every_id_has_a_judge_whose_baselines_run(env_id):
    judge = find_task(env_id).judge
    if judge.fixed_length:
        ten_steps = 10 * gym.make(env_id).unwrapped.control_dt
        judge = replace(judge, time=ten_steps, steered_time=ten_steps)
    arguments = {} if judge.fixed_length else {"max_episode_steps": 10}
    walks = env_id in ("ResidualWalk-v0", "AdaptiveWalk-v0")
    assert list(judge.baselines) == ["gait alone"] * walks + ["zero", "random"]
    env = judge.evaluation_env(Setting(env_id, arguments, 1), 2, 1_000_003, nominal=True)
    returns = {}
    for name in judge.baselines:
        records = judge.evaluate(env, judge.baseline(name, env), 2, 1_000_003)
        assert [record["steps"] for record in records] == [10, 10] and {*judge.score} <= {*judge.summarise(records)}
        assert judge.table({name: judge.summarise(records)}).count("\n") == 2
        returns[name] = [record["return"] for record in records]
    env.close()
    assert np.isfinite([*returns.values()]).all() and returns["zero"] != returns["random"]
    assert not walks or returns["gait alone"] == returns["zero"]


def test_discrete_actions_have_baselines_too():
    env = RETURNS.evaluation_env(Setting("CartPole-v1", {"max_episode_steps": 20}), 3, 0)
    assert not RETURNS.baseline("zero", env)(None).any() and RETURNS.baseline("zero", env)(None).shape == (3,)
    drawn = np.array([RETURNS.baseline("random", env)(None) for _ in range(2)])
    np.testing.assert_array_equal(*drawn)
    policy = RETURNS.baseline("random", env)
    assert {int(action) for _ in range(20) for action in policy(None)} == {0, 1}
    with pytest.raises(ValueError, match="no baseline is called 'gait alone': there are zero, random"):
        RETURNS.baseline("gait alone", env)
    env.close()


@pytest.mark.parametrize("name", ["ResidualWalk-v0", "AdaptiveWalk-v0"])
def test_a_run_is_judged_on_the_task_that_its_training_had(name):
    config = command_line.config_of_run(POLICIES / name, 1)
    assert WALK.judge.task(Setting(*read_env(POLICIES / name))) == replace(config.env, terrain_scale=1.0)
    plain = Setting(name, as_plain({"config": config.env}))
    assert WALK.judge.task(plain) == config.env == WALK.judge.task(Setting(name, as_plain(config.env)))


def test_evaluations_of_a_walk_have_terrain_of_the_seed_at_the_hardest_level_and_a_nominal_robot():
    config = command_line.starting_from("default", "ResidualWalk-v0", {"level": 0.6, "num_threads": 1})
    for nominal in (False, True):
        env = config.make_evaluation_env(2, 1_000_003, nominal)
        task = env.unwrapped.config
        assert (task.terrain.seed, task.terrain.levels, task.terrain_scale) == (1_000_003, (0.6,), 1.0)
        assert task.variation.varies is not nominal and task.terrain.kinds == config.env.terrain.kinds
        env.close()


@pytest.mark.parametrize("name", ["RealAnt-v0", "A1-v0", "Biped-v0"])
def test_evaluations_have_terrain_of_their_seed_and_no_training_has_it(name):
    rough = {"env": {"terrain": {"kinds": ("rough",), "seed": 7}}}
    config = command_line.starting_from("default", name, rough)
    config.check_seeds()
    plain = {"terrain": as_plain(config.env.terrain)}
    settings = [Setting(name, arguments) for arguments in ({"config": config.env}, {"config": plain}, plain)]
    for env in (
        config.make_evaluation_env(1, 1_000_003),
        config.make_evaluation_env(1, 1_000_003, nominal=True),
        *(config.task.judge.play_env(setting, Scene(), 1, 1_000_003) for setting in settings),
    ):
        assert env.unwrapped.config.terrain.seed == 1_000_003 and env.unwrapped.config.terrain.kinds == ("rough",)
        env.close()
    rough["env"]["terrain"]["seed"] = 1_000_003
    with pytest.raises(ValueError, match=r"env\.terrain\.seed must not be 1,000,003"):
        command_line.starting_from("default", name, rough).check_seeds()


@pytest.mark.parametrize("kind", ["flat", "rough"])
def test_a_scene_and_an_evaluation_keep_the_sizes_of_the_robots_terrain(kind):
    sizes = {"size": 5.0, "spacing": 0.1, "footprint": (0.8, 0.6), "length": 8.0, "width": 6.0}
    setting = Setting("ResidualWalk-v0", {"terrain": {"kinds": (kind,), "levels": (0.5,), **sizes}})
    played = WALK.judge.play_task(setting, Scene(kind, 1.0), 3).terrain
    assert played == TerrainConfig((kind,), (1.0,), 3, **{**sizes, "length": 12.5})  # 10 m are walked
    env = WALK.judge.evaluation_env(setting, 1, 4)
    assert env.unwrapped.config.terrain == TerrainConfig((kind,), (1.0,), 4, **sizes)
    env.close()


@pytest.mark.parametrize(
    ("arguments", "scene", "chosen"),
    [
        ({}, Scene(), Scene("flat", 1.0, 0.3)),
        ({"terrain": {"kinds": ("stairs", "rough"), "levels": (0.2, 0.9)}}, Scene(), Scene("rough", 0.9, 0.3)),
        ({"terrain": {"kinds": ("waves", "slope")}, "terrain_scale": 0.6}, Scene(), Scene("waves", 0.6, 0.3)),
        ({"terrain": {"kinds": ("waves",)}}, Scene("stairs", 0.2, 0.1, 0.2), Scene("stairs", 0.2, 0.1, 0.2)),
        ({"command_vx": (0.6, 0.8)}, Scene("rough"), Scene("rough", 1.0, 0.6)),
        ({"command_vx": (-0.5, 0.2)}, Scene(command=0.4), Scene("flat", 1.0, 0.4)),
    ],
)
def test_a_scene_without_conditions_is_that_of_the_training(arguments, scene, chosen):
    assert WALK.judge.chosen(Setting("ResidualWalk-v0", arguments), scene) == chosen
    config = WALK.judge.play_task(Setting("ResidualWalk-v0", arguments), scene, 3)
    assert (config.terrain.kinds, config.terrain.levels) == ((chosen.terrain,), (chosen.level,))
    assert config.command_vx == (chosen.command,) * 2


def test_only_walks_are_walks_and_only_they_have_terrain():
    assert as_walk_judge(WALK.judge, "ResidualWalk-v0") is WALK.judge
    with pytest.raises(ValueError, match="CubeInHand-v0 does not follow a commanded"):
        as_walk_judge(SUCCESSES, "CubeInHand-v0")
    assert {*SUCCESSES.idle(Setting("CubeInHand-v0"), Scene())} == {field.name for field in fields(Scene)}
    assert WALK.judge.idle(Setting("ResidualWalk-v0"), Scene("rough")) == {}
    assert {*WALK.judge.idle(Setting("ResidualWalk-v0"), Scene("flat"))} == {"level"}
    assert isinstance(find_task("AdaptiveWalk-v0").judge, WalkJudge)


@pytest.mark.parametrize(
    ("name", "options"), [("ResidualWalk-v0", "--terrain flat --command 0.5"), ("CubeInHand-v0", "--seed 1")]
)
def test_playing_a_policy_reads_env_json_once(name, options, monkeypatch, tmp_path):
    monkeypatch.setattr(walk_judge, "GOAL_DISTANCE", 0.2)  # m
    reads, read = [], records.read_json
    monkeypatch.setattr(records, "read_json", lambda path: reads.append(path.name) or read(path))
    command = f"--model {POLICIES / name} --no-render --episodes 1 --json {tmp_path / 'out.json'} {options}"
    assert play_residual_policy.main(command.split()) == 0
    assert reads == ["env.json"] and len(json.loads((tmp_path / "out.json").read_text())["episodes"]) == 1


def test_a_walking_robot_with_the_plain_config_needs_its_row_only(monkeypatch, tmp_path):
    monkeypatch.setattr(walk_judge, "GOAL_DISTANCE", 0.2)  # m
    monkeypatch.setitem(TASKS, "AdaptiveWalk-v0", TaskRow(WalkJudge(goal=0.01, time=0.3), space={}))
    run, short = tmp_path / "run", ["--episode-steps", "20"]
    kwargs = "{terrain_scale: 0.5, terrain: {kinds: [rough], levels: [0.0, 1.0]}}"
    assert train.main(["--env", "AdaptiveWalk-v0", *SMALL, *short, "--env-kwargs", kwargs, "--run-dir", str(run)]) == 0
    scalars = read_scalars(run)
    assert {"eval/success", "eval/best_distance_m", "rollout/terrain_level"} <= {*scalars} and "eval/steps" not in scalars
    task = WALK.judge.task(Setting(*read_env(run)))
    assert (task.terrain_scale, task.terrain.kinds) == (0.5, ("rough",))
    env = command_line.config_of_run(run, 1).make_evaluation_env(2, 1_000_003)
    assert env.unwrapped.config.terrain.levels == (0.5,) and env.unwrapped.config.terrain.seed == 1_000_003
    env.close()
    assert play_residual_policy.main(f"--model {run} --no-render --episodes 1 --terrain flat --command 0.5".split()) == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [("residual_scale", "not 'residual_scale': use --env.residual-scale$"), ("privileged", "not 'privileged'$")],
)
def test_a_refused_argument_of_a_walk_names_an_option_only_if_there_is_one(name, words):
    with pytest.raises(ValueError, match=words):
        WALK.config(env_kwargs={name: True})


def test_played_and_evaluated_simulations_keep_the_history_of_the_training():
    judge, setting = (
        find_task("Biped-v0").judge,
        Setting("Biped-v0", {"frames": 3, "perturb_spec": {"params": {"mass": 1.2}}}),
    )
    for env in (judge.play_env(setting, Scene(), 2, 3), judge.evaluation_env(setting, 2, 3, nominal=True)):
        assert env.single_observation_space.shape == (3 * 47,)
        env.reset(seed=0)
        np.testing.assert_array_equal(env.unwrapped.current_perturb.get("mass", 1.0), 1.0)
        env.close()
