"""Trainings that start at the same time never share a folder, and never write into another run."""

import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from envs.residual_walk.config import ResidualWalkConfig
from run_folder import records
from run_folder.records import make_run
from run_folder.runs import load_run, locked

ROOT = Path(__file__).parents[2]
SMALL = """--env Toy-v0 --total-timesteps 64 --num-envs 2 --episode-steps 20 --num-threads 1 --eval-every 0
--ppo.n-steps 16 --ppo.batch-size 32 --ppo.net-arch 4""".split()
WAITING = """
import sys, train
from run_folder import records
from datetime import datetime
class Noon(datetime):
    now = classmethod(lambda cls, *_: cls(2026, 1, 1, 12))
records.datetime = Noon
print("ready", flush=True); sys.stdin.readline()
sys.exit(train.main(sys.argv[1:]))
"""


def started_together(folder, commands):
    """Starts a training with each command at the same time, in `folder`; returns exit code and stderr of each."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WAITING, *command],
            cwd=folder,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for command in commands
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n"), process.stdin.flush()
    errors = [process.communicate(timeout=120)[1] for process in processes]
    return [(process.returncode, error) for process, error in zip(processes, errors)]


def seeds(folders):
    return [yaml.safe_load((folder / "config.yaml").read_text())["config"]["seed"] for folder in folders]


def test_trainings_of_the_same_second_each_get_a_folder(tmp_path):
    results = started_together(tmp_path, [[*SMALL, "--seed", str(seed)] for seed in (1, 2)])
    assert [code for code, _ in results] == [0, 0], results
    folders = sorted((tmp_path / "runs").iterdir())
    assert [folder.name for folder in folders] == ["20260101_120000", "20260101_120000_2"]
    assert sorted(seeds(folders)) == [1, 2]
    for folder, seed in zip(folders, seeds(folders)):
        argv = yaml.safe_load((folder / "config.yaml").read_text())["argv"]
        assert argv[-1] == str(seed) and load_run(folder).folder == folder


def test_of_two_trainings_that_name_one_folder_one_is_refused_and_writes_nothing(tmp_path):
    results = started_together(tmp_path, [[*SMALL, "--seed", str(seed), "--run-dir", "run"] for seed in (1, 2)])
    assert sorted(code for code, _ in results) == [0, 2], results
    (refusal,) = [error for code, error in results if code == 2]
    assert len(refusal.splitlines()) == 1 and ("in use by another training" in refusal or "already contains" in refusal)
    assert seeds([tmp_path / "run"]) == [1 + [code for code, _ in results].index(0)] and load_run(tmp_path / "run")


def test_a_folder_that_another_training_holds_gets_no_file(tmp_path, capsys):
    import train

    (tmp_path / "run").mkdir()
    with locked(tmp_path / "run"):
        assert train.main([*SMALL, "--run-dir", str(tmp_path / "run")]) == 2
    assert "in use by another training" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "run").iterdir()] == [".lock"]


def test_folders_without_a_name_are_different_for_threads_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    class Noon(datetime):
        now = classmethod(lambda cls, *_: cls(2026, 1, 1, 12))

    monkeypatch.setattr(records, "datetime", Noon)
    made, gate = [], threading.Barrier(8)

    def make(number):
        gate.wait()
        made.append((make_run(None, ResidualWalkConfig(), [str(number)]), number))

    threads = [threading.Thread(target=make, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({folder for folder, _ in made}) == 8
    for folder, number in made:
        assert yaml.safe_load((folder / "config.yaml").read_text())["argv"] == [str(number)]


def test_a_runs_folder_that_cannot_be_made_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("runs").write_text("")
    with pytest.raises(ValueError, match="cannot write a run to runs: File exists"):
        make_run(None, ResidualWalkConfig(), [])
