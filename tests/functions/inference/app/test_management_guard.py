"""Only the holder of the token manages models, from no other site, and each try is noted."""

import json
from typing import Any

import pytest

from lading.functions.inference.app.management_guard import guard
from lading.functions.inference.wire.asgi import Receive, Scope, Send
from tests.support.driver import Answer, ask

TOKEN = "a-token-of-an-operator"  # noqa: S105 of this test
HELD = {"authorization": f"Bearer {TOKEN}", "host": "127.0.0.1:8081"}


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"managed"})


def managed(target: str, headers: dict[str, str], lines: list[str] | None = None) -> Answer:
    log: Any = print if lines is None else lines.append
    return ask(guard(application, TOKEN, log), target, b"", headers)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/models", "/models/m", "/docs", "/openapi.json", "/any"])
def test_every_route_wants_the_token(method: str, path: str) -> None:
    assert managed(f"{method} {path}", HELD).body == b"managed"
    for held in (None, "", "Bearer", "Bearer x", f"Basic {TOKEN}", f"Bearer {TOKEN}x", TOKEN):
        headers = {} if held is None else {"authorization": held}
        answer = managed(f"{method} {path}", headers)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert answer.document["type"] == "InvalidKeyException"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_page_of_another_site_is_refused_even_with_the_token(headers: dict[str, str]) -> None:
    assert managed("POST /models", {**HELD, **headers}).status == 403


@pytest.mark.parametrize(
    "headers", [{"origin": "http://127.0.0.1:8081", "sec-fetch-site": "same-origin"}, {}]
)
def test_the_servers_own_page_and_other_clients_are_not(headers: dict[str, str]) -> None:
    assert managed("POST /models", {**HELD, **headers}).status == 200


def test_each_request_is_a_line_without_the_token() -> None:
    lines: list[str] = []
    managed("POST /models?url=b", HELD, lines)
    managed("DELETE /models/m", {"authorization": "Bearer wrong-token"}, lines)
    told = [json.loads(line) for line in lines]
    assert [(it["method"], it["path"], it["query"], it["status"]) for it in told] == [
        ("POST", "/models", "url=b", 200),
        ("DELETE", "/models/m", "", 401),
    ]
    assert all(TOKEN not in line and "wrong-token" not in line for line in lines)


def test_a_token_that_could_be_guessed_is_none() -> None:
    with pytest.raises(ValueError, match="at least 16 characters"):
        guard(application, "short")
