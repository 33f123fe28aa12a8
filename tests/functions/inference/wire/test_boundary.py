"""Every exception becomes one refusal, and is noted as what it was."""

import asyncio

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
    assert type(seen.error) is noted
    assert "secret" not in str(boundary.refusal)


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
