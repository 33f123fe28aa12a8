"""Everything of ours is `lading.…`, and nothing is loaded under two names."""

import re
from pathlib import Path

import pytest

from tests.support.interpreter import run_clean
from tests.support.rooms import ROOMS

ROOT = Path(__file__).parents[2]

PROBE = """
import json, os, sys
{imports}
paths = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
files = [os.path.realpath(path) for path in paths if path]
places = tuple(os.path.join(os.path.realpath({root!r}), room, "") for room in {rooms!r})
ours = [file for file in files if file.startswith(places)]
twice = [file for file in set(ours) if ours.count(file) > 1]
print(json.dumps({{"names": sorted(sys.modules), "twice": twice}}))
"""


def test_every_room_is_below_lading_and_nothing_else_is_a_room() -> None:
    assert sorted(init.parent.name for init in (ROOT / "lading").glob("*/__init__.py")) == [*ROOMS]


@pytest.mark.parametrize(
    "imports",
    [
        "import lading.functions.inference.entry.lambda_handler",
        "import lading.cli.main",
        "import lading.model_packaging.isolated, lading.emulator.gateway.api",
    ],
)
def test_no_module_is_loaded_under_two_names(imports: str) -> None:
    seen = run_clean(PROBE.format(imports=imports, root=str(ROOT), rooms=ROOMS), {})[-1]
    assert not set(ROOMS) & set(seen["names"])
    assert [name for name in seen["names"] if name.startswith("lading.")]
    assert seen["twice"] == []


def test_each_room_has_its_place_in_the_namespace() -> None:
    for room in ROOMS:
        assert (ROOT / "lading" / room).resolve() == ROOT / room


def test_every_import_is_written_with_the_namespace() -> None:
    old = re.compile(rf"^\s*(?:from|import) (?:{'|'.join(ROOMS)})(?:\.| import|$)", re.MULTILINE)
    folders = (*ROOMS, "tests", "benchmarks", "examples")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 500
    assert not [str(path) for path in files if old.search(path.read_text())]
