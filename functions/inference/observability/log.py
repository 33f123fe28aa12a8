"""The log of a process: one line for each request, and ordinary lines for other events.

An ASGI middleware records a request, on Lambda as under any server; `line.py` says what its line
holds. `flush` writes it, which the Lambda entry calls at the end of an invocation. Other events,
such as a model that fails to load, are log lines of Powertools' Logger.
"""

import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import time
from typing import TYPE_CHECKING, Any, TextIO

from aws_lambda_powertools.logging import Logger

from lading.functions.contract.errors import CallerGone, InferenceError, InternalFailure
from lading.functions.contract.names import HOOK, METRICS
from lading.functions.contract.settings import ServingSettings
from lading.functions.contract.statuses import status_of
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.models.prediction import forget_answer
from lading.functions.inference.observability.line import NONE, Exchange, Surroundings, write_line
from lading.functions.inference.wire.asgi import App, Message, Receive, Scope, Send
from lading.functions.inference.wire.messages import OBSERVATION, Observation, is_request_id

if TYPE_CHECKING:
    from lading.functions.inference.capture.capturing import Capturing
    from lading.functions.inference.drift.gathering import Gathering

REQUEST_ID = "x-request-id"

_MOST_PENDING = 100
_OK, _SERVER_ERROR = 200, 500


class _StandardOutput(logging.StreamHandler[Any]):
    """A handler that writes to the current standard output, as `print` does."""

    @property
    def stream(self) -> Any:
        return sys.stdout

    @stream.setter
    def stream(self, _stream: Any) -> None:
        """Ignore the stream of the start."""


