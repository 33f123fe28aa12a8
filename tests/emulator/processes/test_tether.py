import os
import subprocess
import sys
from pathlib import Path

from lading.emulator.processes import tether
from tests.emulator.harness import LINUX_ONLY, ends

pytestmark = LINUX_ONLY

TETHER = [sys.executable, "-I", "-S", str(Path(tether.__file__))]


def test_command_runs_with_its_arguments_and_environment() -> None:
    done = subprocess.run(
        [*TETHER, str(os.getpid()), "/bin/sh", "-c", 'echo "$1 $GREETING"', "sh", "a b"],
        env={"GREETING": "hello"},
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout == "a b hello\n"


def test_command_ends_when_its_parent_is_killed() -> None:
    script = f"""
import os, subprocess, time
subprocess.Popen([*{TETHER!r}, str(os.getpid()), "/bin/sh", "-c", "echo $$; exec sleep 60"])
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        os.kill(child, 0)
        parent.kill()
    assert ends(child)


def test_command_is_not_run_when_the_parent_is_gone_already() -> None:
    done = subprocess.run(
        [*TETHER, "1", "/bin/echo", "ran"], capture_output=True, check=False, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "the parent process is gone\n"
