"""Amdahl's law in the thread benchmark, in closed form; and the benchmark runs."""

import pytest

import train_residual_ppo
from benchmarks import thread_scaling
from benchmarks.thread_scaling import amdahl, serial_share


def test_amdahls_line():
    assert amdahl(0.0, 8) == 8.0 and amdahl(1.0, 8) == 1.0 and amdahl(0.5, 2) == pytest.approx(4 / 3)
    for share in (0.0, 0.2, 1.0):
        assert serial_share(amdahl(share, 4), 4) == pytest.approx(share)
    assert serial_share(2.5, 2) == 0.0  # faster than twice is noise, not a negative share


def test_threads_are_measured_and_the_line_goes_on(capsys, monkeypatch):
    short = "--algo ppo --ppo.n-steps 16 --ppo.batch-size 256 --ppo.n-epochs 1 --ppo.net-arch 16".split()
    monkeypatch.setattr(thread_scaling, "parse", lambda argv: train_residual_ppo.parse([*argv, *short]))
    assert thread_scaling.main("--num-envs 16 --threads 1 2 --repeats 1".split()) == 0
    header, _, line = capsys.readouterr().out.splitlines()
    assert header.split(" | ")[1:4] == ["1 thread", "2 threads", "4, predicted"]
    one, two, four = (float(cell.replace(",", "")) for cell in line.split(" | ")[1:4])
    share = float(line.split(" | ")[-1].rstrip("%| ")) / 100
    assert four == pytest.approx(one * amdahl(share, 4), rel=0.05) and two > 0
