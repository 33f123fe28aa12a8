"""The sagemaker-runtime API to an unmodified boto3: what passes, is stripped, and is refused."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError, EventStreamError

from lading.emulator.sagemaker.endpoint import Status
from lading.functions.contract.names import ENDPOINT
from tests.support.emulator_sagemaker import Served, endpoint, quick, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(endpoint(tmp_path_factory.mktemp("engine"), limits=quick())) as runtime:
        yield runtime


def refused(served: Served, body: Any = None, **more: Any) -> dict[str, Any]:
    """The error with which an invocation is refused, as boto3 parses it."""
    with pytest.raises(ClientError) as caught:
        served.invoke(json.dumps(body or {}).encode(), **more)
    status = caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
    return {**caught.value.response, "status": status}


def code(error: dict[str, Any]) -> tuple[str, int]:
    return error["Error"]["Code"], error["status"]


def streamed(served: Served, body: dict[str, Any]) -> Iterator[bytes]:
    answer = served.client.invoke_endpoint_with_response_stream(
        EndpointName="e", Body=json.dumps(body).encode(), Accept="text/event-stream"
    )
    assert answer["ContentType"] == "text/event-stream"
    with contextlib.closing(answer["Body"]) as events:
        yield from (event["PayloadPart"]["Bytes"] for event in events)


def test_an_answer_comes_back_with_its_type_and_its_variant(served: Served) -> None:
    answer = served.invoke(b"{}", ContentType="application/json")
    assert answer["ContentType"] == "application/json"
    assert answer["InvokedProductionVariant"] == ENDPOINT.variant
    assert answer["CustomAttributes"] == "from=container"
    assert json.loads(answer["Body"])["path"] == "/invocations"
    assert "x-own" not in answer["ResponseMetadata"]["HTTPHeaders"]


def test_of_the_callers_headers_only_sagemakers_reach_the_container(tmp_path: Path) -> None:
    def add(request: Any, **_: Any) -> None:
        request.headers["Inference-Header-Content-Length"] = "12"
        request.headers["traceparent"] = "00-1-2-03"

    with serving(endpoint(tmp_path, limits=quick())) as served:
        served.client.meta.events.register("before-send.sagemaker-runtime", add)
        answer = served.invoke(
            ContentType="application/x;a=1",
            Accept="application/json",
            CustomAttributes="a=b",
            InferenceId="id-1",
            SessionId="s1",
        )
    headers = json.loads(answer["Body"])["headers"]
    assert {key: headers[key] for key in headers if key not in ("host", "connection")} == {
        "accept": "application/json",
        "content-length": "2",
        "content-type": "application/x;a=1",
        "x-amzn-sagemaker-custom-attributes": "a=b",
        "x-amzn-sagemaker-inference-id": "id-1",
        "x-amzn-sagemaker-session-id": "s1",
    }


def test_custom_attributes_have_a_limit(served: Served) -> None:
    assert code(refused(served, CustomAttributes="a" * 1025)) == ("ValidationError", 400)


@pytest.mark.parametrize(("status", "side"), [(400, "client"), (500, "server"), (302, "server")])
def test_an_error_of_the_containers_is_a_model_error(
    served: Served, status: int, side: str
) -> None:
    error = refused(served, {"status": status})
    assert code(error) == ("ModelError", 424)
    assert error["OriginalStatusCode"] == status
    assert json.loads(error["OriginalMessage"])["path"] == "/invocations"
    assert error["LogStreamArn"].endswith("/aws/sagemaker/Endpoints/e")
    assert error["Error"]["Message"].startswith(f"Received {side} error ({status}) from primary")


def test_an_unknown_endpoint_is_not_found(served: Served) -> None:
    with pytest.raises(ClientError) as caught:
        served.client.invoke_endpoint(EndpointName="other", Body=b"")
    assert caught.value.response["Error"]["Message"].startswith("Endpoint other of account")


def test_a_stream_comes_in_the_parts_in_which_the_container_sends_it(served: Served) -> None:
    parts = ["data: 1\n\n", "da", "ta: \u00e9\n\n", "x" * 100_000]
    received = list(streamed(served, {"stream": parts, "pause": 0.02}))
    assert b"".join(received) == "".join(parts).encode()
    assert received[:3] == [part.encode() for part in parts[:3]]


def test_a_stream_that_the_container_refuses_is_no_stream(served: Served) -> None:
    with pytest.raises(ClientError) as caught:
        list(streamed(served, {"status": 400}))
    assert caught.value.response["Error"]["Code"] == "ModelError"


def test_what_is_answered_is_told(tmp_path: Path) -> None:
    with serving(endpoint(tmp_path, limits=quick())) as served:
        served.invoke(b"{}")
        refused(served, {"status": 400})
    first, second = served.accesses
    assert (first.method, first.path, first.status) == ("POST", "/endpoints/e/invocations", 200)
    assert first.size > 0
    assert (second.status, "Received client error (400)" in second.reason) == (424, True)


def test_a_request_and_an_answer_over_the_limit_are_refused(tmp_path: Path) -> None:
    with serving(endpoint(tmp_path, limits=quick(payload=100))) as served:
        longest = json.dumps({"size": 100}).ljust(100).encode()
        assert served.invoke(longest)["Body"] == b"x" * 100
        with pytest.raises(ClientError) as caught:
            served.invoke(b" " * 101)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
        assert refused(served, {"size": 101})["OriginalMessage"].startswith("the response has 101")


@pytest.mark.parametrize(
    "state", [Status.creating, Status.failed, Status.deleting, Status.out_of_service]
)
def test_an_endpoint_that_is_not_in_service_is_not_found(tmp_path: Path, state: Status) -> None:
    model = endpoint(tmp_path, limits=quick())
    with serving(model) as served:
        model.status = state
        assert "not found" in refused(served)["Error"]["Message"]
        assert served.control.describe_endpoint(EndpointName="e")["EndpointStatus"] == state


def test_an_endpoint_that_is_updated_answers(tmp_path: Path) -> None:
    model = endpoint(tmp_path, limits=quick())
    with serving(model) as served:
        model.status = Status.updating
        assert served.invoke()["ContentType"] == "application/json"


def test_a_component_at_zero_is_refused_until_it_has_woken(tmp_path: Path) -> None:
    model = endpoint(tmp_path, component="e-1", asleep=True, limits=quick())
    with serving(model) as served:

        def copies() -> int:
            found = served.control.describe_inference_component(InferenceComponentName="e-1")
            assert found["InferenceComponentStatus"] == "InService"
            return int(found["RuntimeConfig"]["CurrentCopyCount"])

        assert copies() == 0
        error = refused(served, InferenceComponentName="e-1")
        assert code(error) == ("ValidationError", 400)
        assert "has no capacity to process this request" in error["Error"]["Message"]
        while copies() == 0:
            pass
        answer = served.invoke(InferenceComponentName="e-1")
        assert "x-amzn-sagemaker-inference-component" not in json.loads(answer["Body"])["headers"]


@pytest.mark.parametrize(
    ("component", "named", "text"),
    [("e-1", None, "header is required"), ("e-1", "e-2", "not found"), ("", "e-1", "not found")],
)
def test_a_component_must_be_named_as_it_is(
    tmp_path: Path, component: str, named: str | None, text: str
) -> None:
    more = {"InferenceComponentName": named} if named else {}
    with serving(endpoint(tmp_path, component=component, limits=quick())) as served:
        assert text in refused(served, **more)["Error"]["Message"]


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("describe_endpoint", {"EndpointName": "other"}),
        ("describe_inference_component", {"InferenceComponentName": "other"}),
    ],
)
def test_what_is_not_there_cannot_be_described(
    served: Served, operation: str, arguments: dict[str, str]
) -> None:
    with pytest.raises(ClientError, match="Could not find") as caught:
        getattr(served.control, operation)(**arguments)
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_an_operation_that_is_not_emulated_says_so(served: Served) -> None:
    with pytest.raises(ClientError, match=r"SageMaker\.ListModels is not supported"):
        served.control.list_models()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[" * 100_000])
def test_a_description_asked_for_with_no_object_is_refused(served: Served, body: bytes) -> None:
    answer = httpx.post(f"http://127.0.0.1:{served.port}/", content=body, timeout=30)
    assert (answer.status_code, answer.json()["__type"]) == (400, "SerializationException")


@pytest.mark.parametrize(
    "target",
    [
        *(
            "GET /endpoints/e/invocations",
            "POST /endpoints/e/other",
            "POST /endpoints//invocations",
        ),
        *("POST /invocations", "POST /endpoints/e/invocations/more"),
    ],
)
def test_what_the_api_has_not_is_no_operation(served: Served, target: str) -> None:
    method, _, path = target.partition(" ")
    answer = httpx.request(method, f"http://127.0.0.1:{served.port}{path}", timeout=30)
    assert answer.headers["x-amzn-errortype"] == "UnknownOperationException"


def test_a_stream_that_takes_too_long_ends_with_its_error(tmp_path: Path) -> None:
    limits = quick(stream_seconds=2)
    with serving(endpoint(tmp_path, limits=limits)) as served:
        parts = streamed(served, {"stream": ["1"] * 100, "pause": 0.1})
        assert next(parts) == b"1"
        with pytest.raises(EventStreamError, match="within the timeout period"):
            list(parts)
