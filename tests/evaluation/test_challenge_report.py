"""The program that prints and plots challenge logs."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from envs.wrappers.challenge_logs.stats import ChallengeStats, VariableStatistics, write_stats
from evaluation.challenge_plots import plot_learning_curves, plot_violations
from evaluation.challenge_report import main


def made_up(episodes, constraints=("first", "second"), seed=0):
    """Returns the statistics of an improving learner; half of its episodes violate everything in steps 10 to 19."""
    rng, length = np.random.default_rng(seed), 50
    share = np.zeros((length + 1, len(constraints)), int)
    share[10:20] = episodes // 2
    returns = 100 * (1 - np.exp(-np.arange(episodes) / 60)) + rng.normal(0, 10, episodes)
    return ChallengeStats(
        environment="Toy-v0",
        constraints=constraints,
        violations=np.full((episodes, len(constraints)), 5),
        step_violations=share,
        step_episodes=np.full(length + 1, episodes),
        safety_vars={"angle": VariableStatistics(*rng.normal(size=(4, episodes, 2)))},
        objectives=np.zeros((episodes, 0)),
        returns=returns,
        lengths=np.full(episodes, length),
    )


def test_the_command_prints_both_tables_and_draws_both_pictures(tmp_path, capsys):
    files = {"long": made_up(300), "short": made_up(20, ("second", "third"))}
    for name, stats in files.items():
        write_stats(tmp_path / f"{name}.npz", stats)
    assert main([str(tmp_path / f"{name}.npz") for name in files]) == 0
    lines = capsys.readouterr().out.splitlines()
    final = files["long"].returns[-101:].mean()
    assert lines[2].startswith(f"| long | 300 | {files['long'].returns.mean():.6g} | {final:.6g} | ")
    assert lines[3].startswith("| short | 20 | ") and lines[3].endswith("| - | - | - | - | - |")
    assert lines[5:][2:4] == ["| long | 1500 | 1500 | - | 15000 |", "| short | - | 100 | 100 | 1000 |"]
    assert [path.read_bytes()[:4] for path in sorted(tmp_path.glob("*.png"))] == [b"\x89PNG"] * 2


@pytest.mark.parametrize("constraints", [("one",), ("one", "two", "three", "four")])
def test_one_constraint_is_drawn_as_well_as_many(tmp_path, constraints):
    plot_violations(tmp_path / "picture.png", {"run": made_up(10, constraints)})
    assert (tmp_path / "picture.png").read_bytes()[:4] == b"\x89PNG"


def test_a_picture_that_breaks_off_leaves_the_old_one(tmp_path, monkeypatch):
    (tmp_path / "curve.png").write_bytes(b"old")
    monkeypatch.setattr(Figure, "savefig", lambda self, out, **_: Path(out).write_bytes(b"half") and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        plot_learning_curves(tmp_path / "curve.png", {"one": np.arange(9.0)})
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_a_picture_of_unknown_constraints_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no run has the constraints \['three'\]; there are one, two"):
        plot_violations(tmp_path / "picture.png", {"run": made_up(10, ("one", "two"))}, ["three"])


def test_a_curve_of_one_run_can_be_drawn(tmp_path):
    assert plot_learning_curves(tmp_path / "picture.png", {"run": made_up(102).returns}).exists()


@pytest.mark.parametrize("argument", ["missing.npz", "text.npz"])
def test_the_command_refuses_bad_files_in_a_sentence(tmp_path, capsys, argument):
    (tmp_path / "text.npz").write_text("no archive")
    assert main([str(tmp_path / argument)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("challenge_report: cannot read") and error.count("\n") == 1
