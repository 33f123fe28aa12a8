"""Every command of the guide to capture does what it says, in a project with the digits."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.support.guides import run_guide

pytestmark = pytest.mark.slow


def test_the_commands_write_what_the_guide_shows(published: Path, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    shutil.copytree(published, folder)
    try:
        run_guide("capture.md", "## Try it here", folder)
    except AssertionError:
        os.kill(int((folder / "server.pid").read_text()), signal.SIGTERM)
        raise
