"""A program of another's making, in a group of its own, that does not outlive this process."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_TETHER = str(Path(__file__).with_name("tether.py"))
_GRACE_SECONDS = 5.0


class Child:
    """A running program.

    Args:
        command: the program's path and its arguments.
        environment: all of its variables.
        folder: where it works.
        log: file to which its output is appended.
    """

    def __init__(
        self, command: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path
    ) -> None:
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*tether(os.getpid()), *command],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._process.poll() is not None

    def wait(self) -> int:
        """Wait until it ends, and end it when that is interrupted; its exit status."""
        try:
            return self._process.wait()
        finally:
            self.end()

    def end(self, grace_seconds: float = _GRACE_SECONDS) -> bool:
        """Ask its group to end, then make it; whether asking was enough."""
        self._signal(signal.SIGTERM)
        asked = self.has_ended_within(grace_seconds)
        self._signal(signal.SIGKILL)
        self.has_ended_within(_GRACE_SECONDS)
        return asked

    def has_ended_within(self, seconds: float) -> bool:
        """Wait for so long at most; whether it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self.ended

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def tether(parent: int) -> list[str]:
    """What to put before a command to bind it to its parent (see `processes.tether`), on Linux."""
    linux = sys.platform == "linux"
    return [sys.executable, "-I", "-S", _TETHER, str(parent)] if linux else []
