"""The error boundary: the only place where an exception becomes an answer.

Each way to be called (HTTP, gRPC, a job, a stream under way) does its work inside a `Boundary` and
encodes the refusal in its own form. The refusal is noted in the request's `Observation`, from which
`observability` logs and counts it: a fault of ours with its traceback, which no answer shows.

An exception holds the frames through which it passed, and they hold the body of the request; its
cause may hold the body, too (`JSONDecodeError.doc`). So a refusal keeps texts only, and a failed
request leaves memory with its answer, not when the garbage collector runs.
"""

from traceback import format_exception
from types import TracebackType
from typing import Self

from lading.functions.contract.errors import InferenceError, InternalFailure, MalformedRequest
from lading.functions.inference.wire.messages import Observation


class Boundary:
    """A context manager that catches every exception of its block, and says what to answer.

        with Boundary(observation) as boundary:
            return work()
        return encode_error(boundary.refusal)

    What ends the process or a coroutine (`KeyboardInterrupt`, `CancelledError`) is not caught.
    """

    refusal: InferenceError
    """What the caller may know; there once the block has raised."""

    def __init__(self, observation: Observation) -> None:
        self._observation = observation

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        if isinstance(error, RecursionError):  # a body that can be read may be too deep to pass on
            error = MalformedRequest("the body is nested too deeply")
        if not isinstance(error, InferenceError):
            text = "".join(format_exception(error))
            error = InternalFailure(type(error).__name__, str(error), text)
        self._observation.error = self.refusal = _alone(error)
        return True


def _alone(error: InferenceError) -> InferenceError:
    """Return the error without frames and without the exceptions that led to it."""
    each: BaseException | None = error
    while each is not None:
        led = each.__cause__ or each.__context__
        each.__traceback__ = each.__cause__ = each.__context__ = None
        each = led
    return error
