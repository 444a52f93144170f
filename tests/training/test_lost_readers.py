"""A program whose output has no reader any more finishes its work; a training that is stopped then is saved."""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from run_folder.runs import load_run, resumable
from utils.console.terminal import TolerantStream, tolerant_output
from utils.run_file_names import CONFIG, PROGRESS

ROOT = Path(__file__).parents[2]
SMALL = """train.py --env Toy-v0 --num-envs 2 --episode-steps 20 --num-threads 1 --eval-every 0 --ppo.n-steps 16
--ppo.batch-size 32 --ppo.net-arch 4 --seed 1""".split()
ENDLESS = [*SMALL, "--total-timesteps", "10000000"]


@pytest.fixture
def start():
    """Yields a function that starts a process which receives all signals, even under nohup; kills it at the end."""
    processes, heard = [], {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGHUP, signal.SIGTERM)}

    def started_process(*arguments, before=(), **streams):
        command = [*before, sys.executable, *map(str, arguments)]
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, **streams)
        processes.append(process)
        return process

    yield started_process
    for number, handler in heard.items():
        signal.signal(number, handler)
    for process in processes:
        process.kill()
        process.wait()


def rows(run):
    """Returns how many rollouts a training has logged."""
    path = run / PROGRESS
    return len(path.read_text().splitlines()) - 1 if path.exists() else 0


def started(run, rollouts=1):
    """Waits until a training has logged some rollouts."""
    until = time.monotonic() + 120
    while rows(run) < rollouts:
        assert time.monotonic() < until
        time.sleep(0.02)


def lose_reader(process):
    """Reads one line, as `head -1`, and closes the pipe."""
    process.stdout.readline()
    process.stdout.close()


@pytest.mark.parametrize(
    "both", [pytest.param(True, marks=pytest.mark.slow), False], ids=["both streams", "standard output"]
)
def test_a_training_whose_reader_leaves_comes_to_its_end(start, tmp_path, both):
    with (tmp_path / "errors").open("w") as errors:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT if both else errors}
        process = start(*SMALL, "--total-timesteps", 320, "--run-dir", tmp_path / "run", **streams)
        lose_reader(process)
        assert process.wait(timeout=120) == 0
    assert load_run(tmp_path / "run").folder == tmp_path / "run" and not (tmp_path / "errors").read_text()


@pytest.mark.slow  # the test above has the reader leave after the first line
def test_a_training_whose_reader_leaves_before_its_first_line_comes_to_its_end(start, tmp_path):
    process = start(*SMALL, "--total-timesteps", 64, "--run-dir", tmp_path / "run", stdout=subprocess.PIPE)
    process.stdout.close()
    assert process.wait(timeout=120) == 0 and load_run(tmp_path / "run").folder == tmp_path / "run"


# The tests of a closed terminal and of timeout send SIGTERM too.
@pytest.mark.parametrize("number", [pytest.param(signal.SIGTERM, marks=pytest.mark.slow), signal.SIGHUP, signal.SIGINT])
def test_a_signal_after_the_reader_has_left_saves(start, tmp_path, number):
    run = tmp_path / "run"
    process = start(*ENDLESS, "--run-dir", run, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lose_reader(process)
    started(run)
    process.send_signal(number)
    assert process.wait(timeout=60) == 128 + number
    assert [load_run(run).folder] == resumable(run)


def test_a_closed_terminal_and_the_signals_of_a_logout_save(start, tmp_path):
    run = tmp_path / "run"
    terminal, inside = os.openpty()
    process = start(*ENDLESS, "--run-dir", run, stdin=inside, stdout=inside, stderr=inside, start_new_session=True)
    os.close(inside)
    started(run)
    os.close(terminal)  # from here on, writing is an error
    for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGTERM):
        process.send_signal(number)
    assert process.wait(timeout=60) in (129, 143)
    assert [load_run(run).folder] == resumable(run)


def test_timeout_which_signals_twice_lets_a_training_save(start, tmp_path):
    run = tmp_path / "run"
    process = start(*ENDLESS, "--run-dir", run, stdout=subprocess.DEVNULL)
    started(run)
    for _ in range(2):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.01)
    assert process.wait(timeout=60) == 143 and resumable(run)


def test_a_hangup_stays_ignored_under_nohup(start, tmp_path):
    run = tmp_path / "run"
    process = start(*ENDLESS, "--run-dir", run, before=["nohup"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    started(run)
    process.send_signal(signal.SIGHUP)
    started(run, rows(run) + 20)  # a training that stops ends after the next one
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 143 and resumable(run)


def test_a_training_without_any_output_comes_to_its_end(tmp_path):
    command = [sys.executable, *SMALL, "--total-timesteps", "64", "--run-dir", str(tmp_path / "run")]
    shell = ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *command]
    assert subprocess.run(shell, cwd=ROOT, timeout=120).returncode == 0
    assert (tmp_path / "run" / CONFIG).is_file() and load_run(tmp_path / "run")


def test_other_programs_write_their_results_too(start, tmp_path):
    out = tmp_path / "out.json"
    arguments = "play_residual_policy.py --baseline --terrain flat --command 2 --episodes 1 --no-render --json {}"
    read, write = os.pipe()
    os.close(read)
    process = start(*arguments.format(out).split(), stdout=write, stderr=write)
    os.close(write)
    assert process.wait(timeout=120) == 0 and out.is_file()


class Refusing(io.StringIO):
    """A stream that refuses every call."""

    def __init__(self, error):
        super().__init__()
        self.error, self.asked = error, 0

    def write(self, text):
        self.asked += 1
        raise self.error


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(5, "terminal"), OSError(28, "full"), ValueError("closed")])
def test_a_stream_that_refuses_is_asked_once(error):
    stream = TolerantStream(refusing := Refusing(error))
    for _ in range(3):
        assert stream.write("text") == 4
    assert refusing.asked == 1


def test_a_slow_reader_loses_a_text_and_gets_the_next():
    stream = TolerantStream(refusing := Refusing(BlockingIOError()))
    stream.write("text"), stream.write("text")
    assert refusing.asked == 2


def test_letters_that_a_terminal_does_not_have_are_written_otherwise():
    TolerantStream(ascii_only := io.TextIOWrapper(io.BytesIO(), "ascii")).write("runs/größe")
    ascii_only.flush()
    assert ascii_only.buffer.getvalue() == rb"runs/gr\xf6\xdfe"


def test_the_streams_are_the_old_ones_afterwards(capsys):
    before = sys.stdout, sys.stderr
    with tolerant_output():
        print("seen")
        with tolerant_output():
            pass
        assert isinstance(sys.stdout, TolerantStream)
    assert (sys.stdout, sys.stderr) == before and capsys.readouterr().out == "seen\n"
