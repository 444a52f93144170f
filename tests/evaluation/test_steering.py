"""Robots that are commanded to turn, or to walk sideways or backward, start in the middle and are judged by the command."""

from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import pytest

import play_residual_policy
import train_residual_ppo
from benchmarks import steering_benchmark
from envs.locomotion.terrain import TerrainConfig
from envs.residual_walk.config import ResidualWalkConfig
from evaluation.judges import Scene, Setting
from evaluation.steering import LONGEST_WAY, on_wide_tiles, steers, with_commands
from evaluation.walk_judge import WalkJudge
from evaluation.walk_tally import follows
from evaluation.walks import gait_alone
from training.tasks import find_task

JUDGE, WALK = WalkJudge(), Setting("ResidualWalk-v0", num_threads=1)


@pytest.mark.parametrize(
    ("error", "command", "follows_it"),
    [
        ((0.09, 0.0, 0.0), (0.3, 0.0, 0.0), True),  # a third of the speed
        ((0.08, -0.08, 0.0), (0.0, -0.3, 0.0), False),  # 0.113 m/s off
        ((-0.12, 0.12, 0.0), (0.3, -0.4, 0.0), False),  # 0.170 of 0.5 m/s off
        ((-0.11, 0.11, 0.0), (0.3, -0.4, 0.0), True),  # 0.156
        ((0.04, 0.0, 0.0), (0.0, 0.0, 0.0), True),
        ((0.0, 0.06, 0.0), (0.0, 0.0, 0.0), False),
        ((0.0, 0.0, -0.25), (0.0, 0.0, 0.8), True),
        ((0.0, 0.0, 0.25), (0.0, 0.0, -0.6), False),
        ((0.0, 0.0, 0.09), (0.5, 0.0, 0.0), True),
        ((0.0, 0.0, -0.11), (0.5, 0.0, 0.2), False),
    ],
)
def test_a_command_is_followed_within_a_third_or_the_tolerance(error, command, follows_it):
    assert follows(np.array([error]), np.array([command])).tolist() == [follows_it]


def played(commands, seconds, episodes=3):
    """Returns the records of the default gait on flat ground, and the mean way ahead and to the left of the start, m."""
    judge, ways = replace(JUDGE, steered_time=seconds), []
    with closing(judge.play_env(WALK, Scene("flat", 0.0, *commands), episodes, 3)) as env:

        def note(info):
            ways.append((info["distance"], info["sideways"]))

        return judge.play(env, gait_alone(env), episodes, 0, note), np.mean(ways[-1], axis=1)


DIRECTIONS = [(-0.2, 0.0, 0.0), (0.0, 0.15, 0.0), (0.2, -0.15, 0.0), (0.0, 0.0, 0.7), (0.0, 0.0, 0.0)]


@pytest.mark.parametrize("commands", DIRECTIONS)
def test_the_gait_follows_commands_in_every_direction_on_flat_ground(commands):
    records, _ = played(commands, 4.0)
    assert all(record["success"] and record["steps"] == 400 for record in records)


def test_the_errors_are_those_of_the_way_that_the_robot_went():
    """The end of the way, divided by the time, is the mean velocity."""
    records, (ahead, left) = played((0.2, -0.15, 0.0), 5.0)
    mean = np.mean([(record["speed_error_mps"], record["lateral_error_mps"]) for record in records], axis=0)
    np.testing.assert_allclose(mean, [ahead / 5 - 0.2, left / 5 + 0.15], atol=2e-3)
    assert abs(mean).max() > 0.01  # the gait is slower to the side than commanded


def test_a_robot_that_goes_elsewhere_or_falls_does_not_succeed():
    judge = replace(JUDGE, steered_time=3.0)
    task = judge.play_task(WALK, Scene("flat", 0.0, 0.2, 0.1, 0.5), 3)
    with closing(judge.vector(WALK, task, 2)) as env:

        def other_way(observation):
            gait = env.unwrapped.task.controller.base_controller
            gait.set_command(np.array([[-0.2, 0.1, 0.5]] * 2))
            return np.zeros((2, 12))

        records = judge.play(env, other_way, 2, 0)
        assert not any(record["success"] or record["fall"] for record in records)
    with closing(judge.vector(WALK, replace(task, max_tilt=0.05), 2)) as env:
        records = judge.play(env, gait_alone(env), 2, 0)
    assert all(record["fall"] and not record["success"] for record in records)


@pytest.mark.parametrize(
    ("changes", "steered"),
    [
        ({}, False),
        ({"command_vx": (0.01, 0.5)}, False),
        ({"command_vx": (0.0, 0.5)}, True),
        ({"command_vx": (-0.1, 0.5)}, True),
        ({"command_vy": (0.1, 0.1)}, True),
        ({"command_yaw_rate": (-0.1, 0.0)}, True),
    ],
)
def test_commands_that_do_not_only_go_ahead_are_noticed(changes, steered):
    assert steers(ResidualWalkConfig(**changes)) is steered


