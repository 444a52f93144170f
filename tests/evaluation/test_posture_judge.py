"""The judge of robots that run or take a posture: a posture succeeds if the robot stands at the end, a walk as any walk."""

from contextlib import closing

import numpy as np
import pytest

from evaluation.judges import Scene, Setting
from training.tasks import find_task

JUDGE = find_task("A1-v0").judge
STAND, RESET = (Setting("A1-v0", {"task_name": name}, 1) for name in ("stand", "reset"))


def hold(env):
    """Returns a policy that sends the joints to the keyframe's pose, for a task whose actions cover all joints."""
    low, high = env.unwrapped.model.jnt_range[1:].T
    action = (env.unwrapped.model.key("home").ctrl - (low + high) / 2) / ((high - low) / 2)
    return lambda observation: np.tile(action, (len(observation), 1))


def test_a_robot_that_holds_its_pose_succeeds_at_standing_for_five_seconds():
    with closing(JUDGE.evaluation_env(STAND, 2, 1_000_003)) as env:
        records = JUDGE.evaluate(env, JUDGE.baseline("zero", env), 2, 1_000_003)
    assert [(record["success"], record["fall"], record["steps"]) for record in records] == [(True, False, 100)] * 2


def test_of_fallen_robots_those_succeed_that_stand_at_the_end():
    ends = []
    with closing(JUDGE.play_env(RESET, Scene("flat"), 8, 3)) as env:
        policy = hold(env)
        records = JUDGE.play(env, policy, 8, 3, lambda info: ends.append(info["is_success"]))
        assert env.unwrapped.config.command_vx == (0.0, 0.0) and not env.unwrapped.config.variation.varies
    assert [record["success"] for record in records] == ends[-1].tolist() and not ends[0].any()
    summary = JUDGE.summarise(records)
    assert summary["success"] == np.mean(ends[-1]) < 1.0 and summary["fall"] == 0.0


@pytest.mark.parametrize("setting", [STAND, RESET])
def test_scenes_of_a_posture_have_no_effect(setting):
    assert {*JUDGE.idle(setting, Scene())} == {"terrain", "level", "command", "command_vy", "command_yaw_rate"}
    assert JUDGE.idle(Setting("A1-v0"), Scene("rough")) == {}


def test_a_robot_that_holds_its_pose_in_locomotion_has_no_success():
    with closing(JUDGE.evaluation_env(Setting("A1-v0", {}, 1), 1, 1_000_003)) as env:
        assert env.unwrapped.config.terrain.kinds == ("flat",)
        env.reset(seed=0)
        for _ in range(3):
            *_, info = env.step(np.zeros((1, 12)))
    assert "is_success" not in info and info["commanded_velocity"][0] == 0.5
