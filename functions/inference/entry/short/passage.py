"""One request on the short way: its body, its prediction and its answer."""

from asyncio import Future
from collections.abc import Callable, Generator
from types import GeneratorType
from typing import ParamSpec, cast

from lading.functions.contract.errors import CallerGone, InferenceError
from lading.functions.inference.dialects import refuse
from lading.functions.inference.entry.http_protocol import BoundedProtocol
from lading.functions.inference.entry.short.known_routes import KnownRoute
from lading.functions.inference.lanes.joining import Outcome
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.models.call import Call, Predicting, finish, start
from lading.functions.inference.models.prediction import Prediction
from lading.functions.inference.observability.log import new_request_id, request_id_of
from lading.functions.inference.tensors.binary import HEADER_LENGTH
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.wire.boundary import Boundary
from lading.functions.inference.wire.header_lines import HeaderLines
from lading.functions.inference.wire.messages import JSON, Observation, Request, Response, marks_of

P = ParamSpec("P")

_IDS = frozenset({b"x-request-id", b"x-correlation-id"})
_BINARY_DIALECT = "open_inference"
_MOST_DIGITS = 12


class Passage:
    """One request on the short way. For uvicorn's protocol it stands in for a cycle.

    Args:
        protocol: the connection.
        route: what answers.
        catalog: the models.
        broken_off: called if the caller leaves before the body is complete.
    """

    __slots__ = (
        *(
            "_broken_off",
            "answer",
            "catalog",
            "chunks",
            "complete",
            "disconnected",
            "keep_alive",
            "headers",
        ),
        *("observation", "prediction", "protocol", "request_id", "response_complete", "route"),
        *("size", "steps", "waiting"),
    )

    def __init__(
        self,
        protocol: BoundedProtocol,
        route: KnownRoute,
        catalog: Catalog,
        broken_off: Callable[["Passage"], None],
    ) -> None:
        self.protocol, self.route, self.catalog = protocol, route, catalog
        self._broken_off = broken_off
        self.headers = HeaderLines(protocol.headers, protocol.known)
        self.keep_alive = protocol.parser.should_keep_alive()
        self.chunks: list[bytes | bytearray] = []
        self.size = 0
        """Bytes of the body, once it is complete."""
        self.observation = Observation()
        given = request_id_of(protocol.headers) if not _IDS.isdisjoint(protocol.known) else None
        self.request_id = given or new_request_id()
        self.steps: Predicting | None = None
        self.prediction: Prediction | None = None
        self.answer: Response | None = None
        self.waiting: Future[None] | None = None
        """The work of a thread, while there is any."""
        self.complete = self.disconnected = self.response_complete = False

    @property
    def more_body(self) -> bool:
        """Whether more of the body is to come."""
        return not self.complete

    @property
    def message_event(self) -> "Passage":
        """What uvicorn's protocol sets when the caller is gone."""
        return self

    def set(self) -> None:
        """Stop the work if the caller is gone and no thread has started it."""
        if self.disconnected and not self.complete:
            self.observation.error = CallerGone("the body was complete")
            self._broken_off(self)
        elif self.disconnected and self.waiting is not None:
            self.waiting.cancel()

    def json_size(self, size: int) -> int:
        """Return how many of a body's bytes precede binary tensors; all, if there are none."""
        length = self.headers.get(HEADER_LENGTH, "")
        stated = length.isdecimal() and len(length) <= _MOST_DIGITS
        return min(int(length), size) if stated and self._takes_binary() else size

    def reads_in_place(self) -> bool:
        """Return whether the body is read where it lies, as JSON or as binary tensors."""
        given: str = self.headers.get("content-type", JSON)
        is_json = given.partition(";")[0].strip().lower() == JSON
        return is_json or (HEADER_LENGTH in self.headers and self._takes_binary())

    def _takes_binary(self) -> bool:
        return self.route.dialect.name == _BINARY_DIALECT

    def attempt(self, work: Callable[P, object], *args: P.args, **named: P.kwargs) -> bool:
        """Do a part of the work; return False if it failed: then its error is the answer."""
        with Boundary(self.observation) as boundary:
            work(*args, **named)
            return True
        self.answer = refuse(boundary.refusal, self.route.below)
        return False

    def decode(self) -> None:
        """Decode the request: afterwards there is a prediction or an answer."""
        self.observation.dialect = self.route.dialect.name
        self.attempt(self._decode)

    def finish(self, outcome: Outcome) -> None:
        """Encode what the prediction gave, or why it gave nothing."""
        self.attempt(self._encode, outcome)

    def rest(self) -> Generator[Prediction, dict[str, Array], None]:
        """Do all that is left; the lanes, or whoever drives this, predict."""
        if self.prediction is None:
            self.decode()
        if self.prediction is not None:
            self.finish((yield self.prediction))

    def refuse(self, error: InferenceError) -> None:
        """Answer with an error of the server; the rest of the body is not waited for."""
        self.complete, self.keep_alive = True, False
        self.chunks.clear()
        self.observation.dialect, self.observation.error = self.route.dialect.name, error
        self.answer = refuse(error, self.route.below)

    def release(self) -> None:
        """Let go of inputs and answer: the connection keeps its last request until the next one."""
        self.steps = self.prediction = self.answer = None

    def _decode(self) -> None:
        route = self.route
        body = self.chunks[0] if len(self.chunks) == 1 else b"".join(self.chunks)
        self.chunks.clear()
        read_alike = cast("bytes", body)  # also a bytearray, see `reads_in_place`
        request = Request("POST", route.below, self.headers, read_alike)
        steps = route.operation(Call(request, self.catalog, route.parameters, self.observation))
        assert isinstance(steps, GeneratorType), "a known operation is a generator"
        found = start(steps)
        if isinstance(found, Response):
            self.answer = found
        else:
            self.steps, self.prediction = steps, found

    def _encode(self, outcome: Outcome) -> None:
        if isinstance(outcome, Exception):
            raise outcome
        assert self.steps is not None, "it has been decoded"
        response, marks = finish(self.steps, outcome), marks_of(self.observation)
        if marks:
            response = response._replace(headers={**response.headers, **marks})
        self.answer = response
