"""Trainings run in a thread and inside an event loop, as in notebooks, and leave signal handlers unchanged."""

import asyncio
import os
import signal
import sys
import threading

import train
from callbacks.interrupt_callback import InterruptCallback
from run_folder.runs import load_run
from training.command_line import parse

SMALL = """--env Toy-v0 --total-timesteps 64 --num-envs 2 --episode-steps 20 --num-threads 1 --eval-every 0
--ppo.n-steps 16 --ppo.batch-size 32 --ppo.net-arch 4""".split()


def in_threads(function, arguments):
    """Calls a function in a thread for each argument, all at the same time; returns the results."""
    results = {}
    threads = [threading.Thread(target=lambda of=of: results.update({of: function(of)})) for of in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    return [results.get(of) for of in arguments]


def test_two_trainings_in_threads_come_to_their_ends(tmp_path):
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    runs = [str(tmp_path / name) for name in ("a", "b")]
    assert in_threads(lambda run: train.main([*SMALL, "--run-dir", run]), runs) == [0, 0]
    assert all(load_run(run) for run in runs)
    assert before == {number: signal.getsignal(number) for number in before}


def test_command_lines_in_threads_leave_the_streams_and_the_environment_unchanged():
    before = sys.stderr, dict(os.environ)
    runs = in_threads(lambda seed: parse(["--seed", str(seed)], "").seed, range(8))
    assert runs == [*range(8)] and before == (sys.stderr, dict(os.environ))


def test_a_training_inside_an_event_loop_comes_to_its_end(tmp_path):
    async def cell():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: None)
        before = signal.getsignal(signal.SIGTERM)
        code = train.main([*SMALL, "--run-dir", str(tmp_path / "run")])
        return code, signal.getsignal(signal.SIGTERM) is before

    assert asyncio.run(cell()) == (0, True) and load_run(tmp_path / "run")


def test_signals_are_taken_in_the_main_thread_only_and_given_back():
    before = signal.getsignal(signal.SIGTERM)

    def during(callback):
        with callback:
            return signal.getsignal(signal.SIGTERM)

    assert during(callback := InterruptCallback(lambda: None)) == callback._note
    assert in_threads(during, [InterruptCallback(lambda: None)]) == [before] == [signal.getsignal(signal.SIGTERM)]


def test_a_signal_that_is_repeated_after_the_save_does_not_reach_the_previous_handler():
    heard = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        with InterruptCallback(lambda: None):
            os.kill(os.getpid(), signal.SIGTERM)
            echo = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM))
            echo.start()
        echo.join()
        assert not heard and signal.getsignal(signal.SIGTERM) is not before
    finally:
        signal.signal(signal.SIGTERM, before)
