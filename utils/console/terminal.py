"""Makes standard output and error tolerate a closed pipe or terminal, so that the program continues."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO


class TolerantStream:
    """Writes text to a stream; after the first write that fails, drops all text."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes `text` unless the stream is closed; returns the length of `text`."""
        try:
            self._attempt(self._stream.write, text)
        except UnicodeError:
            self._attempt(self._stream.write, text.encode("ascii", "backslashreplace").decode())
        return len(text)

    def flush(self) -> None:
        """Flushes the stream unless it is closed."""
        self._attempt(self._stream.flush)

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def _attempt(self, call, *arguments):
        try:
            call(*arguments)
        except UnicodeError:
            raise
        except BlockingIOError:  # a full non-blocking pipe: this text is lost, later text may pass
            pass
        except (OSError, ValueError):  # broken pipe, closed terminal, full disk, closed file
            self._drop_from_now_on()

    def _drop_from_now_on(self):
        """Redirects the file descriptor to /dev/null, so that buffered text is also dropped without an error."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            with suppress(OSError, ValueError):
                os.dup2(nowhere, self._stream.fileno())
                return
            self._stream = open(os.devnull, "w")  # noqa: SIM115 (it stays open as long as this stream)
        finally:
            os.close(nowhere)


def tolerant(stream: TextIO | None) -> TolerantStream:
    """Returns a stream that tolerates a closed reader; for None (a program without a terminal) one that drops all text."""
    if isinstance(stream, TolerantStream):
        return stream
    return TolerantStream(open(os.devnull, "w") if stream is None else stream)


@contextmanager
def tolerant_output() -> Iterator[None]:
    """Makes standard output and error tolerate closed readers inside a `with` block or a decorated function."""
    before = sys.stdout, sys.stderr
    replaced = sys.stdout, sys.stderr = tuple(map(tolerant, before))
    try:
        yield
    finally:
        for stream in replaced:
            stream.flush()  # an error at the interpreter's exit would change the exit code
        if (sys.stdout, sys.stderr) == replaced:
            sys.stdout, sys.stderr = before
