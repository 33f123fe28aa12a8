"""Both clients against servers that refuse, wait, stream and break."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

from lading.api.async_client import AsyncClient
from lading.api.client import Client
from lading.api.errors import ErrorAnswer, ServerError
from lading.api.retrying import Retries
from tests.api.servers import Given, answering
from tests.support.s3 import aws

BUSY = Given(503, [b'{"error": "not now"}'], {"retry-after": "0"})
EVENTS = [b'data: {"n": 1}\n', b'\ndata: {"n"', b": 2}\n\ndata: [DONE]\n\n"]
ONCE = Retries(most=1, draw=lambda: 0.0)

Made = dict[str, Any]


def request(url: str, path: str = "/m/predict", document: Any = None, **made: Any) -> Any:
    with Client(url, **made) as client:
        return client.request(path, document)


def request_async(url: str, path: str = "/m/predict", document: Any = None, **made: Any) -> Any:
    async def run() -> Any:
        async with AsyncClient(url, **made) as client:
            return await client.request(path, document)

    return asyncio.run(run())


def stream(url: str, **made: Any) -> list[Any]:
    with Client(url, **made) as client:
        return list(client.stream("/v1/chat/completions", {"stream": True}))


def stream_async(url: str, **made: Any) -> list[Any]:
    async def run() -> list[Any]:
        async with AsyncClient(url, **made) as client:
            path = "/v1/chat/completions"
            return [event async for event in client.stream(path, {"stream": True})]

    return asyncio.run(run())


both = pytest.mark.parametrize("ask", [request, request_async])
both_streams = pytest.mark.parametrize("read", [stream, stream_async])


@both
def test_a_server_that_is_not_ready_is_asked_again_when_it_says(ask: Callable[..., Any]) -> None:
    with answering(BUSY, BUSY, Given(200, [b'{"a": 1}'])) as (url, seen):
        answer = ask(url, document={"inputs": [[1]]}, retries=Retries(first_wait_s=1e9))
    assert (answer.status, answer.body) == (200, b'{"a": 1}')
    assert [each.body for each in seen] == [b'{"inputs": [[1]]}'] * 3


@both
def test_it_gives_up_after_as_many_attempts_as_stated(ask: Callable[..., Any]) -> None:
    with answering(BUSY) as (url, seen):
        answer = ask(url, retries=Retries(most=2))
    assert (answer.status, answer.reason(), len(seen)) == (503, "not now", 3)


@both
def test_a_server_that_asks_for_too_long_a_wait_is_not_asked_again(ask: Callable[..., Any]) -> None:
    with answering(Given(429, headers={"retry-after": "3600"})) as (url, seen):
        assert ask(url).status == 429
    assert len(seen) == 1


@both
def test_a_wrong_request_is_sent_once(ask: Callable[..., Any]) -> None:
    with answering(Given(400, [b'{"error": "no"}'])) as (url, seen):
        assert ask(url, document={}).status == 400
    assert len(seen) == 1


@both
def test_a_refused_connection_is_tried_again_and_then_named(ask: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    waits: list[float] = []

    def draw() -> float:
        waits.append(0.0)
        return 0.0

    with pytest.raises(ServerError, match=f"{url}/m/predict: cannot be reached"):
        ask(url, retries=Retries(most=2, draw=draw))
    assert len(waits) == 2


@both
def test_every_request_carries_the_token(ask: Callable[..., Any]) -> None:
    with answering(BUSY, Given()) as (url, seen):
        ask(url, token="lading_secret")  # noqa: S106 nobody's
    assert [each.headers["authorization"] for each in seen] == ["Bearer lading_secret"] * 2


@both
def test_every_attempt_is_signed(ask: Callable[..., Any]) -> None:
    with answering(BUSY, Given()) as (url, seen), aws("http://unused", AWS_REGION="eu-west-1"):
        ask(url, sign=True)
    assert len(seen) == 2
    for each in seen:
        assert each.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=")


@both
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_caller_learns_what_to_give(ask: Callable[..., Any], status: int) -> None:
    refused = pytest.raises(ErrorAnswer, match=f"{status} Forbidden; give the client a token")
    with answering(Given(status, [b'{"message": "Forbidden"}'])) as (url, seen), refused:
        ask(url)
    assert len(seen) == 1


@both_streams
def test_events_are_read_however_they_are_cut(read: Callable[..., list[Any]]) -> None:
    with answering(Given(parts=EVENTS)) as (url, seen):
        assert read(url) == [{"n": 1}, {"n": 2}]
    assert (seen[0].method, seen[0].path) == ("POST", "/v1/chat/completions")


@both_streams
def test_a_stream_is_asked_for_again_before_it_begins(read: Callable[..., list[Any]]) -> None:
    with answering(BUSY, Given(parts=EVENTS)) as (url, seen):
        assert len(read(url)) == 2
    assert len(seen) == 2


@both_streams
def test_a_refused_stream_is_an_error_with_its_reason(read: Callable[..., list[Any]]) -> None:
    with answering(BUSY) as (url, _), pytest.raises(ErrorAnswer, match="503 not now") as caught:
        read(url, retries=ONCE)
    assert caught.value.status == 503


@both_streams
def test_a_stream_that_breaks_is_an_error_and_not_an_end(read: Callable[..., list[Any]]) -> None:
    broken = Given(parts=EVENTS[:1], headers={"content-length": "1000"})
    with answering(broken) as (url, seen), pytest.raises(ServerError, match="cannot be reached"):
        read(url)
    assert len(seen) == 1


def test_events_arrive_before_the_stream_has_ended() -> None:
    with answering(Given(parts=EVENTS)) as (url, _), Client(url) as client:
        events = client.stream("/v1/chat/completions", {})
        assert next(events) == {"n": 1}
        events.close()  # type: ignore[attr-defined] # a generator; frees the connection
