"""The function's output, written to a file as the cloud writes it to a log group."""

import contextlib
import io
import sys
import threading
from collections.abc import Iterator
from typing import TextIO


class FunctionThread(threading.Thread):
    """A thread that runs the function; what it prints belongs to the function's log."""


class SplitOutput(io.TextIOBase):
    """A standard stream that sends the function's threads to `log` and all others to `stream`."""

    def __init__(self, stream: TextIO, log: TextIO) -> None:
        self._stream = stream
        self._log = log

    def write(self, text: str) -> int:
        """Write `text` to the stream of the current thread."""
        return self._target().write(text)

    def flush(self) -> None:
        """Flush the stream of the current thread."""
        self._target().flush()

    def close(self) -> None:
        """Do nothing: both streams belong to others, which may have closed them."""

    def isatty(self) -> bool:
        """Return whether the current thread writes to a terminal."""
        return self._target().isatty()

    def fileno(self) -> int:
        """Return the descriptor of the current thread's stream."""
        return self._target().fileno()

    def _target(self) -> TextIO:
        own = isinstance(threading.current_thread(), FunctionThread)
        return self._log if own else self._stream


@contextlib.contextmanager
def function_output(log: TextIO) -> Iterator[None]:
    """Send what the function's threads print to `log`; all threads share one `sys.stdout`."""
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (SplitOutput(stream, log) for stream in streams)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams
