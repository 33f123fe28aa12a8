"""https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html."""

import base64
import re
from typing import Any

from mangum.handlers import APIGateway

from lading.emulator.gateway.event import HttpRequest, RequestIds, build_event


def event_of(**request: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "method": "GET",
        "path": "/digits/v2",
        "query": "",
        "headers": (),
        "body": b"",
    }
    return build_event(HttpRequest(**defaults | request), RequestIds())


def test_has_every_key_of_the_documented_format() -> None:
    assert sorted(event_of()) == [
        "body",
        "headers",
        "httpMethod",
        "isBase64Encoded",
        "multiValueHeaders",
        "multiValueQueryStringParameters",
        "path",
        "pathParameters",
        "queryStringParameters",
        "requestContext",
        "resource",
        "stageVariables",
    ]


def test_body_is_always_base64() -> None:
    event = event_of(method="POST", body=b'{"a": 1}')
    assert base64.b64decode(event["body"]) == b'{"a": 1}'
    assert event["isBase64Encoded"] is True


def test_empty_body_is_null_and_not_base64() -> None:
    event = event_of(method="POST")
    assert event["body"] is None
    assert event["isBase64Encoded"] is False


def test_repeated_headers_are_all_listed_and_the_last_one_stands_alone() -> None:
    event = event_of(headers=(("x-a", "1"), ("x-b", "2"), ("x-a", "3")))
    assert event["multiValueHeaders"]["x-a"] == ["1", "3"]
    assert event["headers"]["x-a"] == "3"
    assert event["headers"]["x-b"] == "2"


def test_the_gateways_own_headers_are_spelt_its_way_and_others_in_lower_case() -> None:
    headers = (("host", "localhost:8080"), ("user-agent", "curl"), ("content-type", "text/plain"))
    event = event_of(headers=headers)
    assert {"Host", "User-Agent", "content-type", "X-Forwarded-For"} <= event["headers"].keys()


def test_headers_about_the_connection_do_not_reach_the_function() -> None:
    headers = (("connection", "keep-alive"), ("transfer-encoding", "chunked"), ("te", "trailers"))
    event = event_of(headers=(*headers, ("content-length", "3")))
    assert not {name for name, _ in headers} & event["headers"].keys()
    assert "content-length" not in event["multiValueHeaders"]


def test_client_address_is_appended_to_what_proxies_said() -> None:
    event = event_of(headers=(("x-forwarded-for", "1.2.3.4"),), client="5.6.7.8")
    assert event["headers"]["X-Forwarded-For"] == "1.2.3.4, 5.6.7.8"
    assert "x-forwarded-for" not in event["headers"]
    assert event["requestContext"]["identity"]["sourceIp"] == "5.6.7.8"


def test_repeated_and_empty_query_parameters_are_kept_and_decoded() -> None:
    event = event_of(query="a=1&a=2%203&b=&c")
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2 3"], "b": [""], "c": [""]}
    assert event["queryStringParameters"] == {"a": "2 3", "b": "", "c": ""}


def test_absent_query_is_null() -> None:
    event = event_of()
    assert event["queryStringParameters"] is None
    assert event["multiValueQueryStringParameters"] is None


def test_path_keeps_its_encoding_and_its_parameter_loses_it() -> None:
    event = event_of(path="/my%20model/v2%2Fx")
    assert event["path"] == "/my%20model/v2%2Fx"
    assert event["pathParameters"] == {"proxy": "my model/v2/x"}
    assert event["resource"] == "/{proxy+}"


def test_request_context_tells_when_who_and_what() -> None:
    context = event_of(method="PUT")["requestContext"]
    assert re.fullmatch(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000", context["requestTime"])
    assert context["requestTimeEpoch"] > 1_700_000_000_000
    assert context["httpMethod"] == "PUT"
    assert context["protocol"] == "HTTP/1.1"
    assert context["accountId"] == "000000000000"


def test_each_request_has_ids_of_its_own() -> None:
    first, second = event_of()["requestContext"], event_of()["requestContext"]
    assert first["requestId"] != second["requestId"]
    assert first["extendedRequestId"] != second["extendedRequestId"]


def test_mangum_takes_it_for_a_rest_api_event() -> None:
    config: Any = {"api_gateway_base_path": "/"}
    context: Any = None
    assert APIGateway.infer(event_of(), context, config)
    scope = APIGateway(event_of(path="/a%20b", query="q=1&q=2"), context, config).scope
    assert scope["path"] == "/a b"
    assert scope["query_string"] == b"q=1&q=2"
