import json
from typing import Any

import pytest

from lading.emulator.gateway.proxy_response import HttpResponse, read_response
from lading.emulator.gateway.refusals import GatewayRefusal


def response_of(**document: Any) -> HttpResponse:
    return read_response(json.dumps(document).encode())


def test_text_body_goes_out_as_utf8() -> None:
    assert response_of(statusCode=200, body="größer").body == "größer".encode()


def test_base64_body_goes_out_decoded() -> None:
    assert response_of(statusCode=200, body="AAEC/w==", isBase64Encoded=True).body == b"\0\1\2\xff"


def test_everything_is_optional() -> None:
    assert response_of() == HttpResponse(200, (("content-type", "application/json"),), b"")


def test_status_may_be_a_string_of_digits() -> None:
    assert response_of(statusCode="404").status == 404


def test_several_values_stand_for_themselves_and_override_a_single_one() -> None:
    response = response_of(
        statusCode=200,
        headers={"X-A": "single", "X-B": "kept"},
        multiValueHeaders={"x-a": ["1", "2"]},
    )
    assert response.headers[1:] == (("X-B", "kept"), ("x-a", "1"), ("x-a", "2"))


def test_content_type_of_the_function_is_kept() -> None:
    response = response_of(headers={"Content-Type": "text/plain"})
    assert response.headers == (("Content-Type", "text/plain"),)


def test_headers_of_the_connection_are_renamed_or_dropped() -> None:
    headers = {"content-length": "3", "Date": "today", "transfer-encoding": "chunked"}
    names = [name for name, _ in response_of(headers=headers).headers]
    assert names == ["content-type", "x-amzn-Remapped-content-length", "x-amzn-Remapped-Date"]


def test_boolean_headers_become_words() -> None:
    assert ("x-cold", "true") in response_of(headers={"x-cold": True}).headers


@pytest.mark.parametrize("status", [204, 304])
def test_statuses_without_a_body_have_none(status: int) -> None:
    assert response_of(statusCode=status, body="ignored").body == b""


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"not json",
        b"null",
        b"[]",
        b'"text"',
        b'{"statusCode": 200, "surprise": 1}',
        b'{"statusCode": "many"}',
        b'{"statusCode": 99}',
        b'{"statusCode": true}',
        b'{"body": {"a": 1}}',
        b'{"body": "AA==", "isBase64Encoded": "yes"}',
        b'{"headers": []}',
        b'{"headers": {"a": 1}}',
        b'{"headers": {"a b": "1"}}',
        b'{"headers": {"a": "1\\r\\nb: 2"}}',
        b'{"multiValueHeaders": {"a": "1"}}',
        b'{"multiValueHeaders": {"a": [null]}}',
    ],
)
def test_what_is_malformed_is_a_502(payload: bytes) -> None:
    with pytest.raises(GatewayRefusal) as refused:
        read_response(payload)
    assert refused.value.status == 502
    assert refused.value.body == b'{"message": "Internal server error"}'
    assert refused.value.reason.startswith("malformed proxy response: ")


def test_body_that_is_not_base64_is_a_500() -> None:
    with pytest.raises(GatewayRefusal) as refused:
        response_of(body="*", isBase64Encoded=True)
    assert refused.value.status == 500
