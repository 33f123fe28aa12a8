import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import pytest

from lading.functions.contract.names import Library
from lading.functions.inference.native import libraries
from lading.functions.inference.processing import processed
from lading.stacks.build.lambda_code import Folders
from lading.stacks.build.reachable import LIBRARIES, RUNTIME_PACKAGES, import_all, reachable_imports
from lading.stacks.errors import CodeDoesNotAnswer
from tests.support.interpreter import ROOT


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


def test_the_modules_of_a_library_are_its_steps(room: Path) -> None:
    folder = room.parent / "inference" / "processing"
    folder.mkdir(parents=True)
    (folder / "image.py").write_text("import PIL\n")
    (folder / "labels.py").write_text("import rare\n")
    assert reachable_imports(room.parents[2], "pillow") == ["import PIL"]


def test_the_steps_and_runtimes_of_each_library_are_those_that_need_it() -> None:
    assert {**processed.LIBRARIES, **libraries.LIBRARIES} == LIBRARIES


def test_every_package_of_lambdas_own_runtime_is_here() -> None:
    assert all(map(find_spec, RUNTIME_PACKAGES))


@pytest.mark.parametrize("package", ["utilities/idempotency", "middleware_factory"])
def test_a_layer_that_lacks_what_is_imported_late_is_refused(
    local: Folders, tmp_path: Path, package: str
) -> None:
    layer = tmp_path / "python"
    shutil.copytree(local.layer / "python", layer, copy_function=os.link)
    shutil.rmtree(layer / "aws_lambda_powertools" / package)
    with pytest.raises(CodeDoesNotAnswer, match=package.replace("/", r"\.")) as caught:
        import_all(Path(sys.executable), [layer], local.functions)
    assert caught.value.layer == layer


def test_a_layer_that_lacks_what_a_dialect_needs_is_refused(room: Path, tmp_path: Path) -> None:
    folder = room.parent / "inference" / "dialects"
    folder.mkdir(parents=True)
    (folder / "rare.py").write_text("import not_in_the_layer")
    with pytest.raises(CodeDoesNotAnswer, match="No module named 'not_in_the_layer'"):
        import_all(Path(sys.executable), [tmp_path], room.parents[2])


@pytest.mark.parametrize("library", get_args(Library))
def test_a_processing_layer_that_lacks_its_library_is_refused(
    local: Folders, tmp_path: Path, library: Library
) -> None:
    layers = [tmp_path, local.layer / "python"]
    with pytest.raises(
        CodeDoesNotAnswer,
        match=r"No module named '(PIL|ai_edge_litert|joblib|lightgbm|tokenizers|xgboost)'",
    ):
        import_all(Path(sys.executable), layers, local.functions, library)


def test_no_handler_reaches_the_parser_of_the_container(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "functions", tmp_path / "lading" / "functions")
    found = reachable_imports(tmp_path)
    assert found
    assert [statement for statement in found if "httptools" in statement] == []
