import asyncio
import json
import re
import socket
import threading
from typing import Any

import httpx
import pytest

from lading.emulator.function.in_process import InProcessFunction
from lading.emulator.gateway.api import Gateway
from lading.functions.contract.limits import GATEWAY, LAMBDA, MEGABYTE
from lading.functions.inference.wire.asgi import App, Message
from tests.emulator.harness import Served, in_process, serving


def echoed(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    event: dict[str, Any] = response.json()
    return event


def assert_works(served: Served) -> None:
    assert echoed(served.client.get("/next"))["path"] == "/next"


def test_all_256_byte_values_come_back_as_they_went(served: Served) -> None:
    body = bytes(range(256))
    assert served.client.post("/body", content=body).content == body


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_reaches_the_function(served: Served, method: str) -> None:
    assert echoed(served.client.request(method, "/x"))["httpMethod"] == method


def test_head_gets_headers_and_no_body(served: Served) -> None:
    response = served.client.head("/x")
    assert response.status_code == 200
    assert response.content == b""


def test_repeated_headers_and_queries_reach_the_function(served: Served) -> None:
    headers = [("X-Tag", "one"), ("x-tag", "two")]
    event = echoed(served.client.get("/x?q=1&q=2", headers=headers))
    assert event["multiValueHeaders"]["x-tag"] == ["one", "two"]
    assert event["multiValueQueryStringParameters"] == {"q": ["1", "2"]}


def test_percent_encoded_path_reaches_the_function_as_it_is(served: Served) -> None:
    event = echoed(served.client.get("/a%2Fb%20c/%C3%BC"))
    assert event["path"] == "/a%2Fb%20c/%C3%BC"
    assert event["pathParameters"]["proxy"] == "a/b c/ü"


def test_repeated_response_headers_come_back(served: Served) -> None:
    document = {"statusCode": 201, "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]}}
    response = served.client.post("/returned", json=document)
    assert response.status_code == 201
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]


def test_answers_carry_the_gateways_marks(served: Served) -> None:
    response = served.client.get("/x")
    context = echoed(response)["requestContext"]
    assert response.headers["x-amzn-requestid"] == context["requestId"]
    assert response.headers["x-amz-apigw-id"] == context["extendedRequestId"]
    assert response.headers["x-amzn-trace-id"].startswith("Root=1-")


def test_the_root_is_a_resource_of_its_own(served: Served) -> None:
    event = echoed(served.client.get("/"))
    assert (event["resource"], event["pathParameters"], event["path"]) == ("/", None, "/")


def test_body_of_11_mb_is_refused(served: Served) -> None:
    response = served.client.post("/body", content=bytes(11 * MEGABYTE))
    assert response.status_code == 413
    assert response.content == b"HTTP content length exceeded 10485760 bytes."
    assert response.headers["content-type"] == "text; charset=utf-8"
    assert served.accesses[-1].reason == "body has 11 MB; API Gateway's limit is 10 MB"
    assert_works(served)


def test_announced_body_is_refused_before_it_is_sent(served: Served) -> None:
    request = b"POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 11000000\r\n\r\n"
    assert served.send_raw(request).startswith(b"HTTP/1.1 413 ")


def test_chunked_body_of_11_mb_is_refused_once_it_is_too_long(served: Served) -> None:
    response = served.client.post("/body", content=(bytes(MEGABYTE) for _ in range(11)))
    assert response.status_code == 413
    assert response.content == b"HTTP content length exceeded 10485760 bytes."
    assert_works(served)


def test_binary_body_of_5_mb_is_too_long_in_base64(served: Served) -> None:
    response = served.client.post("/body", content=bytes(5 * MEGABYTE))
    assert response.status_code == 413
    assert response.content == b'{"message": "Request Too Long"}'
    assert response.headers["x-amzn-errortype"] == "BadRequestException"
    assert served.accesses[-1].reason == "event has 6.67 MB; Lambda's limit is 6 MB"
    assert_works(served)


def test_binary_body_of_4_mb_is_answered(served: Served) -> None:
    body = bytes(4 * MEGABYTE)
    assert served.client.post("/body", content=body).content == body


def test_body_just_over_the_gateways_limit_is_the_gateways_to_refuse(served: Served) -> None:
    at, over = bytes(GATEWAY.body_bytes), bytes(GATEWAY.body_bytes + 1)
    assert b"Request Too Long" in served.client.post("/body", content=at).content
    assert b"HTTP content length" in served.client.post("/body", content=over).content


def test_response_over_6_mb_is_a_502(served: Served) -> None:
    response = served.client.get("/letters/6815744")
    assert response.status_code == 502
    assert response.content == b'{"message": "Internal server error"}'
    assert served.accesses[-1].reason == "response has 6.5 MB; Lambda's limit is 6 MB"
    assert_works(served)


def test_response_just_below_6_mb_is_passed_on(served: Served) -> None:
    assert len(served.client.get(f"/letters/{LAMBDA.response_bytes - 200}").content) > 6_291_000


def test_headers_over_10240_bytes_are_refused(served: Served) -> None:
    response = served.client.get("/x", headers={"x-long": "a" * 10_240})
    assert response.status_code == 431
    assert response.content == b"HTTP header is larger than 10240 bytes."
    assert_works(served)


def test_malformed_response_is_a_502(served: Served) -> None:
    response = served.client.post("/returned", json={"statusCode": 200, "body": {"a": 1}})
    assert response.status_code == 502
    assert response.content == b'{"message": "Internal server error"}'
    assert served.accesses[-1].reason == "malformed proxy response: body is an object, not a string"


def test_handler_that_raises_is_a_502(served: Served) -> None:
    response = served.client.get("/raise")
    assert response.status_code == 502
    assert response.content == b'{"message": "Internal server error"}'
    assert response.headers["x-amzn-errortype"] == "InternalServerErrorException"
    assert "the handler's own reason" in served.accesses[-1].reason
    assert_works(served)


def test_handler_that_takes_too_long_is_a_504_and_the_next_request_works() -> None:
    with serving(in_process(timeout=1)) as served:
        response = served.client.get("/sleep/4")
        assert response.status_code == 504
        assert response.content == b'{"message": "Endpoint request timed out"}'
        assert served.accesses[-1].reason == "the function exceeded its time limit of 1 s"
        assert_works(served)


def test_access_line_is_for_people(served: Served) -> None:
    served.client.get("/letters/5?secret=1")
    access = served.accesses[-1]
    assert re.fullmatch(r"GET /letters/5 200 \d+\.\d ms 5 bytes", str(access))
    served.client.post("/body", content=bytes(11 * MEGABYTE))
    assert str(served.accesses[-1]).endswith("(body has 11 MB; API Gateway's limit is 10 MB)")


def test_client_that_leaves_in_the_middle_of_its_body_harms_nobody(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port)) as connection:
        connection.sendall(b"POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nfew")
    assert_works(served)


