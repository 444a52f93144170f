"""A signal ends a program in order; one that was ignored stays ignored."""

import os
import signal

import pytest

from utils.console.interrupts import ends_in_order


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


def test_a_closed_terminal_does_not_end_a_program_under_nohup():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with ends_in_order():
        os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
