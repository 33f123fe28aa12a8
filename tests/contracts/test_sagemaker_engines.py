"""One suite over both engines for ONNX: the service's own container, and a real Triton.

Each serves one Triton model repository, and is asked as SageMaker asks: over `/invocations`.
"""

import json
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from lading.emulator.engines.container_process import EngineProcess, Program, service_container
from lading.emulator.engines.triton import triton_container
from lading.emulator.errors import ContainerNotReady, EngineUnavailable
from lading.emulator.sagemaker.endpoint import LocalEndpoint
from tests.emulator.harness import TOOLS
from tests.support.emulator_sagemaker import Served, serving
from tests.support.worlds import STRING, add_sub, echo

pytestmark = pytest.mark.slow

BINARY = "application/vnd.sagemaker-triton.binary+json;json-header-size="
NO_TRITON = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="Triton's wheel is for Linux on x86-64",
)
BOTH = ["container", pytest.param("triton", marks=NO_TRITON)]

CONFIG = """name: "model"
backend: "onnxruntime"
max_batch_size: 8
input [ { name: "a" data_type: TYPE_FP32 dims: [ 3 ] } ]
input [ { name: "b" data_type: TYPE_FP32 dims: [ 3 ] } ]
output [ { name: "sum" data_type: TYPE_FP32 dims: [ 3 ] } ]
output [ { name: "difference" data_type: TYPE_FP32 dims: [ 3 ] } ]
dynamic_batching { max_queue_delay_microseconds: 100 }
instance_group [ { kind: KIND_AUTO count: 1 } ]
"""
TEXTS = """name: "model"
backend: "onnxruntime"
max_batch_size: 0
input [ { name: "x" data_type: TYPE_STRING dims: [ -1, 2 ] } ]
output [ { name: "y" data_type: TYPE_STRING dims: [ -1, 2 ] } ]
"""


def repository(root: Path, model: bytes, config: str) -> Path:
    folder = root / "repository" / "model"
    (folder / "1").mkdir(parents=True)
    (folder / "config.pbtxt").write_text(config)
    (folder / "1" / "model.onnx").write_bytes(model)
    return folder.parent


def program(kind: str, repository: Path, root: Path) -> Program:
    if kind == "container":
        return service_container(repository)
    try:
        return triton_container(repository, root / "scratch", TOOLS, root / "install.log")
    except EngineUnavailable as error:
        pytest.skip(str(error))


def engine(kind: str, repository: Path, root: Path) -> LocalEndpoint:
    log = root / "engine.log"
    return LocalEndpoint("e", EngineProcess("e", program(kind, repository, root), log))


