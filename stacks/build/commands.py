"""Run another program and read what it says."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

Finished = subprocess.CompletedProcess[str]


def run(
    *command: str | Path,
    environment: Mapping[str, str] | None = None,
    patience_s: float | None = None,
) -> Finished:
    """Run `command` to its end, without a shell; its status is the caller's to judge."""
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, timeout=patience_s
    )


def last_line(finished: Finished) -> str:
    """The last line that a failed program wrote: mostly what is wrong."""
    lines = finished.stderr.strip().splitlines()
    return lines[-1].strip() if lines else f"it ended with status {finished.returncode}"
