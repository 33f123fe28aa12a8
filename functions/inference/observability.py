"""What is told of each request: one JSON log line and one set of metrics.

An ASGI middleware notes both, so that they are the same on Lambda and under any server. Metrics are
CloudWatch's embedded metric format: lines on standard output, written by `flush`, which the Lambda
entry calls at the end of an invocation, and anyway before many are waiting.
"""

import logging
import os
import sys
from typing import Any

import orjson
from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics

from functions.inference.asgi import App, Message, Receive, Scope, Send
from functions.inference.catalog import Catalog
from functions.inference.contract import METRICS
from functions.inference.errors import InferenceError, brief
from functions.inference.exchange import OBSERVATION, Observation
from functions.inference.settings import Settings

REQUEST_ID = "x-request-id"

_LONGEST_ID = 128
_MOST_PENDING = 100
_NONE = "none"
_CLIENT_ERROR, _SERVER_ERROR = 400, 500


class _StandardOutput(logging.StreamHandler[Any]):
    """Writes to what standard output is at the time, as `print` does."""

    @property
    def stream(self) -> Any:
        return sys.stdout

    @stream.setter
    def stream(self, _stream: Any) -> None:
        """What it was at the start does not matter."""


class Observability:
    """The logger and the metrics of one process."""

    def __init__(self, settings: Settings) -> None:
        self.logger = Logger(
            service=METRICS.service,
            level=settings.log_level,
            location=None,
            logger_handler=_StandardOutput(),
            json_serializer=_to_json,
        )
        self._metrics = EphemeralMetrics(namespace=METRICS.namespace)
        self._pending: list[str] = []
        self._cold = True

    def note_failures(self, catalog: Catalog) -> None:
        """Log each version that failed to load."""
        for failure in catalog.failures():
            self.logger.error(
                "model failed to load",
                model=failure.name,
                version=failure.version,
                reason=failure.reason,
            )

    def middleware(self, app: App) -> App:
        """`app` with a log line and metrics for each request, and an id on each answer."""

        async def observed(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            observation = scope[OBSERVATION] = Observation()
            request_id = _request_id(scope)
            status = _SERVER_ERROR

            async def send_observed(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                    message["headers"] = [*message["headers"], _header(request_id)]
                await send(message)

            try:
                await app(scope, receive, send_observed)
            finally:
                observation.finish()
                self._log(scope, observation, status, request_id)
                self._measure(observation, status)
                self._cold = False

        return observed

    def flush(self) -> None:
        """Write the metrics of the requests since the last flush."""
        if self._pending:
            print(*self._pending, sep="\n", flush=True)  # noqa: T201 how CloudWatch gets metrics
            self._pending.clear()

    def _log(self, scope: Scope, seen: Observation, status: int, request_id: str) -> None:
        log = self.logger.info
        if status >= _CLIENT_ERROR:
            log = self.logger.warning if status < _SERVER_ERROR else self.logger.error
        fields = {
            "correlation_id": request_id,
            "method": scope["method"],
            "path": brief(scope["path"]),
            "status": status,
            "dialect": seen.dialect or None,
            "model": seen.model or None,
            "version": seen.version,
            "cold_start": self._cold,
            **{f"{name}_ms": round(value, 3) for name, value in seen.milliseconds().items()},
        }
        if seen.error is not None:
            fields |= {"error": type(seen.error).__name__, "reason": str(seen.error)}
        log("request", extra=fields, exc_info=_unexpected(seen.error))

    def _measure(self, seen: Observation, status: int) -> None:
        values = (seen.model, seen.version, seen.dialect)
        counts = {
            METRICS.requests: True,
            METRICS.client_errors: _CLIENT_ERROR <= status < _SERVER_ERROR,
            METRICS.server_errors: status >= _SERVER_ERROR,
            METRICS.cold_start: self._cold,
        }
        metrics = {name: {"Unit": "Count", "Value": [int(each)]} for name, each in counts.items()}
        for name, value in seen.milliseconds().items():
            metrics[METRICS.times[name]] = {"Unit": "Milliseconds", "Value": [round(value, 3)]}
        # Serialised at once: `add_metric` validates anew what is fixed here, at ten times the cost.
        document = self._metrics.serialize_metric_set(
            metrics,
            dict(zip(METRICS.dimensions, (str(each or _NONE) for each in values), strict=True)),
        )
        self._pending.append(_to_json(document))
        if len(self._pending) >= _MOST_PENDING:
            self.flush()  # a server has no end of an invocation


def _to_json(document: Any) -> str:
    return orjson.dumps(document, default=str).decode()


def _unexpected(error: Exception | None) -> Exception | None:
    """The error when its traceback belongs in the log: it is none of ours."""
    return error if error is not None and not isinstance(error, InferenceError) else None


def _request_id(scope: Scope) -> str:
    """The caller's id when it is fit to be logged, else API Gateway's, else a new one."""
    for key, value in scope.get("headers", ()):
        if key.lower() in (b"x-request-id", b"x-correlation-id"):
            text = value.decode("latin-1")
            if text.isprintable() and text.isascii() and 0 < len(text) <= _LONGEST_ID:
                return str(text)
    event: dict[str, Any] = scope.get("aws.event", {})
    return event.get("requestContext", {}).get("requestId") or os.urandom(16).hex()


def _header(request_id: str) -> tuple[bytes, bytes]:
    return (REQUEST_ID.encode(), request_id.encode())
