import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lading.stacks.build.cache import CachedFolder
from tests.stacks.conftest import ROOT

KILLED = """
import os, signal, sys
from pathlib import Path
from lading.stacks.build.cache import CachedFolder

def write(folder):
    (folder / "half").touch()
    os.kill(os.getpid(), signal.SIGKILL)

CachedFolder(Path(sys.argv[1]), "abc", write).folder()
"""


def write(folder: Path) -> None:
    (folder / "a").mkdir()
    (folder / "a" / "b.txt").write_text("text")
    (folder / "a" / "b.txt").chmod(0o600)


def test_a_folder_is_made_once(tmp_path: Path) -> None:
    made = CachedFolder(tmp_path / "cache", "abc", write).folder()
    (made / "mark").touch()
    assert CachedFolder(tmp_path / "cache", "abc", write).folder() == made
    assert (made / "mark").exists()


def test_times_and_modes_are_the_same_everywhere(tmp_path: Path) -> None:
    made = CachedFolder(tmp_path, "abc", write).folder()
    paths = (made, made / "a", made / "a" / "b.txt")
    assert {path.stat().st_mtime for path in paths} == {315_532_800}
    assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [0o755, 0o755, 0o644]


def test_a_failure_leaves_nothing_that_looks_finished(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        write(folder)
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        CachedFolder(tmp_path, "abc", fail).folder()
    assert not (tmp_path / "abc").exists()


def test_a_kill_leaves_nothing_behind_in_the_next_build(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    killed = subprocess.run(command, check=False, cwd=ROOT)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "abc").exists()
    made = CachedFolder(tmp_path, "abc", write).folder()
    assert [path.name for path in made.iterdir()] == ["a"]


def test_of_two_at_once_one_builds(tmp_path: Path) -> None:
    calls = list[Path]()

    def slow(folder: Path) -> None:
        calls.append(folder)
        time.sleep(0.2)
        write(folder)

    with ThreadPoolExecutor() as pool:
        made = set(pool.map(lambda _: CachedFolder(tmp_path, "abc", slow).folder(), range(4)))
    assert made == {tmp_path / "abc"}
    assert len(calls) == 1
