"""An external program in a separate process group, which ends with this process."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

_TETHER = str(Path(__file__).with_name("tether.py"))
_GRACE_SECONDS = 5.0
_BETWEEN_PROBES = 0.05


class Child:
    """A running program.

    Args:
        command: the program's path and its arguments.
        environment: all of its variables.
        folder: its working directory.
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
        """Wait until it ends and return its exit status; an interrupted wait ends it."""
        try:
            return self._process.wait()
        finally:
            self.end()

    async def ready(self, probe: Callable[[], Awaitable[bool]], seconds: float) -> bool:
        """Wait until `probe` succeeds; False when the program ends or `seconds` pass first."""
        deadline = time.monotonic() + seconds
        while not await probe():
            if self.ended or time.monotonic() > deadline:
                return False
            await asyncio.sleep(_BETWEEN_PROBES)
        return True

    def end(self, grace_seconds: float = _GRACE_SECONDS) -> bool:
        """Send SIGTERM, and SIGKILL after the grace period; return whether SIGTERM was enough."""
        self._signal(signal.SIGTERM)
        in_time = self.has_ended_within(grace_seconds)
        self._signal(signal.SIGKILL)
        self.has_ended_within(_GRACE_SECONDS)
        return in_time

    def has_ended_within(self, seconds: float) -> bool:
        """Wait at most `seconds` for its end; return whether it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self.ended

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def tether(parent: int) -> list[str]:
    """Return the words before a command that bind it to its parent on Linux: `tether.py`."""
    linux = sys.platform == "linux"
    return [sys.executable, "-I", "-S", _TETHER, str(parent)] if linux else []
