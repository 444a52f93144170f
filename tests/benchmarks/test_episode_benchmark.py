"""`benchmarks/episode_benchmark.py` plays the task of each policy, beside the same episodes of the baselines."""

import csv

import numpy as np
import pytest

import train
from algorithms.vec_env import make_vector
from benchmarks.episode_benchmark import main
from evaluation.held_out_seeds import SUCCESSES
from run_folder.runs import load_run

SMALL = "--num-envs 2 --num-threads 1 --eval-every 0 --episode-steps 10 --total-timesteps 64 --asymmetric-ppo.n-steps 16"


def trained(run, task_name):
    words = f"--env A1-v0 --env.task-name {task_name} {SMALL} --asymmetric-ppo.batch-size 32 --run-dir {run}"
    assert train.main(words.split()) == 0
    return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return {name: trained(folder / name, f"{name}-dr") for name in ("stand", "locomotion")}


def rows_of(folder):
    with (folder / "episodes.csv").open(newline="") as file:
        return {row["policy"]: row for row in csv.DictReader(file)}


def test_a_row_has_the_figures_of_the_episodes_on_nominal_robots(runs, tmp_path, capsys):
    run = runs["locomotion"]
    assert main(["--model", str(run), "--episodes", "3", "--num-threads", "1", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("\n|") == 4
    rows, arguments = rows_of(tmp_path), {"variation": {"friction": (1.0, 1.0)}, "max_episode_steps": 400}
    env, act = make_vector("envs:A1-v0", 3, 1, **arguments), load_run(run).act
    observation, speeds, running = env.reset(seed=SUCCESSES.first)[0], [[], [], []], np.ones(3, bool)
    while running.any():
        observation, _, terminated, truncated, info = env.step(act(observation))
        for robot in np.flatnonzero(running):
            speeds[robot].append(info["forward_velocity"][robot])
        running &= ~(terminated | truncated)
    means = [np.mean(own) for own in speeds]
    assert float(rows[str(run)]["mean_speed_mps"]) == pytest.approx(np.mean(means), abs=1e-9)
    assert float(rows[str(run)]["least_speed_mps"]) == pytest.approx(min(means), abs=1e-9)


def test_zero_actions_stand_and_do_not_follow_a_command(runs, tmp_path):
    for name, stands in (("stand", 1.0), ("locomotion", 0.0)):
        out = tmp_path / name
        assert main(["--model", str(runs[name]), "--episodes", "2", "--num-threads", "1", "--out", str(out)]) == 0
        row = rows_of(out)["zero actions"]
        assert float(row["success"]) == stands and float(row["fall"]) == 0.0


def test_wrong_policies_are_one_sentence(runs, tmp_path, capsys):
    toy = tmp_path / "toy"
    words = "--env Toy-v0 --algo ppo --num-envs 2 --ppo.n-steps 16 --ppo.batch-size 32 --total-timesteps 32 --eval-every 0"
    assert train.main([*words.split(), "--run-dir", str(toy)]) == 0
    capsys.readouterr()
    for models, sentence in (
        ([runs["stand"], runs["locomotion"]], "is of another task than"),
        ([toy], "Toy-v0 does not follow a commanded velocity"),
        ([tmp_path / "none"], "none"),
    ):
        assert main(["--model", *map(str, models), "--episodes", "1", "--out", str(tmp_path / "out")]) == 2
        error = capsys.readouterr().err
        assert error.startswith("episode_benchmark: ") and sentence in error and error.count("\n") == 1
