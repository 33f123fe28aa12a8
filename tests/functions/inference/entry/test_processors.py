"""Threads are counted by what Linux lets this process use, not by what the machine has."""

import os
from pathlib import Path

import pytest

from lading.functions.inference.entry.processors import processors

ALL = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def count(root: Path, own: str, files: dict[str, str]) -> int:
    for name, content in files.items():
        path = root / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (root / "own").write_text(own)
    return processors(root / "cgroup", root / "own")


V1 = "9:memory:/pod/it\n4:cpu,cpuacct:/pod/it\n0::/pod/it\n"


@pytest.mark.parametrize(
    ("own", "files"),
    [
        ("0::/\n", {"cpu.max": "100000 100000\n"}),
        ("0::/\n", {"cpu.max": "50000 100000\n"}),
        ("0::/pod/it\n", {"pod/it/cpu.max": "max 100000\n", "pod/cpu.max": "100000 100000\n"}),
        ("0::/pod/it\n", {"cpu.max": "1000 1000\n"}),
        (V1, {f"cpu,cpuacct/pod/it/cpu.cfs_{k}_us": "1000" for k in ("quota", "period")}),
        (V1, {f"cpu/pod/cpu.cfs_{k}_us": "1000" for k in ("quota", "period")}),
        (V1, {f"cpu,cpuacct/cpu.cfs_{k}_us": "1000" for k in ("quota", "period")}),
    ],
)
def test_a_quota_bounds_the_count_wherever_it_is_set(
    tmp_path: Path, own: str, files: dict[str, str]
) -> None:
    assert count(tmp_path, own, files) == 1


@pytest.mark.parametrize(
    ("own", "files"),
    [
        ("0::/\n", {}),
        ("0::/\n", {"cpu.max": "max 100000\n"}),
        ("0::/\n", {"cpu.max": "100000000 1\n"}),
        ("0::/\n", {"cpu.max": "nonsense"}),
        ("0::/\n", {"cpu.max": "0 0"}),
        (V1, {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}),
        (V1, {"memory/pod/it/cpu.max": "1 1"}),
        ("0::/../..\n", {}),
        ("", {}),
    ],
)
def test_without_a_quota_the_count_is_that_of_the_processors(
    tmp_path: Path, own: str, files: dict[str, str]
) -> None:
    assert count(tmp_path, own, files) == ALL


def test_where_there_are_no_control_groups_the_count_is_that_of_the_processors(
    tmp_path: Path,
) -> None:
    assert processors(tmp_path / "none", tmp_path / "neither") == ALL


def test_a_quota_is_rounded_up(tmp_path: Path) -> None:
    assert count(tmp_path, "0::/\n", {"cpu.max": "110000 100000"}) == min(2, ALL)
