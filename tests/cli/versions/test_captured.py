"""Answers in SageMaker's data capture: tensors in both encodings, texts, and other lines."""

import base64
import json
from typing import Any

import numpy as np
import pytest

from lading.api.errors import InputUnreadable
from lading.cli.versions.captured import captured_answers
from lading.emulator.sagemaker.capture import Capture
from lading.functions.contract.steps import step_of
from lading.functions.inference.tensors import binary

SCORES = np.array([[0.1, 0.7, 0.2]], np.float32)


def lines(content_type: str, body: bytes, id_: str = "r1") -> list[bytes]:
    """What SageMaker's emulation captures of one answer."""
    written: list[tuple[str, bytes]] = []
    capture = Capture("captures/3-4", lambda key, content: written.append((key, content)))
    capture.write("digits", "shadow", id_, content_type, body)
    ((key, content),) = written
    assert key.startswith("captures/3-4/digits/shadow/20")
    return [line for line in content.split(b"\n") if line]


def binary_answer() -> tuple[str, bytes]:
    content = bytes(binary.encode(SCORES))
    tensor = {
        "name": "scores",
        "datatype": "FP32",
        "shape": [1, 3],
        "parameters": {"binary_data_size": len(content)},
    }
    header = json.dumps({"outputs": [tensor]}).encode()
    kind = "application/vnd.sagemaker-triton.binary+json;json-header-size="
    return f"{kind}{len(header)}", header + content


def test_a_binary_answer_is_kept_in_base64_and_has_class_and_score() -> None:
    (line,) = lines(*binary_answer())
    output = json.loads(line)["captureData"]["endpointOutput"]
    assert (output["mode"], output["encoding"]) == ("OUTPUT", "BASE64")
    assert base64.b64decode(output["data"]) == binary_answer()[1]
    (answer,) = captured_answers([line], 4).values()
    assert (answer.version, answer.label, answer.latency_ms) == ("4", "1", None)
    assert answer.score == step_of(float(SCORES.max()))


def test_an_answer_in_json_is_kept_as_text() -> None:
    tensor = {
        "name": "scores",
        "datatype": "FP32",
        "shape": [1, 3],
        "data": SCORES.ravel().tolist(),
    }
    (line,) = lines("application/json", json.dumps({"outputs": [tensor]}).encode())
    document = json.loads(line)
    assert document["captureData"]["endpointOutput"]["encoding"] == "JSON"
    assert document["eventVersion"] == "0"
    assert captured_answers([line], 3)["r1"].label == "1"


@pytest.mark.parametrize(
    "choice", [{"text": "yes"}, {"message": {"content": "yes"}}], ids=["completion", "chat"]
)
def test_texts_are_compared_by_their_checksum(choice: dict[str, Any]) -> None:
    found = [
        captured_answers(lines("application/json", json.dumps({"choices": [it]}).encode()), 3)["r1"]
        for it in (choice, {"text": "no"})
    ]
    assert found[0].label.startswith("text-")
    assert found[0].label != found[1].label


def test_an_answer_without_an_id_cannot_be_joined() -> None:
    assert captured_answers(lines(*binary_answer(), id_=""), 3) == {}


@pytest.mark.parametrize("line", [b"[]", b"{}", b"no JSON", b'{"eventMetadata": {}}'])
def test_another_line_is_told(line: bytes) -> None:
    with pytest.raises(InputUnreadable, match="a captured answer"):
        captured_answers([line], 3)
