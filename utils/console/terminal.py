"""Standard output and error whose reader may leave: a closed pipe or terminal does not end a program."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO


class TolerantStream:
    """Passes text on to a stream, and drops it from the first write on that the stream refuses."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes `text` if anybody can read it; returns its length."""
        try:
            self._attempt(self._stream.write, text)
        except UnicodeError:
            self._attempt(self._stream.write, text.encode("ascii", "backslashreplace").decode())
        return len(text)

    def flush(self) -> None:
        """Flushes the stream if anybody can read it."""
        self._attempt(self._stream.flush)

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def _attempt(self, call, *arguments):
        try:
            call(*arguments)
        except UnicodeError:
            raise
        except BlockingIOError:  # a slow reader of a pipe that does not block: this text is lost, the next may pass
            pass
        except (OSError, ValueError):  # broken pipe, closed terminal, full disk, closed file
            self._drop_from_now_on()

    def _drop_from_now_on(self):
        """Leads the file descriptor to nowhere: what the stream still buffers is then dropped without an error, too."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            with suppress(OSError, ValueError):
                os.dup2(nowhere, self._stream.fileno())
                return
            self._stream = open(os.devnull, "w")  # noqa: SIM115 (it lives as long as this stream)
        finally:
            os.close(nowhere)


def tolerant(stream: TextIO | None) -> TolerantStream:
    """Returns a stream that survives its reader; for None (a program without a terminal) one that drops everything."""
    if isinstance(stream, TolerantStream):
        return stream
    return TolerantStream(open(os.devnull, "w") if stream is None else stream)


@contextmanager
def tolerant_output() -> Iterator[None]:
    """Makes standard output and error survive their readers; as a decorator, for as long as a function runs."""
    before = sys.stdout, sys.stderr
    own = sys.stdout, sys.stderr = tuple(map(tolerant, before))
    try:
        yield
    finally:
        for stream in own:
            stream.flush()  # an error at the interpreter's end would change the exit code
        if (sys.stdout, sys.stderr) == own:
            sys.stdout, sys.stderr = before
