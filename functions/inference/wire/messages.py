"""What passes between application and dialect: Request in, Response out, and what was seen."""

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from lading.functions.inference.tensors import json_values

JSON = "application/json"
OBSERVATION = "lading.observation"
"""Key of the ASGI scope at which the middleware learns what happened."""
ANSWERED_BY = "lading-answered-by"
"""Header of an answer that another model gave than the one that was asked."""


_SINGLE = frozenset(
    {
        *("authorization", "content-type", "idempotency-key", "inference-header-content-length"),
        *("origin", "x-api-key"),
    }
)
"""Headers of one value each, as far as the service reads them; any other may be a list."""


def read_headers(lines: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by name in lower case, those that come on several lines as one list.

    RFC 9110, 5.3: the values are joined with commas in their order. A header that has one value
    may be repeated as it is; other values are joined all the same, and whoever reads it refuses
    the list.
    """
    headers: dict[str, str] = {}
    for key, line in lines:
        name, value = key.decode("latin-1").lower(), line.decode("latin-1")
        if name not in headers:
            headers[name] = value
        elif name not in _SINGLE or headers[name] != value:
            headers[name] = f"{headers[name]}, {value}"
    return headers


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; header names are lower case, the path is below the base URL."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response, whole."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def json_response(document: Any, status: int = 200) -> Response:
    """A response of one JSON document, in which NaN and Infinity are bare tokens."""
    return Response(status, json_values.dumps(document))


@dataclass(frozen=True, slots=True)
class StreamedResponse:
    """One HTTP response in parts; closing `parts` stops whatever makes them.

    `parts` raises nothing: what breaks after its beginning ends with the dialect's own error.
    """

    status: int
    parts: Generator[bytes, None, None]
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Observation:
    """What is known of one exchange, for its log line and its metrics. Times are seconds."""

    started: float = field(default_factory=perf_counter)
    dialect: str = ""
    model: str = ""
    version: int | None = None
    compute_started: float | None = None
    compute_ended: float | None = None
    first_part: float | None = None
    ended: float | None = None
    error: Exception | None = None
    broken: bool = False
    """Whether the answer broke off after its status was sent."""
    answered_by: str = ""
    """The model that answered instead of the one that was asked; empty when none did."""

    def finish(self) -> None:
        """Note that the answer is out."""
        self.ended = perf_counter()

    def milliseconds(self) -> dict[str, float]:
        """The whole time, and its parts when there was a prediction."""
        if self.ended is None:
            return {}
        spans = {"total": (self.started, self.ended)}
        if self.compute_started is not None and self.compute_ended is not None:
            spans |= {
                "decode": (self.started, self.compute_started),
                "compute": (self.compute_started, self.compute_ended),
                "encode": (self.compute_ended, self.ended),
            }
        if self.first_part is not None:
            spans["first"] = (self.started, self.first_part)
        return {name: (end - start) * 1000 for name, (start, end) in spans.items()}
