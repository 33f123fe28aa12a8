import sys

from lading.stacks.build.commands import last_line, run


def test_what_a_program_prints_is_read() -> None:
    finished = run(sys.executable, "-c", "print('seen')", environment={})
    assert (finished.returncode, finished.stdout) == (0, "seen\n")


def test_a_failure_is_told_by_its_last_line() -> None:
    assert last_line(run(sys.executable, "-c", "raise OSError('full')")) == "OSError: full"


def test_a_silent_failure_is_told_by_its_status() -> None:
    assert last_line(run(sys.executable, "-c", "raise SystemExit(3)")) == "it exited with status 3"
