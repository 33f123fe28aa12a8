"""Invoking through boto3, against a server that answers as Lambda's API does."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from lading.functions.contract.errors import (
    AtCapacity,
    InvocationError,
    InvocationFailed,
    InvocationTimedOut,
    NotDeployed,
)
from lading.functions.front.invocation import lambda_invoke
from tests.support.s3 import aws

EVENT = {"path": "/v2/models/m/infer", "body": "ä"}
ANSWER = {"statusCode": 200, "body": "hi"}

Reply = tuple[int, dict[str, str], bytes]


@contextmanager
def lambda_api(reply: Callable[[str, bytes], Reply]) -> Iterator[None]:
    """Lambda's API on loopback; `reply` gets a request's path and body."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, headers, content = reply(self.path, body)
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,)).start()
    try:
        with aws(f"http://127.0.0.1:{server.server_port}", AWS_DEFAULT_REGION="eu-west-1"):
            yield
    finally:
        server.shutdown()
        server.server_close()


def ok(_path: str, _body: bytes) -> Reply:
    return 200, {}, json.dumps(ANSWER).encode()


def refusing(code: str, status: int) -> Callable[[str, bytes], Reply]:
    return lambda _path, _body: (status, {"x-amzn-errortype": code}, b"{}")


def raising(message: str, kind: str) -> Callable[[str, bytes], Reply]:
    content = json.dumps({"errorMessage": message, "errorType": kind}).encode()
    return lambda _path, _body: (200, {"x-amz-function-error": "Unhandled"}, content)


def test_the_alias_gets_the_event_and_its_answer_comes_back() -> None:
    seen = []

    def reply(path: str, body: bytes) -> Reply:
        seen.append((path, json.loads(body)))
        return ok(path, body)

    with lambda_api(reply):
        assert lambda_invoke({"m": "lading-dev-model-m"}, "live")("m", EVENT) == ANSWER
    path = "/2015-03-31/functions/lading-dev-model-m/invocations?Qualifier=live"
    assert seen == [(path, EVENT)]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (refusing("ResourceNotFoundException", 404), NotDeployed),
        (refusing("TooManyRequestsException", 429), AtCapacity),
        (refusing("SnapStartNotReadyException", 409), AtCapacity),
        (refusing("AccessDeniedException", 403), InvocationFailed),
        (
            raising("2026 Task timed out after 29.00 seconds", "Sandbox.Timedout"),
            InvocationTimedOut,
        ),
        (raising("boom", "RuntimeError"), InvocationFailed),
        (lambda _path, _body: (200, {}, b"no json"), InvocationFailed),
        (lambda _path, _body: (200, {}, b"[]"), InvocationFailed),
        (lambda _path, _body: (200, {}, b"null"), InvocationFailed),
    ],
)
def test_what_goes_wrong_has_its_kind(
    reply: Callable[[str, bytes], Reply], error: type[InvocationError]
) -> None:
    with lambda_api(reply), pytest.raises(error) as caught:
        lambda_invoke({"m": "f"}, "live")("m", EVENT)
    assert type(caught.value) is error
    assert "boom" not in str(caught.value)


def test_an_answer_that_is_too_late_is_not_asked_for_again() -> None:
    asked = []

    def slow(path: str, body: bytes) -> Reply:
        asked.append(path)
        time.sleep(3)
        return ok(path, body)

    with lambda_api(slow), pytest.raises(InvocationTimedOut):
        lambda_invoke({"m": "f"}, "live", time_limit_s=1)("m", EVENT)
    assert len(asked) == 1


def test_a_lambda_that_cannot_be_reached_is_a_failure() -> None:
    with (
        aws("http://127.0.0.1:9", AWS_DEFAULT_REGION="eu-west-1"),
        pytest.raises(InvocationFailed, match="failed to answer"),
    ):
        lambda_invoke({"m": "f"}, "live")("m", EVENT)
