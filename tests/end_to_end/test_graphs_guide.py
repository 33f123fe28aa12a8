"""Every command of the guide to graphs does what it says, one after another."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.conftest import ROOT, command_environment
from tests.support.frameworks import needs

pytestmark = [pytest.mark.slow, needs("tabular", "skops")]

GUIDE = (ROOT / "docs/graphs.md").read_text()
STEPS = re.findall(r"```sh\n(.*?)```(?:\n\n```text\n(.*?)```)?", GUIDE, re.DOTALL)
"""Commands, and what they write; `…` stands for anything."""
EXAMPLE = "examples/messages"


def pattern(shown: str) -> str:
    """A regular expression for what a block shows: any spaces fit, and `…` stands for anything."""
    pieces = [
        r"\s+".join(map(re.escape, piece.split())) for piece in re.split(r"\s*…\s*", shown.strip())
    ]
    return r"[\s\S]*?".join(pieces)


def test_the_commands_write_what_the_guide_shows(tmp_path: Path) -> None:
    (tmp_path / EXAMPLE).mkdir(parents=True)
    for name in ("train.py", "models.yaml"):
        (tmp_path / EXAMPLE / name).write_bytes((ROOT / EXAMPLE / name).read_bytes())
    manifest = {"LADING_MANIFEST": f"{EXAMPLE}/models.yaml"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    assert len(STEPS) == 3
    for script, shown in STEPS:
        done = subprocess.run(
            ["bash", "-euc", script],
            cwd=tmp_path,
            env={**command_environment(), **manifest, "PATH": path, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stderr}"
        assert re.search(pattern(shown), done.stdout), f"{script}\n{done.stdout}"
    assert "judges" in (tmp_path / "messages.html").read_text()
