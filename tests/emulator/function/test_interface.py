"""Both kinds of function behave alike behind the gateway."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.emulator.harness import LINUX_ONLY, Served, in_process, serving, under_lambda

RUNTIMES = ["process", pytest.param("lambda", marks=LINUX_ONLY)]


@pytest.fixture(scope="module", params=RUNTIMES)
def either(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    if request.param == "process":
        function: Any = in_process(timeout=3)
    else:
        function = under_lambda(tmp_path_factory.mktemp("logs") / "function.log", timeout=3)
    with serving(function) as emulator:
        yield emulator


def test_bytes_come_back_as_they_went(either: Served) -> None:
    body = bytes(range(256)) * 4096
    assert either.client.post("/body", content=body).content == body


def test_event_is_the_same_but_for_what_differs_each_time(either: Served) -> None:
    event = either.client.post("/x?a=1&a=2", content=b"{}", headers={b"x-a": "ü".encode()}).json()
    assert event["body"] == "e30="
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"]}
    assert event["headers"]["x-a"] == "ü".encode().decode("latin-1")


def test_context_knows_the_function_and_its_time(either: Served) -> None:
    context = either.client.get("/context").json()
    assert context["name"] == "lading"
    assert context["memory"] == "1769"
    assert context["version"] == "$LATEST"
    assert 0 < context["remaining"] <= 3000


@pytest.mark.parametrize("path", ["/raise", "/system-exit", "/unserializable"])
def test_failing_handler_is_a_502_and_the_next_request_works(either: Served, path: str) -> None:
    response = either.client.get(path)
    assert response.status_code == 502
    assert response.content == b'{"message": "Internal server error"}'
    assert either.accesses[-1].reason.startswith("function failed: ")
    assert either.client.get("/letters/3").text == "xxx"


def test_slow_handler_is_a_504_and_the_next_request_works(either: Served) -> None:
    response = either.client.get("/sleep/8")
    assert response.status_code == 504
    assert response.content == b'{"message": "Endpoint request timed out"}'
    assert either.client.get("/letters/3").text == "xxx"


def test_response_over_6_mb_is_a_502_and_the_next_request_works(either: Served) -> None:
    response = either.client.get("/letters/6291556")
    assert response.status_code == 502
    assert either.client.get("/letters/3").text == "xxx"


def test_response_just_below_6_mb_is_passed_on(either: Served) -> None:
    assert len(either.client.get("/letters/6291400").content) == 6_291_400


@pytest.mark.parametrize("returned", [b"null", b"[]", b'"text"', b'{"errorType": "mine"}'])
def test_malformed_response_is_a_502(either: Served, returned: bytes) -> None:
    response = either.client.post("/returned", content=returned)
    assert response.status_code == 502
    assert response.content == b'{"message": "Internal server error"}'
