"""TorchServe's inference API: raw bodies, forms, and the triple of its errors."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.wire.asgi import App
from tests.support.driver import Answer, ask, serve
from tests.support.worlds import FLOAT, STRING, add_sub, echo, settings_for, times

BOUNDARY = "----x"


def app_of(root: Path, model: bytes | None = None) -> App:
    return serve(settings_for(root, {"m": {1: model or echo()}}))


def form(*parts: tuple[str, str, bytes]) -> tuple[bytes, dict[str, str]]:
    """A body of (name, content type, content), and the headers that go with it."""
    pieces = []
    for name, kind, content in parts:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; filename="f;"; name="{name}"\r\n'
        said = f"Content-Type: {kind}\r\n" if kind else ""
        pieces.append(f"{head}{said}\r\n".encode() + content + b"\r\n")
    end = f"--{BOUNDARY}--\r\n".encode()
    return b"".join(pieces) + end, {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("at", ["", "/1", "/1.0", "/stable"])
@pytest.mark.parametrize(
    "document", [[[1, 2]], {"data": [[1, 2]]}, {"body": [[1, 2]]}, {"x": [[1, 2]]}]
)
def test_json_is_answered_with_the_only_output(
    tmp_path: Path, document: Any, at: str, method: str
) -> None:
    answer = ask(app_of(tmp_path), f"{method} /predictions/m{at}", document)
    assert (answer.status, answer.document) == (200, [[1.0, 2.0]])
    assert answer.headers["cache-control"] == "no-cache; no-store, must-revalidate, private"


@pytest.mark.parametrize(
    ("shape", "given", "answered"),
    [
        ([], 0.5, b"0.5"),
        (["n"], [0.5], b"0.5"),
        (["n"], [1], b"1.0"),
        (["n"], [None], b"NaN"),
        (["n"], [0.5, 1], b"[0.5,1.0]"),
        (["n"], [], b"[]"),
        (["n", 1], [[0.5]], b"[[0.5]]"),
    ],
)
def test_one_value_for_one_instance_is_a_scalar(
    tmp_path: Path, shape: list[Any], given: Any, answered: bytes
) -> None:
    answer = ask(app_of(tmp_path, echo(FLOAT, shape)), "POST /predictions/m", {"data": given})
    assert (answer.status, answer.body) == (200, answered)


@pytest.mark.parametrize(
    ("element", "given", "answered"),
    [(TensorProto.INT64, [2**53 + 1], b"9007199254740993"), (TensorProto.BOOL, [True], b"true")],
)
def test_a_scalar_keeps_its_type(
    tmp_path: Path, element: int, given: list[Any], answered: bytes
) -> None:
    answer = ask(app_of(tmp_path, echo(element, ["n"])), "POST /predictions/m", {"data": given})
    assert answer.body == answered


def test_kserves_envelope_is_answered_in_kind(tmp_path: Path) -> None:
    answer = ask(app_of(tmp_path), "POST /predictions/m", {"instances": [[1, 2]]})
    assert answer.document == {"predictions": [[1.0, 2.0]]}


def test_several_outputs_go_by_name(tmp_path: Path) -> None:
    document = {"a": [[1, 2, 3]], "b": [[1, 1, 1]]}
    answer = ask(app_of(tmp_path, add_sub()), "POST /predictions/m", document)
    assert answer.document == {"sum": [[2, 3, 4]], "difference": [[0, 1, 2]]}


@pytest.mark.parametrize("kind", ["", "application/json", "application/octet-stream"])
@pytest.mark.parametrize("name", ["data", "body", "anything"])
def test_a_form_of_one_part_is_the_input(tmp_path: Path, name: str, kind: str) -> None:
    body, headers = form((name, kind, b" [[1, 2]]"))
    answer = ask(app_of(tmp_path), "POST /predictions/m", body, headers)
    assert answer.document == [[1.0, 2.0]]


def test_a_form_of_several_parts_has_the_inputs_by_name(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.save(stream, np.ones((1, 3), np.float32))
    body, headers = form(
        ("a", "application/json", b"[[1, 2, 3]]"), ("b", "application/x-npy", stream.getvalue())
    )
    answer = ask(app_of(tmp_path, add_sub()), "POST /predictions/m", body, headers)
    assert answer.document["sum"] == [[2, 3, 4]]


@pytest.mark.parametrize("kind", ["text/plain", "image/jpeg"])
def test_text_or_an_image_goes_in_as_it_is_and_one_text_comes_out(
    tmp_path: Path, kind: str
) -> None:
    app = app_of(tmp_path, echo(STRING, ["n"]))
    body, headers = form(("data", kind, b"hello"))
    for answer in (
        ask(app, "PUT /predictions/m", b"hello", {"content-type": kind}),
        ask(app, "POST /predictions/m", body, headers),
    ):
        assert (answer.status, answer.body) == (200, b"hello")
        assert answer.headers["content-type"].startswith("text/plain")


def test_a_version_answers_for_itself(tmp_path: Path) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: times(2), 3: times(4)}}))
    assert ask(app, "POST /predictions/m/3.0", [[1]]).document == [[4.0]]


@pytest.mark.parametrize(
    ("target", "status", "kind", "message"),
    [
        ("POST /predictions/z", 404, "ModelNotFoundException", "Model not found: z"),
        (
            "POST /predictions/m/9.0",
            404,
            "ModelVersionNotFoundException",
            "Model version: 9 does not exist for model: m",
        ),
        ("POST /predictions/m/nope", 404, "ModelVersionNotFoundException", "no version labeled"),
        ("POST /predictions", 404, "ResourceNotFoundException", "Requested resource is not found"),
        ("DELETE /predictions/m", 405, "MethodNotAllowedException", "Requested method is not all"),
        ("OPTIONS /predictions/m", 405, "MethodNotAllowedException", "Requested method is not all"),
        ("POST /wfpredict/w", 404, "ResourceNotFoundException", "Requested resource is not found"),
        ("GET /workflows", 404, "ResourceNotFoundException", "Requested resource is not found"),
        ("POST /explanations/m", 501, "NotImplementedException", "does not support explanations"),
    ],
)
def test_an_error_is_a_triple(
    tmp_path: Path, target: str, status: int, kind: str, message: str
) -> None:
    answer = ask(app_of(tmp_path), target, [[1, 2]])
    assert answer.status == status
    assert list(answer.document) == ["code", "type", "message"]
    assert (answer.document["code"], answer.document["type"]) == (status, kind)
    assert message in answer.document["message"]


def test_a_model_that_did_not_load_is_unavailable(tmp_path: Path) -> None:
    app = serve(ServingSettings((ServedModel("m", {1: ""}),), str(tmp_path)))
    answer = ask(app, "POST /predictions/m", [[1, 2]])
    assert (answer.status, answer.document["type"]) == (503, "ServiceUnavailableException")


def refused(root: Path, body: bytes, headers: dict[str, str]) -> Answer:
    answer = ask(app_of(root), "POST /predictions/m", body, headers)
    assert answer.document["type"] == "BadRequestException"
    return answer


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{", "the body is not JSON"),
        (b"[[1, 2, 3]]", "unexpected shape for input 'x'"),
        (b'{"z": [[1, 2]]}', "unexpected inference input 'z'"),
        (b"{}", "input 'x' is missing"),
    ],
)
def test_a_bad_body_is_a_bad_request(tmp_path: Path, body: bytes, text: str) -> None:
    answer = refused(tmp_path, body, {})
    assert answer.status == 400
    assert text in answer.document["message"]


GOOD, FORM = form(("data", "application/json", b"[[1, 2]]"))


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (GOOD, "multipart/form-data"),
        (GOOD, "multipart/form-data; boundary="),
        (GOOD, "multipart/form-data; boundary=other"),
        (GOOD[:-4], FORM["content-type"]),
        (b"", FORM["content-type"]),
        (b"------x--\r\n", FORM["content-type"]),
        (GOOD.replace(b"name=", b"nome="), FORM["content-type"]),
        (GOOD.replace(b"\r\n\r\n", b"\r\n"), FORM["content-type"]),
        (form(("a", "", b"1"), ("a", "", b"2"))[0], FORM["content-type"]),
        (form(*((f"p{n}", "", b"1") for n in range(65)))[0], FORM["content-type"]),
        (b"\r\n------x" * 100_000, FORM["content-type"]),
        (form(("q", "", b"[[1,2]]"), ("r", "", b"[[1,2]]"))[0], FORM["content-type"]),
    ],
)
def test_a_form_that_is_none_is_a_bad_request(
    tmp_path: Path, body: bytes, content_type: str
) -> None:
    assert refused(tmp_path, body, {"content-type": content_type}).status == 400


@pytest.mark.parametrize(
    ("target", "status", "said"),
    [
        ("OPTIONS /", 405, "OPTIONS is not allowed at /; use GET"),
        ("GET /token", 404, "nothing is served at GET /token; GET /models lists"),
    ],
)
def test_what_torchserve_has_besides_is_not_here_and_says_so(
    tmp_path: Path, target: str, status: int, said: str
) -> None:
    answer = ask(app_of(tmp_path), target)
    assert (answer.status, said in answer.error) == (status, True)


def test_a_token_of_torchserves_is_neither_wanted_nor_read(tmp_path: Path) -> None:
    headers = {"authorization": "Bearer anything"}
    answer = ask(app_of(tmp_path), "POST /predictions/m", [[1, 2]], headers)
    assert answer.document == [[1.0, 2.0]]
