import json
import shlex
from typing import Any

import pytest

from lading.model_packaging.report.calls import calls, sample_call

SPECIFICATION: dict[str, Any] = {
    "name": "churn",
    "inputs": [{"name": "age"}, {"name": "town"}],
    "outputs": [{"name": "label"}],
}


def golden(**inputs: tuple[list[int], list[Any]]) -> bytes:
    tensors = [{"name": name, "shape": it[0], "data": it[1]} for name, it in inputs.items()]
    return json.dumps({"requests": [{"inputs": tensors, "outputs": []}]}).encode()


def test_both_send_the_recorded_request() -> None:
    recorded = golden(age=([1, 2], [42, None]), town=([1], ["O'Hare $HOME"]))
    body = {"inputs": {"age": [[42, None]], "town": ["O'Hare $HOME"]}}
    call = sample_call(SPECIFICATION, recorded)
    first, command = call.by_curl().split("\n", 1)
    words = shlex.split(command.replace("\\\n", ""))
    assert words[:2] == ["curl", "$URL/churn/predict"]
    assert json.loads(words[-1]) == body
    assert first.startswith("URL=http://127.0.0.1:8080")
    names: dict[str, Any] = {}
    exec(call.in_python().partition("answer =")[0].replace("import requests", ""), names)  # noqa: S102 our own
    assert names["body"] == body


def test_a_single_input_needs_no_name() -> None:
    only = {**SPECIFICATION, "inputs": [{"name": "x"}]}
    assert sample_call(only, golden(x=([2], [1, 2]))).body == {"inputs": [1, 2]}


def test_a_long_request_is_read_from_a_file() -> None:
    shown = "".join(calls(SPECIFICATION, golden(age=([1, 9000], [0] * 9000))))
    assert "--data-binary @request.json" in shown
    assert "too long" in shown
    assert "--data-binary @request.json" in "".join(calls(SPECIFICATION, b""))


def test_an_image_is_sent_as_its_file() -> None:
    of_images = {**SPECIFICATION, "inputs": [{"name": "image"}], "processing": [{"step": "image"}]}
    call = sample_call(of_images, golden(image=([1], [{"b64": "AA=="}])))
    assert call.by_curl().endswith("'Content-Type: image/png' \\\n  --data-binary @picture.png")
    assert 'data=open("picture.png", "rb")' in call.in_python()


def test_a_language_model_is_asked_in_words() -> None:
    call = sample_call({"name": "chat", "inputs": [], "outputs": []})
    assert call.path == "/chat/v1/chat/completions"
    assert call.body is not None
    assert call.body["messages"][0]["role"] == "user"


@pytest.mark.parametrize("text", ["</pre><script>alert(1)</script>"])
def test_what_is_recorded_does_not_become_markup(text: str) -> None:
    shown = "".join(calls(SPECIFICATION, golden(age=([1], [1]), town=([1], [text]))))
    assert "<script" not in shown
