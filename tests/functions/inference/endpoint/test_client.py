"""An endpoint's refusals become our errors, and only what has not begun is asked again."""

import pytest

from lading.functions.contract.errors import (
    EndpointUnready,
    InferenceError,
    PredictionFailed,
    RefusedByEngine,
    RequestTooLarge,
    Throttled,
    TimedOut,
)
from lading.functions.contract.settings import ServedEndpoint
from lading.functions.inference.endpoint.client import MOST_RETRIES, Endpoint, EngineRequest
from lading.functions.inference.models.predictor import continuing, trace_context
from tests.support import s3, sagemaker
from tests.support.sagemaker import Reply, answer, model_error, refusal, stream, stream_error

THROTTLED = refusal(400, "ThrottlingException", "Rate exceeded")
NO_CAPACITY = refusal(
    400,
    "ValidationError",
    "Inference Component has no capacity to process this request. ApplicationAutoScaling may be "
    "in-progress (if configured) or try to increase the capacity by invoking "
    "UpdateInferenceComponentRuntimeConfig API.",
)
NOT_FOUND = refusal(400, "ValidationError", "Endpoint e of account 123456789012 not found.")
SLOW = "Your invocation timed out while waiting for a response from container primary."


def endpoint(**changes: float | str) -> Endpoint:
    settings = {"time_limit_s": 5, **changes}
    return Endpoint(ServedEndpoint("e", **settings), "m", 3)  # type: ignore[arg-type]


def request(body: bytes = b"", content_type: str = "") -> EngineRequest[tuple[str, bytes]]:
    """A request whose answer is returned as it is."""
    return EngineRequest(body, content_type, lambda *answer: answer)


def test_an_answer_comes_with_its_content_type_and_the_request_goes_as_it_is() -> None:
    with sagemaker.running(answer(b"42", "text/plain")) as aws:
        assert endpoint(component="c").answer(request(b"body", "a/b")) == ("text/plain", b"42")
        asked = aws.asked[0]
    assert asked.path == "/endpoints/e/invocations"
    assert asked.body == b"body"
    assert asked.headers["content-type"] == "a/b"
    assert asked.headers["x-amzn-sagemaker-inference-component"] == "c"


TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("trace", "sent"),
    [(TRACE, f"traceparent={TRACE}"), ("", None), (f"{TRACE},a=b", None), ("00-0-0-01", None)],
    ids=["valid", "none", "with-more", "malformed"],
)
def test_a_trace_goes_on_in_the_custom_attributes_if_it_is_valid(
    trace: str, sent: str | None
) -> None:
    with sagemaker.running(answer(b"42", "text/plain")) as aws, continuing(trace):
        endpoint().answer(request())
        asked = aws.asked[0]
    assert asked.headers.get("x-amzn-sagemaker-custom-attributes") == sent
    assert trace_context.get() == ""


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (THROTTLED, Throttled),
        (refusal(503, "ServiceUnavailable"), Throttled),
        (refusal(500, "InternalFailure"), PredictionFailed),
        (refusal(530, "InternalDependencyException"), PredictionFailed),
        (refusal(403, "AccessDeniedException", "role arn:aws:iam::1:role/r"), PredictionFailed),
        (refusal(413, "RequestEntityTooLargeException"), RequestTooLarge),
        (refusal(429, "ModelNotReadyException"), EndpointUnready),
        (NO_CAPACITY, EndpointUnready),
        (NOT_FOUND, EndpointUnready),
        (model_error(400, "no such input"), RefusedByEngine),
        (model_error(429, "queue is full"), Throttled),
        (model_error(500, "CUDA error"), PredictionFailed),
        (model_error(0, SLOW), TimedOut),
        (sagemaker.hang_up(), PredictionFailed),
    ],
)
def test_each_refusal_has_its_error(reply: Reply, error: type[InferenceError]) -> None:
    with sagemaker.running(reply), pytest.raises(error) as raised:
        endpoint().answer(request())
    assert type(raised.value) is error
    assert "arn:" not in str(raised.value)
    assert "123456789012" not in str(raised.value)