@pytest.mark.parametrize("size", [1.0, 2.5])
@pytest.mark.parametrize(("vx", "seconds", "room"), [((-0.2, 0.3), 5.0, 2.5), ((-2.0, 0.3), 50.0, LONGEST_WAY)])
def test_a_wide_tile_has_room_on_every_side(size, vx, seconds, room):
    terrain = TerrainConfig(("rough",), (0.0,), size=size, width=9.0, spacing=0.04)
    task = on_wide_tiles(ResidualWalkConfig(terrain=terrain, command_vx=vx, command_vy=(-0.2, 0.1)), seconds)
    with closing(JUDGE.vector(WALK, task, 32, seconds)) as env:
        env.reset(seed=0)
        terrain, start = env.unwrapped.task.ground.terrain, env.unwrapped.task.body_position[:, :2]
    assert (terrain.half_size - np.abs(start)).min() >= room and np.abs(start).max() <= size / 2 + 0.05


def test_evaluations_of_a_training_keep_the_command_and_start_in_the_middle():
    segments = {"duration": (0.5, 1.0), "stand_share": 0.2}
    config = {
        "command_vy": (-0.2, 0.2),
        "command_segments": segments,
        "terrain": {"kinds": ("rough",), "levels": (0.1,)},
        "terrain_scale": 0.1,
    }
    with closing(JUDGE.evaluation_env(Setting("ResidualWalk-v0", {"config": config}), 4, 1_000_003)) as env:
        commands = [env.reset(seed=0)[1]["commanded_lateral_velocity"]]
        for _ in range(120):
            commands.append(env.step(np.zeros((4, 12)))[4]["commanded_lateral_velocity"])
        assert env.unwrapped.task.body_position[:, 0].min() > -0.6
    assert np.ptp(commands, axis=0).max() == 0 and np.ptp(commands[0]) > 0.01


def test_play_takes_commands_in_every_direction(capsys):
    scene = "--baseline --no-render --terrain flat --episodes 1 --command 0"
    assert play_residual_policy.main([*scene.split(), "--command-yaw-rate", "0.5"]) == 0
    assert "| all | 100% (21% to 100%) | 0% |" in capsys.readouterr().out
    assert play_residual_policy.main([*scene.split(), "--command-vy", "inf"]) == 2
    assert "command_vy must be a finite number, got inf" in capsys.readouterr().err
    assert play_residual_policy.main([*scene.split(), "--command-yaw-rate", "-2.5"]) == 2
    assert "command_yaw_rate must" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("env_id", "command", "notes"),
    [
        ("Biped-v0", (1.2, -0.4, 0.6), []),
        ("Biped-v0", (1.3, 0.1, 0.0), ["command_vx is 1.3 m/s, outside the range of the training, -0.4 to 1.2"]),
        ("Biped-v0", (0.5, 0.5, -0.7), ["command_vy is 0.5 m/s", "command_yaw_rate is -0.7 rad/s"]),
        ("A1-v0", (0.0, 0.0, 0.2), ["command_yaw_rate is 0.2 rad/s, outside the range of the training, 0 to 0"]),
        ("A1-v0", (None, 0.0, 0.0), []),
        ("ResidualWalk-v0", (-0.1, 0.0, 0.0), ["command_vx is -0.1 m/s"]),
        ("RealAnt-v0", (None, 0.0, 0.0), []),
    ],
)
def test_commands_that_no_training_gave_are_named(env_id, command, notes):
    named = find_task(env_id).judge.unfamiliar(Setting(env_id), Scene("flat", 0.0, *command))
    assert len(named) == len(notes) and all(map(str.startswith, named, notes))


def test_a_task_without_a_command_is_not_given_one():
    @dataclass(frozen=True)
    class Ahead:
        command_vx: tuple[float, float] = (0.1, 0.2)

    assert with_commands(Ahead(), 0.3) == Ahead((0.3, 0.3))
    with pytest.raises(ValueError, match=r"Ahead has no command_vy: it must be 0, got 0\.1"):
        with_commands(Ahead(), 0.3, 0.1)


@pytest.mark.parametrize("option", ["--curriculum success", "--sampling failures"])
def test_what_measures_the_way_ahead_is_refused_for_other_commands(option, capsys):
    name = option.split()[0].removeprefix("--")
    arguments = f"--preset rough {option} --env.command-vy -0.1 0.1 --total-timesteps 64"
    with pytest.raises(SystemExit):
        train_residual_ppo.main(arguments.split())
    assert f"{name} must not be {option.split()[1]}: it measures the distance straight ahead" in capsys.readouterr().err


def test_the_benchmark_gives_every_walker_the_same_commands(tmp_path, monkeypatch, capsys):
    commands = {"left": ((0.0, 0.0), (0.1, 0.2), (0.0, 0.0)), "turn": ((0.0, 0.0), (0.0, 0.0), (0.4, 0.8))}
    monkeypatch.setattr(steering_benchmark, "COMMANDS", commands)
    monkeypatch.setattr(steering_benchmark, "GROUNDS", (("flat", 0.0),))
    monkeypatch.setattr(WalkJudge, "steered_time", 1.0)
    arguments = f"--episodes 2 --out {tmp_path} --model assets/policies/ResidualWalk-v0"
    assert steering_benchmark.main(arguments.split()) == 0
    printed = capsys.readouterr().out
    assert "| flat | 0 | gait alone | 100% (34% to 100%) | 100% (34% to 100%) | 100% (51% to 100%) |" in printed
    rows = (tmp_path / "steering.csv").read_text().splitlines()
    assert len(rows) == 5 and len({row.split(",")[0] for row in rows[1:]}) == 2
    assert steering_benchmark.main(["--episodes", "2", "--out", str(tmp_path)]) == 2
    assert "assets/policies/ResidualWalk-v0" in capsys.readouterr().err  # its rows would be lost
