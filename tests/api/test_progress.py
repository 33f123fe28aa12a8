"""What progress writes where standard error is no terminal, and where it is one."""

import os
import pty
import re
import subprocess
import sys

import pytest

from lading.api.progress import live_step, show_stages, show_steps
from lading.model_packaging.optimizers.registry import OPTIMIZERS

AT_A_TERMINAL = """
from lading.api.progress import show_steps
with show_steps() as show:
    show("deploy [all]")
    show("")
print("done", flush=True)
"""


def test_each_step_is_a_plain_line_with_the_elapsed_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with show_steps() as show:
        show("cdk bootstrap")
        show("call [digits]")
        show("")
    lines = capsys.readouterr().err.splitlines()
    assert [re.sub(r"^ +\d+\.\d s  ", "", line) for line in lines] == [
        "cdk bootstrap",
        "call [digits]",
    ]


def test_each_stage_is_a_line_when_it_has_ended(capsys: pytest.CaptureFixture[str]) -> None:
    with show_stages("digits") as on_stage:
        on_stage("convert", "")
        on_stage("convert", "opset 17")
    title, line = capsys.readouterr().err.splitlines()
    assert title == "digits"
    assert re.fullmatch(r"  convert +\d+\.\d s  opset 17", line)


@pytest.mark.parametrize(
    "outcome", [*(each.idle for each in OPTIMIZERS), "not wanted: no explain", "none: no rows"]
)
def test_a_stage_that_did_nothing_is_listed_only_on_request(
    capsys: pytest.CaptureFixture[str], outcome: str
) -> None:
    for verbose in (False, True):
        with show_stages("digits", verbose=verbose) as on_stage:
            on_stage("prune", outcome)
        assert (outcome in capsys.readouterr().err) is verbose


def test_a_live_step_writes_nothing_to_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    with live_step() as show:
        show("copy digits version 1")
    assert capsys.readouterr() == ("", "")


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is POSIX's")
def test_at_a_terminal_the_step_is_live_and_standard_output_stays_apart() -> None:
    terminal, side = pty.openpty()
    ended = subprocess.run(
        [sys.executable, "-c", AT_A_TERMINAL],
        stdout=subprocess.PIPE,
        stderr=side,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
        check=True,
    )
    os.close(side)
    shown = os.read(terminal, 65536).decode()
    os.close(terminal)
    assert ended.stdout == b"done\n"
    assert "deploy [all]" in shown
    assert "0:00:0" in shown
