import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import onnx
import pytest

from lading.stacks.build.first_request import MODEL, RUNTIME_PACKAGES, answer_first_request
from lading.stacks.build.lambda_code import Folders
from lading.stacks.errors import CodeDoesNotAnswer


def test_the_model_is_a_valid_one() -> None:
    model = onnx.load_from_string(MODEL)
    onnx.checker.check_model(model)
    assert [node.op_type for node in model.graph.node] == ["Add"]


def test_built_code_answers(local: Folders) -> None:
    answer_first_request(Path(sys.executable), local.layer / "python", local.functions)


def test_code_that_lacks_a_package_is_refused(local: Folders, tmp_path: Path) -> None:
    with pytest.raises(CodeDoesNotAnswer, match="No module named 'mangum'") as caught:
        answer_first_request(Path(sys.executable), tmp_path, local.functions)
    assert caught.value.layer == tmp_path


@pytest.mark.parametrize("package", ["utilities/idempotency", "middleware_factory"])
def test_code_that_lacks_what_is_imported_late_is_refused(
    local: Folders, tmp_path: Path, package: str
) -> None:
    layer = tmp_path / "python"
    shutil.copytree(local.layer / "python", layer, copy_function=os.link)
    shutil.rmtree(layer / "aws_lambda_powertools" / package)
    with pytest.raises(CodeDoesNotAnswer, match=package.replace("/", r"\.")):
        answer_first_request(Path(sys.executable), layer, local.functions)


def test_every_package_of_lambdas_own_runtime_is_here() -> None:
    assert all(map(find_spec, RUNTIME_PACKAGES))


@pytest.mark.parametrize(
    ("dialect", "reason"),
    [("", "500 oh"), ("import not_in_the_layer", "No module named 'not_in_the_layer'")],
)
def test_code_that_answers_wrongly_or_lacks_what_a_dialect_needs_is_refused(
    tmp_path: Path, dialect: str, reason: str
) -> None:
    folder = tmp_path / "lading" / "functions" / "inference"
    (folder / "dialects").mkdir(parents=True)
    (folder / "entry").mkdir()
    (folder / "dialects" / "rare.py").write_text(dialect)
    answer = "{'statusCode': 500, 'body': 'oh'}"
    code = f"def handler(event, context): return {answer}\n"
    (folder / "entry" / "lambda_handler.py").write_text(code)
    with pytest.raises(CodeDoesNotAnswer, match=reason):
        answer_first_request(Path(sys.executable), tmp_path, tmp_path)