@pytest.mark.parametrize(
    ("reply", "times"),
    [
        (THROTTLED, 1 + MOST_RETRIES),
        (refusal(503, "ServiceUnavailable"), 1 + MOST_RETRIES),
        (model_error(500, "CUDA error"), 1),
        (model_error(429, "queue is full"), 1),
        (model_error(0, SLOW), 1),
        (refusal(500, "InternalFailure"), 1),
        (sagemaker.hang_up(), 1),
        (NO_CAPACITY, 1),
    ],
)
def test_only_what_has_not_begun_is_asked_again(reply: Reply, times: int) -> None:
    with sagemaker.running(reply) as aws:
        with pytest.raises(InferenceError):
            endpoint().answer(request())
        assert len(aws.asked) == times


def test_a_request_that_is_turned_away_once_is_answered_the_next_time() -> None:
    with sagemaker.running(THROTTLED, answer(b"42")):
        assert endpoint().answer(request())[1] == b"42"


def test_an_answer_that_does_not_come_is_waited_for_once() -> None:
    with sagemaker.running(sagemaker.silence(5)) as aws:
        with pytest.raises(TimedOut) as raised:
            endpoint(time_limit_s=1).answer(request())
        assert len(aws.asked) == 1
    assert "within 1 seconds" in str(raised.value)


def test_nobody_at_the_address_is_an_endpoint_that_is_not_ready() -> None:
    with sagemaker.running() as aws:
        pass
    with s3.aws(aws.url), pytest.raises(EndpointUnready, match="cannot be reached"):
        endpoint().answer(request())


def test_a_body_over_the_limit_is_not_sent() -> None:
    with sagemaker.running(answer(b"")) as aws:
        with pytest.raises(RequestTooLarge) as raised:
            endpoint(payload_limit=3).answer(request(b"1234", ""))
        assert not aws.asked
    assert "limit of 3 bytes" in str(raised.value)


def test_a_request_is_held_until_the_endpoint_is_awake() -> None:
    with sagemaker.running(NO_CAPACITY, answer(b"42")):
        assert endpoint(hold_s=10).answer(request())[1] == b"42"


def test_a_request_is_held_no_longer_than_is_said() -> None:
    with sagemaker.running(NO_CAPACITY), pytest.raises(EndpointUnready) as raised:
        endpoint(hold_s=0.1).answer(request())
    assert (raised.value.state, raised.value.retry_after_s) == ("cold", 60)


def test_what_has_failed_is_not_waited_for() -> None:
    with sagemaker.running(NOT_FOUND, DescribeEndpoint={"EndpointStatus": "Failed"}) as aws:
        with pytest.raises(EndpointUnready) as raised:
            endpoint(hold_s=20).answer(request())
        assert len(aws.asked) == 1
    assert (raised.value.state, raised.value.retry_after_s) == ("failed", None)


def test_a_stream_is_given_in_the_parts_in_which_it_comes() -> None:
    with sagemaker.running(stream([b"one", b"two"])) as aws:
        assert list(endpoint().stream(b"body", "a/b")) == [b"one", b"two"]
        assert aws.asked[0].path == "/endpoints/e/invocations-response-stream"


@pytest.mark.parametrize(
    ("ends", "error"),
    [
        (stream_error("StreamBroken", "it broke"), PredictionFailed),
        (stream_error("ModelInvocationTimeExceeded", "Model invocation timed out"), TimedOut),
        (None, PredictionFailed),
    ],
)
def test_a_stream_that_breaks_says_why_after_what_came(
    ends: bytes | None, error: type[InferenceError]
) -> None:
    with sagemaker.running(stream([b"one"], ends)):
        parts = endpoint().stream(b"", "")
        assert next(parts) == b"one"
        with pytest.raises(error):
            next(parts)


def test_a_stream_that_is_refused_is_refused_at_once() -> None:
    with sagemaker.running(model_error(400, "no")), pytest.raises(RefusedByEngine):
        endpoint().stream(b"", "")


def test_a_stream_that_nobody_wants_any_more_stops_the_engine() -> None:
    with sagemaker.running(stream([b"x"] * 5000, pause_s=0.002)) as aws:
        parts = endpoint().stream(b"", "")
        next(parts)
        parts.close()
        assert aws.stopped.wait(60)
