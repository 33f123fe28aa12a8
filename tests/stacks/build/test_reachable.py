from pathlib import Path

import pytest

from lading.functions.inference.processing.processed import LIBRARIES
from lading.stacks.build.reachable import IN_OTHER_LAYERS, reachable_imports


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A function's folder; its code is written by `write`."""
    folder = tmp_path / "lading" / "functions" / "f"
    folder.mkdir(parents=True)
    return folder


def statements(room: Path, **sources: str) -> list[str]:
    for name, source in sources.items():
        (room / f"{name}.py").write_text(source)
    return reachable_imports(room.parents[2])


def test_an_import_within_a_function_is_found(room: Path) -> None:
    source = "def handler(event, context):\n    if event:\n        from rare import thing\n"
    assert statements(room, lambda_handler=source) == ["from rare import thing"]


def test_the_imports_of_an_imported_module_are_found(room: Path) -> None:
    found = statements(
        room,
        lambda_handler="def f():\n    from lading.functions.f import late\n",
        late="import lading.functions.f.later\n",
        later="import rare\n",
    )
    assert found[1:] == ["import lading.functions.f.later", "import rare"]


def test_the_imports_of_a_package_itself_are_found(room: Path) -> None:
    (room / "__init__.py").write_text("import rare\n")
    found = statements(room, web_adapter="from lading.functions.f.a import b\n", a="")
    assert found == ["from lading.functions.f.a import b", "import rare"]


def test_modules_that_import_each_other_are_read_once(room: Path) -> None:
    found = statements(
        room,
        lambda_handler="import lading.functions.f.a\n",
        a="import lading.functions.f.b\n",
        b="import lading.functions.f.a\n",
    )
    assert found == ["import lading.functions.f.a", "import lading.functions.f.b"]


def test_what_only_a_type_checker_reads_is_left_out(room: Path) -> None:
    source = "if TYPE_CHECKING:\n    import mypy_boto3\nelse:\n    import rare\n"
    assert statements(room, lambda_handler=source) == ["import rare"]


def test_what_no_handler_reaches_is_left_out(room: Path) -> None:
    assert statements(room, lambda_handler="", container="import grpc\n") == []


def test_modules_that_are_imported_by_name_are_read(room: Path) -> None:
    for place in ("dialects/plain", "processing/labels", "processing/image"):
        path = room.parent / "inference" / f"{place}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"import {path.stem}_needs\n")
    assert statements(room) == ["import labels_needs", "import plain_needs"]


def test_the_steps_that_are_left_out_are_those_with_a_library() -> None:
    assert set(LIBRARIES) == IN_OTHER_LAYERS