@pytest.fixture(scope="module", params=BOTH)
def served(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp(request.param)
    with serving(engine(request.param, repository(root, add_sub(), CONFIG), root)) as runtime:
        yield runtime


@dataclass(frozen=True)
class Tensor:
    """A tensor of a request, in both of its forms."""

    name: str
    values: Any
    datatype: str = "FP32"

    @property
    def content(self) -> bytes:
        return np.array(self.values, "<f4").tobytes()

    def form(self, **rest: Any) -> dict[str, Any]:
        shape = list(np.shape(self.values))
        return {"name": self.name, "datatype": self.datatype, "shape": shape, **rest}

    def in_json(self) -> dict[str, Any]:
        return self.form(data=np.ravel(self.values).tolist())

    def in_binary(self) -> dict[str, Any]:
        return self.form(parameters={"binary_data_size": len(self.content)})


A, B = Tensor("a", [[1.5, 2, 3], [4, 5, 6]]), Tensor("b", [[1, 1, 1], [2, 2, 2]])
SUM, DIFFERENCE = [2.5, 3, 4, 6, 7, 8], [0.5, 1, 2, 2, 3, 4]


def binary(*tensors: Tensor, **more: Any) -> tuple[bytes, str]:
    """A body of binary tensors, and its content type."""
    header = json.dumps({"inputs": [each.in_binary() for each in tensors], **more}).encode()
    content = b"".join(each.content for each in tensors)
    return header + content, f"{BINARY}{len(header)}"


def in_json(*tensors: Tensor, **more: Any) -> bytes:
    return json.dumps({"inputs": [each.in_json() for each in tensors], **more}).encode()


def refused(served: Served, body: bytes, content_type: str) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        served.invoke(body, ContentType=content_type)
    answer: dict[str, Any] = {**caught.value.response}
    assert answer["Error"]["Code"] == "ModelError"
    return int(answer["OriginalStatusCode"]), str(json.loads(answer["OriginalMessage"])["error"])


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
def test_json_is_answered_in_json(served: Served, content_type: str) -> None:
    answer = served.invoke(in_json(A, B, id="request-1"), ContentType=content_type)
    assert answer["ContentType"] == "application/json"
    assert json.loads(answer["Body"]) == {
        "id": "request-1",
        "model_name": "model",
        "model_version": "1",
        "outputs": [
            {"name": "sum", "datatype": "FP32", "shape": [2, 3], "data": SUM},
            {"name": "difference", "datatype": "FP32", "shape": [2, 3], "data": DIFFERENCE},
        ],
    }


def test_binary_is_answered_in_binary(served: Served) -> None:
    body, content_type = binary(A, B, parameters={"binary_data_output": True})
    answer = served.invoke(body, ContentType=content_type)
    assert answer["ContentType"].startswith(BINARY)
    length = int(answer["ContentType"].removeprefix(BINARY))
    outputs = json.loads(answer["Body"][:length])["outputs"]
    assert [each["parameters"]["binary_data_size"] for each in outputs] == [24, 24]
    assert np.frombuffer(answer["Body"][length:], "<f4").tolist() == [*SUM, *DIFFERENCE]


def test_binary_may_be_answered_in_json_and_the_other_way_round(served: Served) -> None:
    body, content_type = binary(A, B)
    answer = served.invoke(body, ContentType=content_type)
    assert answer["ContentType"] == "application/json"
    assert json.loads(answer["Body"])["outputs"][0]["data"] == SUM
    wanted = [{"name": "difference", "parameters": {"binary_data": True}}]
    answer = served.invoke(in_json(A, B, outputs=wanted), ContentType="application/json")
    length = int(answer["ContentType"].removeprefix(BINARY))
    assert np.frombuffer(answer["Body"][length:], "<f4").tolist() == DIFFERENCE


@pytest.mark.parametrize(
    ("tensors", "more", "text"),
    [
        ((A, Tensor("c", [[1, 2, 3], [4, 5, 6]])), {}, "unexpected inference input 'c'"),
        ((A, B), {"outputs": [{"name": "z"}]}, "unexpected inference output 'z'"),
        ((A,), {}, "b"),
        ((A, Tensor("b", [[1, 2], [3, 4]])), {}, "unexpected shape for input 'b'"),
        ((A, Tensor("b", [[1, 1, 1], [2, 2, 2]], "INT32")), {}, "'b'"),
    ],
)
def test_what_does_not_fit_the_model_is_the_callers_error(
    served: Served, tensors: tuple[Tensor, ...], more: dict[str, Any], text: str
) -> None:
    status, said = refused(served, in_json(*tensors, **more), "application/json")
    assert (status, text in said) == (400, True), said


@pytest.mark.parametrize("change", [-4, 4])
def test_a_body_of_another_length_than_it_says_is_refused(served: Served, change: int) -> None:
    body, content_type = binary(A, B)
    body = body[:change] if change < 0 else body + bytes(change)
    assert refused(served, body, content_type)[0] == 400


def test_a_header_longer_than_the_body_is_refused(served: Served) -> None:
    body, _ = binary(A, B)
    status, text = refused(served, body, f"{BINARY}99999")
    assert (status, "99999" in text) == (400, True)


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"instances": [1]}'])
def test_what_is_no_request_is_an_error_in_json(served: Served, body: bytes) -> None:
    """Triton says 500 of some of these, as it does of every text that it cannot parse."""
    status, text = refused(served, body, "application/json")
    assert status in (400, 500)
    assert text


def test_a_type_that_neither_reads_is_an_error(served: Served) -> None:
    """Triton takes any other type for JSON, which these bytes are not."""
    assert refused(served, b"1.5,2,3\n", "text/csv")[0] in (400, 415, 500)


@pytest.mark.parametrize("kind", BOTH)
def test_texts_go_in_and_come_out(tmp_path: Path, kind: str) -> None:
    model = repository(tmp_path, echo(STRING), TEXTS)
    tensor = {"name": "x", "datatype": "BYTES", "shape": [1, 2], "data": ["caf\u00e9", ""]}
    with serving(engine(kind, model, tmp_path)) as served:
        body = json.dumps({"inputs": [tensor]}).encode()
        answer = served.invoke(body, ContentType="application/json")
    assert json.loads(answer["Body"])["outputs"][0]["data"] == ["caf\u00e9", ""]


@pytest.mark.parametrize("kind", BOTH)
def test_a_model_that_is_none_does_not_start(tmp_path: Path, kind: str) -> None:
    model = repository(tmp_path, b"none", CONFIG)
    with (
        pytest.raises(ContainerNotReady, match="ended before it was ready"),
        serving(engine(kind, model, tmp_path)),
    ):
        pass
