from pathlib import Path

import pytest

from lading.emulator.checkout import CODE, packaged_file, tools_folder
from lading.emulator.settings import cache_folder
from tests.support.interpreter import ROOT


def test_the_code_lies_in_the_checkout_that_the_tests_run_from() -> None:
    assert CODE == ROOT
    assert tools_folder() == ROOT / ".lading" / "emulate"


@pytest.mark.parametrize("name", ["requirements/emulate.txt", "package.json", "package-lock.json"])
def test_the_package_has_the_files_that_pin_tools(name: str) -> None:
    assert packaged_file(name).read_bytes() == (ROOT / name).read_bytes()


def test_the_cache_is_where_the_user_has_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "lading"


@pytest.mark.parametrize("stated", ["", "not/absolute"])
def test_an_empty_or_relative_cache_is_that_of_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stated: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", stated)
    assert cache_folder() == tmp_path / ".cache" / "lading"
