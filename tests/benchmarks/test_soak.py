"""The soak benchmark finds values that are not finite, physics failures, and growing memory."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import soak
from envs.toy_env import Toy

ROOT = Path(__file__).parents[2]
IDS = ("Toy-v0", "RWRLCartpoleBalance-v0")


def soaked(out, *options, ids=IDS):
    return soak.main(["--out", str(out), "--num-envs", "2", "--steps", "1600", "--frames", "0", "--ids", *ids, *options])


def written_rows(out):
    return list(csv.DictReader((out / "soak.csv").read_text().splitlines()))


def test_every_id_and_condition_has_a_row_and_the_same_command_resumes(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(soak, "git_state", lambda: "abc")
    assert soaked(tmp_path) == 0
    rows = written_rows(tmp_path)
    assert [(row["env"], row["condition"]) for row in rows] == [(env_id, own) for env_id in IDS for own in soak.CONDITIONS]
    assert {row["steps"] for row in rows} == {"200"} and {row["non_finite"] for row in rows} == {"0"}
    assert all(int(row["episodes"]) >= 2 for row in rows if row["env"] == "Toy-v0")
    table = capsys.readouterr().out
    assert table.count("| `Toy-v0` | ") == 4 and "2 simulations, seed 0" in table
    written = (tmp_path / "soak.csv").read_bytes()
    monkeypatch.setattr(soak, "soaked", lambda *_: pytest.fail("this row was there"))
    assert soaked(tmp_path) == 0 and (tmp_path / "soak.csv").read_bytes() == written


@pytest.mark.parametrize("broken", ["observation", "reward"])
@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_one_value_that_is_not_finite_is_found(tmp_path, monkeypatch, broken, value):
    step, taken = Toy.step, []

    def breaks(self, action, unseen=None):
        taken.append(None)
        transition = step(self, action, unseen)
        if len(taken) == 70:
            getattr(transition, broken)[1] = value
        return transition

    monkeypatch.setattr(Toy, "step", breaks)
    assert soaked(tmp_path, ids=["Toy-v0"]) == 1
    rows = written_rows(tmp_path)
    assert [int(row["non_finite"]) > 0 for row in rows] == [True, False, False, False]


def test_failures_are_counted_by_reason():
    tally, ended = soak.Tally(), np.array([True, True, False])
    ends = {"physics_failed": np.array([True, True, False]), "physics_failure": np.array(["QACC", "QPOS", None], object)}
    info = {"final_obs": np.zeros((3, 1)), "reset_info": {}, **ends}
    for _ in range(2):
        soak.count((np.zeros((3, 1)), np.zeros(3), ended, np.zeros(3, bool), dict(info)), tally)
    assert tally.reasons == {"QACC": 2, "QPOS": 2} and tally.episodes == 4 and tally.non_finite == 0
    del info["physics_failure"]
    soak.count((np.zeros((3, 1)), np.zeros(3), ended, np.zeros(3, bool), info), tally)
    assert tally.reasons["physics failed"] == 2


def test_growth_is_the_slope_of_the_memory_whatever_it_was_at_first():
    memory = [(steps, 300.0 + 2e-3 * steps) for steps in range(5000, 9000, 100)]
    assert soak.growth_rate(memory) * 1e6 == pytest.approx(2000)
    assert soak.growth_rate([(steps, 300.0) for steps in range(9)]) == pytest.approx(0, abs=1e-12)
    assert soak.growth_rate(memory[:2]) == 0.0


KEEPING = """
import numpy as np
from benchmarks import soak
before, kept = soak.resident_mb(), np.ones(8_000_000)
print((soak.resident_mb() - before) * 1e6 / kept.nbytes)
"""


def test_memory_that_is_kept_is_seen():
    command = [sys.executable, "-c", KEEPING]  # a new process has no freed memory to reuse
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert 0.9 < float(done.stdout) < 1.5, done.stderr


def test_pictures_are_taken(tmp_path, gl):
    assert soaked(tmp_path, "--frames", "3", ids=["RWRLCartpoleSwingup-v0"]) == 0
    assert {row["frames"] for row in written_rows(tmp_path)} == {"6"}


@pytest.mark.parametrize(
    ("option", "words"),
    [("--steps", "steps must be at least 1, got -1"), ("--num-envs", "num_envs must be at least 1, got -1")],
)
def test_a_number_that_is_too_low_gets_one_sentence(tmp_path, capsys, option, words):
    with pytest.raises(SystemExit) as stop:
        soaked(tmp_path, option, "-1")
    error = capsys.readouterr().err
    assert stop.value.code == 2 and error.endswith(f": {words}\n") and not [*tmp_path.iterdir()]
