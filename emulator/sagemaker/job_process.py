"""The process of an emulated job, which may be stopped at any moment, also before it exists."""

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from lading.emulator.processes.child import tether

STOP_SECONDS = 120.0
"""From SIGTERM to SIGKILL, as in SageMaker."""


class JobProcess:
    """Runs the program of a job, in a process group of its own."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._alone, self._stopped = threading.Lock(), False

    def run(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        seconds: float | None = None,
    ) -> int | None:
        """Run a command to its end.

        Args:
            command: the command.
            environment: its variables.
            log: the file that what it prints is appended to.
            seconds: how long it may take; None: as long as it likes.

        Returns:
            Its exit code; None: it took too long, or was stopped before it began.
        """
        with self._alone, log.open("ab") as printed:
            if self._stopped:
                return None
            process = self._process = subprocess.Popen(
                [*tether(os.getpid()), *command],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                start_new_session=True,
            )
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._end(STOP_SECONDS)
            return None

    def stop(self, grace_seconds: float = STOP_SECONDS) -> None:
        """Stop for good: SIGTERM, and SIGKILL after the grace period; without waiting."""
        with self._alone:
            self._stopped = True
        threading.Thread(target=self._end, args=(grace_seconds,), daemon=True).start()

    def kill(self) -> None:
        """End what runs now, at once."""
        self._signal(signal.SIGKILL)

    def _end(self, grace_seconds: float) -> None:
        self._signal(signal.SIGTERM)
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(grace_seconds)
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            if self._process is not None and self._process.poll() is None:
                os.killpg(self._process.pid, number)
