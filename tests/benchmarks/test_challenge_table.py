"""`benchmarks/challenge_table.py` evaluates the final policy of each training, and trains nothing twice."""

import json

import numpy as np
import pytest

from benchmarks.challenge_table import SEEN_BY_NOBODY, Cell, main, table
from run_folder.runs import load_run

SMALL = "--envs RWRLCartpoleBalance-v0 --levels easy --frames 2 --seeds 3 --steps 64 --episodes 2 --workers 1 --out".split()


def test_a_cell_is_trained_once_and_judged_under_its_challenge(tmp_path, capsys):
    assert main([*SMALL, str(tmp_path)]) == 0
    run = tmp_path / "RWRLCartpoleBalance-v0_easy_frames2_3"
    first, made = capsys.readouterr().out, (run / "config.yaml").stat().st_mtime_ns
    trained = load_run(run)
    assert trained.env_kwargs == {"combined_challenge": "easy", "frames": 2}
    env = trained.make_env(2)
    observation, total = env.reset(seed=SEEN_BY_NOBODY)[0], np.zeros(2)
    for _ in range(1000):
        observation, reward, *_ = env.step(trained.act(observation))
        total += reward
    results = json.loads((tmp_path / "returns.json").read_text())
    assert results["learned"][0]["returns"] == pytest.approx(total.tolist())
    assert np.mean(results["random"][0]["returns"]) != pytest.approx(total.mean())
    assert main([*SMALL, str(tmp_path)]) == 0
    assert capsys.readouterr().out == first and (run / "config.yaml").stat().st_mtime_ns == made


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"--steps": "32"}, "has a training of 64 steps: give --steps 64 or another --out"),
        ({"--episodes": "1"}, "has results of other --steps or --episodes"),
        ({"--seeds": "4"}, "has results of RWRLCartpoleBalance-v0_easy_frames2_3: give these, too"),
    ],
)
def test_results_are_neither_lost_nor_called_what_they_are_not(tmp_path, capsys, changes, words):
    assert main([*SMALL, str(tmp_path)]) == 0
    before = (tmp_path / "returns.json").read_text()
    command = [*SMALL, str(tmp_path)]
    for option, value in changes.items():
        command[command.index(option) + 1] = value
    assert main(command) == 2 and words in capsys.readouterr().err
    assert (tmp_path / "returns.json").read_text() == before


def test_the_table_gives_the_mean_of_the_seeds_means_and_students_interval():
    returns = {Cell(1, "E-v0", "easy"): [10.0, 30.0], Cell(2, "E-v0", "easy"): [40.0], Cell(1, "E-v0", "hard"): [7.0]}
    lines = table(returns, {("E-v0", "easy"): [1.0, 3.0], ("E-v0", "hard"): [2.0]}).splitlines()[2:]
    assert lines[0] == "| `E-v0` | easy | 2 | 30 | -97 to 157 | 20, 40 |"  # 30 +- 12.706 * 14.142 / sqrt(2)
    assert lines[1] == "| `E-v0` | hard | 2 | 7 | - | 7 |"


def test_a_cell_with_several_frames_is_a_training_of_its_own():
    assert Cell(1, "E-v0", "easy").env_kwargs == {"combined_challenge": "easy"} and not Cell(1, "E-v0", "clean").env_kwargs
    stacked = Cell(1, "E-v0", "easy", 8)
    assert stacked.env_kwargs == {"combined_challenge": "easy", "frames": 8} and stacked.name == "E-v0_easy_frames8_1"
    assert Cell(1, "E-v0", "easy").name == "E-v0_easy_1"


def test_a_training_that_fails_is_one_sentence(tmp_path, capsys):
    assert main(["--envs", "RWRLCartpole-v0", "--levels", "clean", "--seeds", "1", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("challenge_table: ")
    assert "no environment is called" in (tmp_path / "RWRLCartpole-v0_clean_1.log").read_text()


def test_a_table_of_what_is_trained_needs_no_training(tmp_path, capsys):
    assert main(["--no-training", "--out", str(tmp_path)]) == 0
    assert (
        capsys.readouterr().out.startswith("| task |")
        and json.loads((tmp_path / "returns.json").read_text())["learned"] == []
    )
