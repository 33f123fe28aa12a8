"""The page on the architecture names every room, and only what is there."""

import re
from pathlib import Path

import pytest

from tests.support.rooms import ROOMS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text()
ROWS = re.findall(r"^\| (.+) \| `([\w/]+)/` \| (.+) \|$", PAGE, re.MULTILINE)
WITH_MODULES = sorted(
    {
        str(path.parent.relative_to(ROOT))
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if path.name != "__init__.py"
    }
)


@pytest.mark.parametrize("folder", WITH_MODULES)
def test_each_room_has_one_row_with_its_behavior(folder: str) -> None:
    assert [room for _, room, _ in ROWS].count(folder) == 1


def test_each_module_that_is_named_exists_in_the_room_of_its_row() -> None:
    assert len(ROWS) >= len(WITH_MODULES)
    for behavior, room, modules in ROWS:
        named = re.findall(r"`([\w/]+\.py)`", modules)
        assert named, behavior
        assert all((ROOT / name).is_file() for name in named), behavior
        assert all(name.rpartition("/")[0] == room for name in named), behavior


def test_every_other_path_of_the_page_exists() -> None:
    for name in re.findall(r"`([\w/]+(?:\.py|/))`", PAGE):
        assert (ROOT / name).exists(), name
