"""A client for one SageMaker endpoint: whole answers, or streams of their parts.

Only a request that the endpoint has certainly not started is retried, a few times, after a random
pause: each prediction costs money. While the endpoint is starting or updating, a request waits as
long as the settings allow.

boto3 is imported at the first request, or by `connect`; Lambda's Python runtime contains it.
"""

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar
from uuid import uuid4

from lading.functions.contract.errors import EndpointUnready, InferenceError, RequestTooLarge
from lading.functions.contract.settings import ServedEndpoint
from lading.functions.inference.endpoint.refusals import Refusals, call_failures
from lading.functions.inference.endpoint.state import FAILED, EndpointState
from lading.functions.inference.models.predictor import trace_context
from lading.functions.inference.wire.messages import TRACE, is_trace

if TYPE_CHECKING:
    from lading.functions.inference.endpoint.job_store import EngineWork
    from lading.functions.inference.wire.deferred import Deferred

MOST_RETRIES: Final = 2

_CONNECT_S, _CONTROL_READ_S = 2, 2
_MOST_CONNECTIONS = 64
_FIRST_PAUSE_S, _POLL_S = 0.1, 2.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EngineRequest(Generic[T]):
    """One request for an engine; `read` makes the caller's answer of a content type and a body."""

    body: bytes
    content_type: str
    read: Callable[[str, bytes], T]


class Endpoint:
    """An endpoint that answers for one version of a model.

    Args:
        settings: its name, and how long to wait for it.
        model: the model's name, for errors.
        version: the model's version, for errors.
    """

    answers_binary = True
    """Whether tensors may come back in binary form, with the length of the JSON before them."""

    def __init__(self, settings: ServedEndpoint, model: str, version: int) -> None:
        self._settings, self._who = settings, (model, version)
        state = EndpointState(settings, lambda: self._control)
        self._refusals = Refusals(settings, self._who, state.ask)

    def connect(self) -> None:
        """Create the client now instead of at the first request."""
        _ = self._runtime

    def answer(self, request: EngineRequest[T]) -> T:
        """Return the engine's answer.

        Raises:
            InferenceError: there is none; `refusals.py` lists the reasons.
        """
        arguments = self._arguments(request.body, request.content_type)

        def ask() -> tuple[str, bytes]:
            reply = self._runtime.invoke_endpoint(**arguments)
            return reply.get("ContentType", ""), reply["Body"].read()

        return request.read(*self._insist(ask))

    def answer_in_job(
        self,
        work: "EngineWork",  # noqa: ARG002
        request: EngineRequest[T],
    ) -> "T | Deferred":
        """Return the engine's answer to the request of a job; deferred if the endpoint queues it.

        Raises:
            InferenceError: there is none.
        """
        return self.answer(request)

    def stream(self, body: bytes, content_type: str) -> Generator[bytes, None, None]:
        """Return the parts of the engine's answer as they arrive; closing the generator stops it.

        Raises:
            InferenceError: there is no answer, at once or from some part on.
        """
        arguments = self._arguments(body, content_type)

        def ask() -> Any:
            return self._runtime.invoke_endpoint_with_response_stream(**arguments)["Body"]

        return self._parts(self._insist(ask))

    def _parts(self, events: Any) -> Generator[bytes, None, None]:
        try:
            for event in events:
                if "PayloadPart" in event:
                    yield event["PayloadPart"]["Bytes"]
        except call_failures() as error:
            raise self._refusals.explain(error)[0] from error
        finally:
            events.close()

    def _arguments(self, body: bytes, content_type: str) -> dict[str, Any]:
        if len(body) > self._settings.payload_limit:
            raise RequestTooLarge(self._settings.payload_limit)
        component, trace = self._settings.component, trace_context.get()
        return {
            "EndpointName": self._settings.name,
            "Body": body,
            "ContentType": content_type,
            **({"InferenceComponentName": component} if component else {}),
            **({"CustomAttributes": f"{TRACE}={trace}"} if is_trace(trace) else {}),
            **({"InferenceId": uuid4().hex} if self._settings.captured else {}),
        }

    def _insist(self, ask: Callable[[], T]) -> T:
        """Call until there is an answer, or an error that a retry cannot correct."""
        held_until = monotonic() + self._settings.hold_s
        for attempt in count():
            try:
                return ask()
            except call_failures() as error:
                refusal, at_once = self._refusals.explain(error)
                pause = _retry_pause(attempt) if at_once else _hold_pause(refusal, held_until)
                if pause is None:
                    raise refusal from error
            sleep(pause)
        raise AssertionError("unreachable")

    @cached_property
    def _runtime(self) -> Any:
        return _client("sagemaker-runtime", self._settings.time_limit_s)

    @cached_property
    def _control(self) -> Any:
        return _client("sagemaker", _CONTROL_READ_S)


def _retry_pause(attempt: int) -> float | None:
    """Return the seconds before the next retry; None after the last one."""
    if attempt >= MOST_RETRIES:
        return None
    return random.uniform(0, _FIRST_PAUSE_S * 2**attempt)  # noqa: S311 no secret


def _hold_pause(refusal: InferenceError, until: float) -> float | None:
    """Return the seconds before the next call of a starting endpoint; None to stop waiting."""
    left = until - monotonic()
    if left <= 0 or not isinstance(refusal, EndpointUnready) or refusal.state == FAILED:
        return None
    return min(left, random.uniform(_POLL_S / 2, _POLL_S))  # noqa: S311 no secret


def _client(service: str, read_timeout_s: float) -> Any:
    from boto3.session import Session
    from botocore.config import Config

    patience = Config(
        connect_timeout=_CONNECT_S,
        read_timeout=read_timeout_s,
        retries={"total_max_attempts": 1},  # this module decides what is safe to repeat
        max_pool_connections=_MOST_CONNECTIONS,
    )
    session: Any = Session()
    return session.client(service, config=patience)
