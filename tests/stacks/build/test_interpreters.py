import os
import subprocess
import sys
from pathlib import Path

import pytest

from lading.stacks.build.interpreters import find_python
from lading.stacks.errors import PythonMissing
from tests.stacks.conftest import ROOT

THIS = f"{sys.version_info.major}.{sys.version_info.minor}"

FIND = """
from lading.stacks.build.interpreters import find_python
from lading.stacks.errors import PythonMissing
try:
    print(find_python("3.99"))
except PythonMissing:
    print(None)
"""


def program(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
    return path


def found_on(*folders: Path) -> str:
    """What a process with these folders on its PATH finds for a version that is not here."""
    environment = {**os.environ, "PATH": os.pathsep.join(map(str, folders))}
    command = [sys.executable, "-c", FIND]
    finished = subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment, cwd=ROOT
    )
    return finished.stdout.strip()


def test_the_running_interpreter_is_found_first() -> None:
    assert find_python(THIS) == Path(sys.executable)


def test_a_version_that_is_not_here_is_refused_with_the_command_that_installs_it() -> None:
    with pytest.raises(PythonMissing, match=r"`uv python install 3\.99`, or put python3\.99"):
        find_python("3.99")


def test_a_version_that_is_not_here_is_none(tmp_path: Path) -> None:
    assert found_on(tmp_path) == "None"


def test_a_shim_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "shims" / "python3.99", "exit 127")
    real = program(tmp_path / "real" / "python3.99", "echo cpython 3.99 False")
    assert found_on(tmp_path / "shims", tmp_path / "real") == str(real)


def test_an_interpreter_without_a_global_lock_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "python3.99", "echo cpython 3.99 True")
    assert found_on(tmp_path) == "None"


def test_an_interpreter_of_another_version_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "python3.99", "echo cpython 3.98 False")
    assert found_on(tmp_path) == "None"


def test_version_tools_are_asked(tmp_path: Path) -> None:
    real = program(tmp_path / "hidden/bin/python", "echo cpython 3.99 False")
    program(tmp_path / "tools" / "uv", "exit 2")
    program(tmp_path / "tools" / "pyenv", f"echo {tmp_path / 'hidden'}")
    assert found_on(tmp_path / "tools") == str(real)
