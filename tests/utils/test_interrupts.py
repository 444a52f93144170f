"""A signal ends a program in order; one that was ignored stays ignored."""

import os
import signal

import pytest

import evaluate_robustness
import tune_hyperparameters
from utils.console.interrupts import Terminated, ends_in_order
from utils.env_ids import registered


@pytest.fixture(autouse=True)
def handlers():
    """Sets the default handlers before a test, and the previous ones after it."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_program_after_its_files_are_closed(number):
    closed = []
    with pytest.raises(SystemExit) as stop, ends_in_order():
        try:
            os.kill(os.getpid(), number)
        finally:
            closed.append(number)
    assert stop.value.code == 128 + number and closed
    assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP)] == [signal.SIG_DFL] * 2


@pytest.mark.parametrize(("program", "work"), [(tune_hyperparameters, "run"), (evaluate_robustness, "measure")])
def test_sigterm_ends_a_program_that_evaluates_in_order(program, work, monkeypatch):
    signal.signal(signal.SIGTERM, lambda *_: pytest.fail("the program left the handler as it was"))
    monkeypatch.setattr(program, work, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    arguments = [] if program is tune_hyperparameters else ["--model", "run"]
    with pytest.raises(Terminated) as stop:
        program.main(arguments)
    assert stop.value.code == 143


def test_sigterm_while_a_foreign_module_is_imported_is_no_fault_of_the_module(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ended_meanwhile.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n")
    with pytest.raises(Terminated), ends_in_order():
        registered("ended_meanwhile:Name-v0")


def test_a_closed_terminal_does_not_end_a_program_under_nohup():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with ends_in_order():
        os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
