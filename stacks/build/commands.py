"""Run another program and read its output."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

Finished = subprocess.CompletedProcess[str]


def run(
    *command: str | Path,
    environment: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
) -> Finished:
    """Run `command` to its end, without a shell; the caller checks its exit status."""
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, timeout=timeout_s
    )


def last_line(finished: Finished) -> str:
    """Return the last line that a failed program wrote, which mostly states the error."""
    lines = finished.stderr.strip().splitlines()
    return lines[-1].strip() if lines else f"it exited with status {finished.returncode}"
