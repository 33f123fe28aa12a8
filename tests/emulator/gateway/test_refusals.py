from lading.emulator.errors import FunctionFailed, FunctionTimedOut
from lading.emulator.gateway.refusals import (
    body_too_large,
    event_too_large,
    response_too_large,
    unanswered,
)


def test_reason_tells_sizes_in_megabytes() -> None:
    assert event_too_large(8_283_750).reason == "event has 7.9 MB; Lambda's limit is 6 MB"
    assert body_too_large(20 << 20).reason == "body has 20 MB; API Gateway's limit is 10 MB"


def test_reason_tells_bytes_when_megabytes_would_look_the_same() -> None:
    assert response_too_large(6_291_557).reason == (
        "response has 6291557 bytes; Lambda's limit is 6291556 bytes"
    )


def test_size_that_nobody_announced_is_not_told() -> None:
    assert body_too_large().reason == "body exceeds API Gateway's limit of 10 MB"


def test_only_what_the_api_itself_answers_names_an_error_type() -> None:
    assert body_too_large().error_type == ""
    assert unanswered(FunctionFailed("exit status 1")).error_type == "InternalServerErrorException"


def test_a_timeout_is_a_504_and_any_other_failure_a_502() -> None:
    assert unanswered(FunctionTimedOut(29)).status == 504
    assert unanswered(FunctionFailed("exit status 1")).status == 502
