import sys
from pathlib import Path

import onnx
import pytest

from lading.stacks.build.first_request import MODEL, answer_first_request
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


def test_code_that_answers_wrongly_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "lading" / "functions" / "inference" / "entry"
    folder.mkdir(parents=True)
    answer = "{'statusCode': 500, 'body': 'oh'}"
    code = f"def handler(event, context): return {answer}\n"
    (folder / "lambda_handler.py").write_text(code)
    with pytest.raises(CodeDoesNotAnswer, match="500 oh"):
        answer_first_request(Path(sys.executable), tmp_path, tmp_path)