class Observability:
    """The logger and the metrics of one process.

    Args:
        settings: the log level, and the stage.
        on_request: called with each exchange that has ended, and its status.
        output: where the lines of requests are written; None: standard output.
        on_drift: called with the lines of counts, when there are any.
    """

    def __init__(
        self,
        settings: ServingSettings,
        on_request: Callable[[Observation, int], object] | None = None,
        output: TextIO | None = None,
        on_drift: Callable[[Sequence[str]], object] | None = None,
    ) -> None:
        self._on_request, self._on_drift = on_request, on_drift
        self._output = output
        self.logger = Logger(
            service=METRICS.service,
            level=settings.log_level,
            location=None,
            logger_handler=_StandardOutput(),
        )
        self._around = Surroundings(settings.stage, cold=True)
        self._pending: list[str] = []
        self._drift_s = settings.drift_s
        self._gathering: Gathering | None = None
        self.capturing = _capturing(settings)
        """What captures a share of the requests; None: nothing does."""
        self._noted: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
        if settings.note_answers:
            from lading.functions.inference.observability.answers import noted

            self._noted = noted

    def write_libraries(self) -> None:
        """Write what libraries such as uvicorn log as JSON lines into this log.

        For a server, whose log is one stream; on Lambda the runtime writes them.
        """
        handler, own = _StandardOutput(), self.logger.name
        handler.setFormatter(self.logger.handlers[0].formatter)
        handler.addFilter(lambda record: record.name != own)
        logging.getLogger().addHandler(handler)
        logging.captureWarnings(True)

    def note_failures(self, catalog: Catalog) -> None:
        """Log each version that failed to load."""
        for failure in catalog.failures():
            self.logger.error(
                "model failed to load",
                model=failure.name,
                version=failure.version,
                reason=failure.reason,
            )

    def note_warm_up(self) -> None:
        """Record that a warm-up took the cold start, so that no request waits for it."""
        self._around = self._around._replace(cold=False)

    def middleware(self, app: App) -> App:
        """Return `app` with a log line for each request, and a request id on each answer."""

        async def observed(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            observation = scope[OBSERVATION] = Observation()
            request_id = (
                request_id_of(scope.get("headers", ())) or _gateway_id(scope) or new_request_id()
            )
            status: int | None = None
            waits = self.capturing is not None and self.capturing.waits

            async def send_observed(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                    message["headers"] = [*message["headers"], _header(request_id)]
                else:
                    observation.sent += len(message.get("body", b""))
                    if waits and status == _OK and not message.get("more_body"):
                        self._capture(observation, request_id, scope)
                await send(message)

            try:
                await app(scope, receive, send_observed)
            finally:
                ended = _unsent(observation) if status is None else status
                exchange = Exchange(scope["method"], scope["path"], ended, request_id)
                context = scope.get("aws.context")
                if _from_hook(scope):
                    context = None
                    forget_answer(observation)
                self.note(exchange, observation, context)

        return observed

    def served(self, app: App) -> App:
        """Return the same for a server, which writes each line at the end of its request."""
        observed = self.middleware(app)

        async def flushed(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await observed(scope, receive, send)
            finally:
                self.flush()

        return flushed

    def note(self, exchange: Exchange, observation: Observation, context: Any = None) -> None:
        """Record an answered request of any protocol; its answer has left by then.

        A server that records many requests at once calls `Observation.finish` with each answer.

        Args:
            exchange: the request and its status.
            observation: what the service recorded of it.
            context: Lambda's context object; without one, no function's metrics count the request.
        """
        observation.finish()
        if self._noted is not None and observation.outputs is not None:
            observation.answer = self._noted(observation.outputs)
        observation.outputs = None
        self._log_fault(observation.error, exchange.request_id)
        around = self._around if context is None else self._around._replace(function=_of(context))
        self._pending.append(write_line(exchange, observation, around, int(time() * 1000)))
        if observation.answered is not None:
            self._gather(observation)
        gathering, ended = self._gathering, observation.ended or 0.0
        if gathering is not None and ended >= gathering.due:
            self._end_period(gathering)
        if self.capturing is not None:
            self._note_capture(self.capturing, observation, exchange)
        if observation.feedback is not None:
            self._pending.append(observation.feedback.line(self._around.stage))
        if len(self._pending) >= _MOST_PENDING:
            self.flush()  # in a server no invocation ends
        if self._around.cold:
            self._around = self._around._replace(cold=False)
        if self._on_request is not None:
            observation.request_id = exchange.request_id
            self._on_request(observation, exchange.status)

    def _capture(self, seen: Observation, request_id: str, scope: Scope) -> None:
        """Capture a prediction before the end of its answer leaves, except for a roll-out's."""
        captured, seen.captured = seen.captured, None
        if self.capturing is not None and captured is not None and not _from_hook(scope):
            self.capturing.offer(request_id, captured)

    def _note_capture(self, capturing: "Capturing", seen: Observation, exchange: Exchange) -> None:
        """Have a prediction captured where no answer waits for that; add the lines that are due."""
        captured, seen.captured = seen.captured, None
        if captured is not None and not capturing.waits and exchange.status == _OK:
            capturing.offer(exchange.request_id, captured)
        self._pending += capturing.lines(seen.ended or 0.0)

    def _gather(self, seen: Observation) -> None:
        """Count what was predicted, in a group with other predictions."""
        answered, seen.answered = seen.answered, None  # a connection keeps its last observation
        if not self._drift_s or answered is None:
            return
        if self._gathering is None:
            from lading.functions.inference.drift.gathering import Gathering

            self._gathering = Gathering(self._around.stage, self._drift_s)
        self._gathering.note(answered)

    def _end_period(self, gathering: "Gathering") -> None:
        """Write the lines of what has been counted."""
        lines = gathering.lines()
        self._pending += lines
        if lines and self._on_drift is not None:
            self._on_drift(lines)

    def end(self) -> None:
        """Write what has been counted since the last minute, when the server stops."""
        if self._gathering is not None:
            self._end_period(self._gathering)
        if self.capturing is not None:
            self._pending += self.capturing.end()
        self.flush()

    def flush(self) -> None:
        """Write the lines of the requests since the last flush."""
        if self._pending:
            lines = "\n".join(self._pending)
            self._pending.clear()
            print(lines, file=self._output, flush=True)

    def _log_fault(self, error: InferenceError | None, request_id: str) -> None:
        """Log the traceback of a fault of the service, which no answer shows."""
        if isinstance(error, InternalFailure):
            self.logger.error(
                "internal error",
                correlation_id=request_id,
                exception_name=error.kind,
                exception=error.traceback,
            )


def _capturing(settings: ServingSettings) -> "Capturing | None":
    """Return what captures requests, if the settings say so; else nothing is imported for it."""
    if settings.capture is None:
        return None
    from lading.functions.inference.capture.capturing import Capturing

    return Capturing(settings.capture, settings.stage)


def _of(context: Any) -> tuple[str, ...]:
    """Return the name and the version of the function that Lambda's context is of."""
    return tuple(str(getattr(context, name, NONE)) for name in METRICS.of_function[-1])


def _unsent(seen: Observation) -> int:
    """Return the status of an exchange without a response."""
    return status_of(seen.error) if isinstance(seen.error, CallerGone) else _SERVER_ERROR


def _from_hook(scope: Scope) -> bool:
    """Whether the request tests a version that gets no traffic yet.

    The alarms that judge the version count callers' requests only.
    """
    return _gateway_id(scope) == HOOK.request_id


def _gateway_id(scope: Scope) -> str | None:
    """Return API Gateway's id of a request; None outside Lambda."""
    event: dict[str, Any] = scope.get("aws.event", {})
    found: str | None = event.get("requestContext", {}).get("requestId")
    return found


def request_id_of(lines: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return the id in a request's header lines, if there is one that can be logged."""
    for key, value in lines:
        if key.lower() in (b"x-request-id", b"x-correlation-id"):
            text = value.decode("latin-1")
            if is_request_id(text):
                return text
    return None


def new_request_id() -> str:
    """Return an id for a request that has none."""
    return os.urandom(16).hex()


def _header(request_id: str) -> tuple[bytes, bytes]:
    return (REQUEST_ID.encode(), request_id.encode())
