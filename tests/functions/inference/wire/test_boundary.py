"""Every exception becomes one refusal, and is noted as what it was."""

import asyncio
import gc
import weakref

import pytest

from lading.functions.contract.errors import (
    InferenceError,
    InternalFailure,
    MalformedRequest,
    ModelNotFound,
)
from lading.functions.inference.wire.boundary import Boundary
from lading.functions.inference.wire.messages import Observation


@pytest.mark.parametrize(
    ("error", "refusal", "noted"),
    [
        (ModelNotFound("m"), ModelNotFound, ModelNotFound),
        (ZeroDivisionError("secret"), InternalFailure, ZeroDivisionError),
        (RecursionError(), MalformedRequest, MalformedRequest),
    ],
)
def test_an_exception_becomes_a_refusal_and_is_noted(
    error: Exception, refusal: type[InferenceError], noted: type[Exception]
) -> None:
    seen = Observation()
    with Boundary(seen) as boundary:
        raise error
    assert type(boundary.refusal) is refusal
    assert seen.error is boundary.refusal
    assert getattr(seen.error, "kind", type(seen.error).__name__) == noted.__name__
    assert "secret" not in str(boundary.refusal)


def test_a_fault_keeps_its_text_and_its_traceback_through_another_boundary() -> None:
    inner, outer = Observation(), Observation()
    with Boundary(outer):
        with Boundary(inner) as boundary:
            raise ZeroDivisionError("why")
        raise boundary.refusal
    error = outer.error
    assert isinstance(error, InternalFailure)
    assert (error.kind, error.reason) == ("ZeroDivisionError", "why")
    assert "ZeroDivisionError: why" in error.traceback


class Body:
    """What a request holds in memory."""


@pytest.mark.parametrize("again", [ZeroDivisionError, ModelNotFound], ids=["fault", "refusal"])
def test_a_failed_request_is_freed_at_once(again: type[Exception]) -> None:
    seen = Observation()

    def work() -> weakref.ref[Body]:
        body = Body()
        with Boundary(seen):
            cause = ValueError(body)  # as errors of parsers do, it holds what it could not read
            raise again("m") from cause
        return weakref.ref(body)

    gc.disable()
    try:
        held = work()
        assert held() is None
    finally:
        gc.enable()


def test_what_returns_in_time_notes_nothing() -> None:
    seen = Observation()

    def work() -> int:
        with Boundary(seen):
            return 42
        return 0

    assert (work(), seen.error) == (42, None)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_what_ends_a_process_or_a_coroutine_passes(error: type[BaseException]) -> None:
    seen = Observation()
    with pytest.raises(error), Boundary(seen):
        raise error
    assert seen.error is None
