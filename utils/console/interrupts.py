"""Makes signals end a program only after its open files are closed."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

HANGUP = getattr(signal, "SIGHUP", None)  # does not exist on Windows


class Terminated(SystemExit):
    """A signal asked the program to end."""


@contextmanager
def ends_in_order() -> Iterator[None]:
    """Makes SIGTERM and SIGHUP raise Terminated, so that `with` blocks close their files; also a decorator.

    The exit code is 143 or 129. SIGHUP stays ignored if it was ignored before, as under nohup. Does nothing outside the main
    thread, because Python allows signal handlers in the main thread only.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {HANGUP} if HANGUP and signal.getsignal(HANGUP) == signal.SIG_IGN else set()
    before = {number: signal.signal(number, _exit) for number in {signal.SIGTERM, HANGUP} - {None} - kept}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _exit(number, frame):
    raise Terminated(128 + number)
