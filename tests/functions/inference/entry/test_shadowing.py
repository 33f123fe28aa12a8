"""A share of the answered requests goes to another version too, unseen by callers."""

import json
from base64 import b64decode
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any

import pytest

from lading.functions.contract.invocation import proxy_event
from lading.functions.contract.settings import ServingSettings, ShadowVersion
from lading.functions.inference.entry.handler import create_handler
from lading.functions.inference.entry.shadowing import LONGEST_EVENT, MOST_WAITING, Shadow, shadowed
from tests.support.s3 import aws
from tests.support.worlds import settings_for, times

ANSWER = {"statusCode": 200, "headers": {"x-request-id": "id-1"}}


def ask(body: Any = None) -> dict[str, Any]:
    content = json.dumps(body or {"inputs": [[1.0, 2.0]]}).encode()
    headers = {"Content-Type": "application/json", "Authorization": "Bearer secret"}
    return dict(proxy_event("POST", "/m/predict", headers, content))


class Sent:
    """Stands for Lambda: it keeps what was sent, when it may."""

    def __init__(self) -> None:
        self.payloads: list[dict[str, Any]] = []
        self.may_send = Flag()
        self.may_send.set()

    def connect(self, _version: ShadowVersion) -> Callable[[bytes], None]:
        def send(payload: bytes) -> None:
            self.may_send.wait()
            self.payloads.append(json.loads(payload))

        return send


def shadow(sent: Sent, percent: float = 100) -> Shadow:
    return Shadow(ShadowVersion("other:live", percent), sent.connect)


def test_the_shadow_gets_the_request_and_its_id_without_credentials() -> None:
    sent = Sent()
    made = shadow(sent)
    event = ask()
    made.offer(event, ANSWER)
    made._waiting.join()
    (found,) = sent.payloads
    assert found["body"] == event["body"]
    assert found["headers"] == {"Content-Type": "application/json", "x-request-id": "id-1"}
    assert "secret" not in json.dumps(found)
    assert found["requestContext"]["requestId"] == "id-1"


def test_an_id_of_the_caller_is_not_sent_twice() -> None:
    headers = {"X-Request-Id": ["of the caller"], "Accept": ["a", "b"]}
    found = shadowed({"multiValueHeaders": headers, "headers": {"X-Request-Id": "c"}}, "id-2")
    assert found["multiValueHeaders"] == {"Accept": ["a", "b"], "x-request-id": ["id-2"]}
    assert found["headers"] == {"x-request-id": "id-2"}


@pytest.mark.parametrize(
    ("event", "answer"),
    [({"httpMethod": "GET"}, ANSWER), (ask(), {"statusCode": 400}), ({"warmer": True}, {})],
)
def test_only_successful_predictions_have_a_shadow(
    event: dict[str, Any], answer: dict[str, Any]
) -> None:
    sent = Sent()
    made = shadow(sent)
    made.offer(event, answer)
    assert made._thread is None


def test_a_share_of_the_requests_is_sent() -> None:
    sent = Sent()
    made = shadow(sent, percent=30)
    for _ in range(1000):
        made.offer(ask(), ANSWER)
        made._waiting.join()
    assert 220 < len(sent.payloads) < 380


def test_what_has_no_room_is_dropped_and_no_caller_waits() -> None:
    sent = Sent()
    sent.may_send.clear()
    made = shadow(sent)
    for _ in range(MOST_WAITING + 50):
        made.offer(ask(), ANSWER)
    sent.may_send.set()
    made._waiting.join()
    assert MOST_WAITING <= len(sent.payloads) <= MOST_WAITING + 1


def test_an_event_that_lambda_would_refuse_is_not_sent() -> None:
    sent = Sent()
    made = shadow(sent)
    made.offer(ask({"inputs": "x" * LONGEST_EVENT}), ANSWER)
    made.offer(ask(), ANSWER)
    made._waiting.join()
    assert len(sent.payloads) == 1


def test_the_handler_invokes_the_other_version_asynchronously(tmp_path: Path) -> None:
    seen: list[tuple[str, str | None, dict[str, Any]]] = []
    arrived = Flag()

    class Lambda(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            seen.append((self.path, self.headers["x-amz-invocation-type"], body))
            self.send_response(202)
            self.send_header("content-length", "0")
            self.end_headers()
            arrived.set()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 its name there
            pass

    server = HTTPServer(("127.0.0.1", 0), Lambda)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    settings: ServingSettings = settings_for(tmp_path, {"m": {1: times(2.0)}})
    settings = settings._replace(shadow=ShadowVersion("m-shadow:live", 100))
    with aws(f"http://127.0.0.1:{server.server_port}"):
        answer = create_handler(settings)(ask(), None)
        assert arrived.wait(30)
    server.shutdown()
    thread.join()
    server.server_close()
    assert json.loads(answer["body"])["outputs"] == {"y": [[2.0, 4.0]]}
    ((path, kind, event),) = seen
    assert path == "/2015-03-31/functions/m-shadow/invocations?Qualifier=live"
    assert kind == "Event"
    assert json.loads(b64decode(event["body"])) == {"inputs": [[1.0, 2.0]]}
