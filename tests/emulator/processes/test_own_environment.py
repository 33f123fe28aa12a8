"""Environments of tools: made once, also when two ask at once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lading.emulator.errors import ToolUnavailable
from lading.emulator.processes.own_environment import own_environment


def test_of_two_at_once_one_makes_it(tmp_path: Path) -> None:
    requirements = tmp_path / "tool.txt"
    requirements.write_text("")

    def made(_: int) -> int:
        folder = own_environment(tmp_path / "venv", requirements, tmp_path / "log")
        return (folder / "made-of").stat().st_ino

    with ThreadPoolExecutor() as pool:
        assert len(set(pool.map(made, range(2)))) == 1
    assert (tmp_path / "venv" / "bin" / "python").exists()


def test_what_cannot_be_made_leaves_nothing_behind(tmp_path: Path) -> None:
    requirements = tmp_path / "tool.txt"
    requirements.write_text("a tool that no index has")
    with pytest.raises(ToolUnavailable, match=r"tool\.txt"):
        own_environment(tmp_path / "venv", requirements, tmp_path / "log")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"tool.txt", "log", "venv.lock"}
