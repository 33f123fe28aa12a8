import base64
import json

from lading.functions.contract.invocation import answer_body, proxy_event


def test_a_body_travels_in_base64_as_through_the_api() -> None:
    event = proxy_event("POST", "/m/predict", {}, json.dumps({"inputs": 1}).encode())
    assert event["isBase64Encoded"]
    assert json.loads(base64.b64decode(event["body"])) == {"inputs": 1}


def test_a_request_without_a_body_has_an_empty_one() -> None:
    assert proxy_event("GET", "/m/v2/health/ready", {}, b"")["body"] == ""


def test_the_body_of_an_answer_is_read_in_both_forms() -> None:
    assert answer_body({"body": "text"}) == b"text"
    assert answer_body({"body": "dGV4dA==", "isBase64Encoded": True}) == b"text"
    assert answer_body({}) == b""
