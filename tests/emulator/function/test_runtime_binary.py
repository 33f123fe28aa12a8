import subprocess
from pathlib import Path

import pytest

from lading.emulator.errors import RuntimeUnavailable
from lading.emulator.function.runtime_binary import runtime_binary
from tests.emulator.harness import LINUX_ONLY, TOOLS


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_other_systems_are_told_in_one_line(tmp_path: Path, system: str) -> None:
    with pytest.raises(RuntimeUnavailable, match=rf"runs on Linux, not on {system}") as told:
        runtime_binary(tmp_path, system=system)
    assert "\n" not in str(told.value)


def test_other_processors_are_told(tmp_path: Path) -> None:
    with pytest.raises(RuntimeUnavailable, match="not built for riscv64"):
        runtime_binary(tmp_path, system="linux", machine="riscv64")


@LINUX_ONLY
def test_program_that_is_there_is_not_fetched_again() -> None:
    first = runtime_binary(TOOLS)
    before = first.stat().st_mtime_ns
    assert runtime_binary(TOOLS).stat().st_mtime_ns == before


@LINUX_ONLY
def test_program_for_another_processor_is_fetched_alone_and_whole(tmp_path: Path) -> None:
    program = runtime_binary(tmp_path / "tools", machine="aarch64")
    assert list(program.parent.iterdir()) == [program]
    assert program.read_bytes()[:4] == b"\x7fELF"
    assert program.stat().st_mode & 0o111


@LINUX_ONLY
def test_program_runs_on_this_machine() -> None:
    taken = subprocess.run(
        [runtime_binary(TOOLS), "--runtime-interface-emulator-address", "nonsense", "true"],
        capture_output=True,
        check=False,
        timeout=20,
    )
    assert b"not a valid network address" in taken.stderr + taken.stdout
