"""The guide's blocks, run in their order as one program."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.conftest import ROOT, command_environment

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs/python.md").read_text(), re.DOTALL)


@pytest.mark.slow
def test_the_guide_runs(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    (tmp_path / "guide.py").write_text("\n".join(BLOCKS))
    done = subprocess.run(
        [sys.executable, "-W", "error", "guide.py"],
        cwd=tmp_path,
        env=command_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "churn version 1 published" in done.stdout
    assert (tmp_path / "churn-1.html").is_file()
