"""What passes between the application and a dialect: Request in, Response out."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from types import MappingProxyType

from functions.inference.catalog import Catalog, CatalogModel
from functions.inference.contract import DEFAULT_LABEL
from functions.inference.errors import (
    EndpointUnready,
    InferenceError,
    KeyReused,
    MalformedRequest,
    MethodNotAllowed,
    ModelConflict,
    ModelUnavailable,
    NotAcceptable,
    NotFound,
    RequestError,
    RequestInProgress,
    RequestTooLarge,
    RouteNotFound,
    Throttled,
    TimedOut,
    Unsupported,
    UnsupportedMediaType,
)
from functions.inference.predictor import Predictor
from functions.inference.tensors import Array

JSON = "application/json"
OBSERVATION = "lading.observation"
"""Key of the ASGI scope at which the middleware learns what happened."""
REASON = "lading-reason"
"""Header of a 503: `cold`, `updating` or `failed`."""
ANSWERED_BY = "lading-answered-by"
"""Header of an answer that another model gave than the one that was asked."""

_MOST_VERSION_DIGITS = 18


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


@dataclass(frozen=True, slots=True)
class Call:
    """One request, routed: what a dialect's operation works with."""

    request: Request
    catalog: Catalog
    parameters: Mapping[str, str]
    observation: Observation

    def model_name(self) -> str:
        """The model in the path, else the only one served at this base URL.

        Raises:
            MalformedRequest: the path names none and several are served.
        """
        if "model" in self.parameters:
            return self.parameters["model"]
        names = self.catalog.names()
        if len(names) != 1:
            raise MalformedRequest(f"name one of the models in the path: {', '.join(names)}")
        return names[0]

    def model(self) -> CatalogModel:
        """The model that the path means.

        Raises:
            ModelNotFound: it is not served here.
        """
        model = self.catalog.model(self.model_name())
        self.observation.model = model.name
        return model

    def find_version(self) -> tuple[str, int]:
        """Name and version of the model that the path means.

        Raises:
            NotFound: it is not served here.
        """
        model = self.model()
        version = model.find_version(
            _version_number(self.parameters.get("version")), self.parameters.get("label")
        )
        self.observation.version = version
        return model.name, version

    def predictor(self) -> Predictor:
        """The predictor that the path means.

        Raises:
            NotFound: it is not served here.
            ModelUnavailable: it failed to load.
        """
        name, version = self.find_version()
        return self.catalog.model(name).predictor(version)

    def predict(
        self, predictor: Predictor, inputs: dict[str, Array], outputs: Sequence[str] = ()
    ) -> dict[str, Array]:
        """Predict, and note when: what came before is decoding, what comes after encoding."""
        self.observation.compute_started = perf_counter()
        try:
            return predictor.predict(inputs, outputs)
        except EndpointUnready as unready:
            return self._ask_twin(unready, getattr(predictor, "twin", None), inputs, outputs)
        finally:
            self.observation.compute_ended = perf_counter()

    def _ask_twin(
        self,
        unready: EndpointUnready,
        twin: Predictor | None,
        inputs: dict[str, Array],
        outputs: Sequence[str],
    ) -> dict[str, Array]:
        """The answer of the model that stands in for another, if there is one and it answers."""
        if twin is None:
            raise unready
        try:
            answer = twin.predict(inputs, outputs)
        except InferenceError as error:
            raise unready from error
        self.observation.answered_by = twin.metadata.name
        return answer


def _version_number(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > _MOST_VERSION_DIGITS:
        raise MalformedRequest(
            f"version '{text[:40]}' is no number; a label as '{DEFAULT_LABEL}' goes after /labels/"
        )
    return int(text)


STATUSES: Mapping[type[InferenceError], int] = MappingProxyType(
    {
        NotFound: 404,
        RouteNotFound: 404,
        MethodNotAllowed: 405,
        RequestTooLarge: 413,
        UnsupportedMediaType: 415,
        NotAcceptable: 406,
        ModelConflict: 409,
        Unsupported: 501,
        RequestInProgress: 409,
        KeyReused: 422,
        RequestError: 400,
        ModelUnavailable: 503,
        Throttled: 429,
        TimedOut: 504,
    }
)
"""The status that HTTP has for each error; what is not here is 500."""

_SAME: Mapping[type[InferenceError], int] = MappingProxyType({})


def status_of(error: InferenceError, changes: Mapping[type[InferenceError], int] = _SAME) -> int:
    """The status of the nearest class of `error`: in a dialect's `changes`, else in `STATUSES`."""
    table = {**STATUSES, **changes}
    return next((table[kind] for kind in type(error).__mro__ if kind in table), 500)


def headers_of(error: InferenceError) -> dict[str, str]:
    """The headers that HTTP wants beside the status of an error, whatever the dialect."""
    if isinstance(error, MethodNotAllowed):
        return {"allow": ", ".join(error.allowed)}
    again = getattr(error, "retry_after_s", None)
    headers = {"retry-after": str(again)} if again else {}
    return {**headers, REASON: error.state} if isinstance(error, EndpointUnready) else headers
