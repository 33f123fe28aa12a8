"""Where a function's output goes: into a file, as in the cloud it goes into a log group."""

import io
import sys
import threading
from types import TracebackType
from typing import Self, TextIO


class FunctionThread(threading.Thread):
    """A thread that runs a function; what it prints belongs to the function's log."""


class SplitOutput(io.TextIOBase):
    """A standard stream for two: a function's threads write to a file, all others to `stream`."""

    def __init__(self, stream: TextIO, log: TextIO) -> None:
        self._stream = stream
        self._log = log

    def write(self, text: str) -> int:
        """Write `text` where the current thread's output belongs."""
        return self._target().write(text)

    def flush(self) -> None:
        """Flush what the current thread writes to."""
        self._target().flush()

    def close(self) -> None:
        """Close nothing: both streams belong to others, and may be closed by now."""

    def isatty(self) -> bool:
        """Whether the current thread writes to a terminal."""
        return self._target().isatty()

    def fileno(self) -> int:
        """Descriptor of what the current thread writes to."""
        return self._target().fileno()

    def _target(self) -> TextIO:
        own = isinstance(threading.current_thread(), FunctionThread)
        return self._log if own else self._stream


class FunctionLog:
    """A context in which the function's threads print to `log`.

    `sys.stdout` is one for all threads, so meanwhile one stands there that tells them apart.
    """

    def __init__(self, log: TextIO) -> None:
        self._log = log

    def __enter__(self) -> Self:
        self._streams = sys.stdout, sys.stderr
        sys.stdout = SplitOutput(sys.stdout, self._log)
        sys.stderr = SplitOutput(sys.stderr, self._log)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        sys.stdout, sys.stderr = self._streams
