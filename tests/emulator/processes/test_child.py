"""Child processes: ready, ended, and never left behind."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lading.emulator.checkout import CODE
from lading.emulator.processes.child import Child
from tests.emulator.harness import ends

SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)"]


def started(folder: Path, *command: str) -> Child:
    return Child(command, environment=os.environ, folder=folder, log=folder / "log")


@pytest.mark.skipif(sys.platform != "linux", reason="the bond is Linux's")
def test_a_program_ends_when_who_started_it_is_killed(tmp_path: Path) -> None:
    script = f"""
import os, sys, time
from pathlib import Path
from lading.emulator.processes.child import Child
child = Child([sys.executable, "-c", "import time; time.sleep(60)"],
              environment=os.environ, folder=Path({str(tmp_path)!r}), log=Path("log"))
print(child._process.pid, flush=True)
time.sleep(60)
"""
    environment = {**os.environ, "PYTHONPATH": str(CODE)}
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, env=environment
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    assert ends(child)


def test_ending_a_program_ends_what_it_started(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "import subprocess as s; s.run(['sleep', '60'])"]
    child = Child(words, environment=os.environ, folder=tmp_path, log=tmp_path / "log")
    assert not child.ended
    child.end()
    assert child.ended


def test_a_program_that_ends_before_it_is_ready_is_noticed_at_once(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    child = started(tmp_path, sys.executable, "-c", "print('no')")
    assert not asyncio.run(child.ready(never, 60))
    assert child.ended
    assert (tmp_path / "log").read_text() == "no\n"


def test_a_program_is_ready_when_its_probe_succeeds(tmp_path: Path) -> None:
    answers = iter([False, False, True])

    async def third() -> bool:
        return next(answers)

    child = started(tmp_path, *SLEEPS)
    assert asyncio.run(child.ready(third, 60))
    assert not child.ended
    assert child.end()
