"""Amdahl's law in the thread benchmark, in closed form; and the benchmark runs."""

import pytest

from benchmarks import thread_scaling
from benchmarks.thread_scaling import amdahl, serial_share
from training.assembly import create_run


def test_amdahls_line():
    assert amdahl(0.0, 8) == 8.0 and amdahl(1.0, 8) == 1.0 and amdahl(0.5, 2) == pytest.approx(4 / 3)
    for share in (0.0, 0.2, 1.0):
        assert serial_share(amdahl(share, 4), 4) == pytest.approx(share)
    assert serial_share(2.5, 2) == 0.0  # faster than twice is noise, not a negative share


def test_threads_are_measured_and_the_line_goes_on(capsys, monkeypatch):
    rates = {1: (1000.0, 300.0), 2: (1600.0, 320.0)}
    monkeypatch.setattr(thread_scaling, "in_new_process", lambda env_id, num_envs, threads: rates[threads])
    assert thread_scaling.main("--num-envs 4096 --threads 1 2 --repeats 3".split()) == 0
    header, _, line = capsys.readouterr().out.splitlines()
    assert header.split(" | ")[1:4] == ["1 thread", "2 threads", "4, predicted"]
    # s = (2 / 1.6 - 1) / (2 - 1) = 0.25; four threads are 1 / (0.25 + 0.75 / 4) = 2.286 times as fast
    assert line == "| 4,096 | 1,000 | 1,600 | 2,286 | 2,909 | 3,368 | 3,657 | 25% | 320 |"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--env Nowhere-v0", "no environment is called 'Nowhere-v0'"),
        ("--num-envs 8", "batch_size"),
        ("--env RWRLWalkerWalk-v0", "the default preset of RWRLWalkerWalk-v0 trains sac, which has no rollouts to measure"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(words, message, capsys):
    assert thread_scaling.main(words.split()) == 2
    out, err = capsys.readouterr()
    assert not out and message in err and len(err.splitlines()) == 1


def test_a_measurement_is_a_training_of_the_environment(monkeypatch):
    trained = []

    def noted(config, argv):
        trained.append(config)
        return create_run(config, argv)

    monkeypatch.setattr(thread_scaling, "create_run", noted)
    speed, memory = thread_scaling._rate_and_memory("Toy-v0", 16, 1)
    assert speed > 0.0 and 100.0 < memory < 8000.0  # MB; torch alone takes more than 100
    assert (trained[0].env_id, trained[0].num_envs, trained[0].num_threads) == ("Toy-v0", 16, 1)