def test_a_request_whose_client_leaves_before_its_turn_does_not_reach_the_function() -> None:
    begun, go = threading.Event(), threading.Event()
    paths = []

    def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
        paths.append(event["path"])
        begun.set()
        assert go.wait(60)
        return {"statusCode": 200, "body": ""}

    async def talk() -> None:
        function = InProcessFunction(lambda: handler)
        await function.start()
        gateway = Gateway(function, lambda _: None)
        first, left, last = Client("/first"), Client("/left"), Client("/last")
        answering = [asyncio.create_task(each.ask(gateway)) for each in (first, left, last)]
        assert await asyncio.to_thread(begun.wait, 20)
        left.leaves.set()
        await asyncio.wait_for(answering[1], 20)
        first.leaves.set()  # what has begun keeps its turn
        await asyncio.wait_for(answering[0], 20)
        go.set()
        await asyncio.gather(*answering)
        await function.stop()
        assert [len(each.answered) for each in (first, left, last)] == [0, 0, 2]

    asyncio.run(talk())
    assert paths == ["/first", "/last"]


class Client:
    """A client that waits for its answer, or leaves when it is told to."""

    def __init__(self, path: str) -> None:
        self.leaves, self._path, self._sent = asyncio.Event(), path, False
        self.answered: list[Message] = []

    async def ask(self, app: App) -> None:
        scope = {
            "type": "http",
            "method": "GET",
            "raw_path": self._path.encode(),
            "query_string": b"",
            "headers": [],
            "scheme": "http",
            "http_version": "1.1",
        }
        await app(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        if self._sent:
            await self.leaves.wait()
            return {"type": "http.disconnect"}
        self._sent = True
        return {"type": "http.request", "body": b""}

    async def _send(self, message: Message) -> None:
        self.answered.append(message)


def test_requests_of_several_clients_are_all_answered(served: Served) -> None:
    with httpx.Client(base_url=served.client.base_url, timeout=30) as other:
        answers = [
            client.get(f"/letters/{n}") for n in range(5) for client in (other, served.client)
        ]
    assert [len(answer.content) for answer in answers] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_what_the_function_sees_is_json_of_its_own(served: Served) -> None:
    assert json.loads(served.client.get("/x").text)["stageVariables"] is None
