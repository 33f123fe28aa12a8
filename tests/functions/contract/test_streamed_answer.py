"""What an invocation returns, whether the function streams or not."""

import base64
import json

import pytest

from lading.functions.contract.streamed_answer import read_answer

HEAD = {"statusCode": 200, "headers": {"content-type": "text/plain"}, "cookies": []}


def test_a_whole_answer_is_its_document() -> None:
    document = {"statusCode": 200, "body": "yes"}
    assert read_answer(json.dumps(document).encode()) == document


@pytest.mark.parametrize("body", [b"", b"data: 1\n\n", b"\0" * 20, bytes(range(256))])
def test_a_streamed_answer_has_its_body_as_api_gateway_takes_bytes(body: bytes) -> None:
    answer = read_answer(json.dumps(HEAD).encode() + bytes(8) + body)
    assert base64.b64decode(answer["body"]) == body
    assert {**HEAD, "body": answer["body"], "isBase64Encoded": True} == answer


@pytest.mark.parametrize("payload", [b"", b"oops", bytes(8), b"oops" + bytes(8) + b"body"])
def test_anything_else_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 json's, or ours
        read_answer(payload)
