"""What a test waits for is given to it once it is there, and is missed after the time."""

import subprocess
import sys

import pytest

from tests.support.waiting import until, until_it_answers


def test_what_is_found_at_last_is_returned() -> None:
    looks = iter([None, "", 0, "found", "later"])
    assert until(lambda: next(looks)) == "found"


def test_what_is_not_found_in_time_is_told() -> None:
    looks = []
    with pytest.raises(AssertionError, match=r"still None after 0 s of waiting"):
        until(lambda: looks.append(1), longest_s=0)
    assert looks == [1]


def test_a_process_that_ends_is_not_waited_for() -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no port')"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        process.wait()
        with pytest.raises(AssertionError, match=r"it ended with 1: .*no port"):
            until_it_answers(process, "http://127.0.0.1:1")
